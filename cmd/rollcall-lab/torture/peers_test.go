package torture

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rollcall/control"
)

// Of what peers remove, crashed nodes and unreachable ones are right, and what those say to
// whom the fault is done does not count.
func TestAuditPeers(t *testing.T) {
	at := func(d time.Duration) control.Time { return second.Add(d) }
	crashes := []crash{{victim: "n08", fault: at(0), back: at(time.Second)}}
	got := auditPeers([]peerRemoval{
		{"n01", "n08", at(500 * time.Millisecond)},
		{"n01", "n08", at(time.Minute)}, // long after its return
		{"n08", "n02", at(500 * time.Millisecond)},
		{"n01", "n04", at(1)},
		{"n05", "n06", at(1)},
		{"n01", "n03", at(1)},
		{"n02", "n03", at(2)},
	}, crashes, func(n string) bool { return n == "n05" }, func(n string) bool { return n == "n04" })
	if want := []string{"n03", "n08"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Without peers nothing is done.
func TestNoPeers(t *testing.T) {
	p, err := startPeers(nil, "")
	if p != nil || err != nil {
		t.Fatal(p, err)
	}
	p.signal(0, "n01")
	p.end(0, "n01")
	p.settled(t.Context())
	if p.start("n01") != nil || p.found(t.Context(), "n01", 0) != 0 || p.missing() != nil {
		t.Error("something was done")
	}
}

// A program may be named relative to the directory of the lab, where its own is another.
func TestPeerProgram(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("agent", nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := peerProgram("./agent --every 1s"); err != nil || !slices.Equal(got, []string{filepath.Join(dir, "agent"), "--every", "1s"}) {
		t.Error(got, err)
	}
	if got, err := peerProgram("./another"); err == nil {
		t.Error("a program that does not exist was taken:", got)
	}
}
