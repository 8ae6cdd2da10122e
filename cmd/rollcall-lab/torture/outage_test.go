package torture

import (
	"testing"
	"time"

	"rollcall/control"
	"rollcall/view"
)

// A fault explains removals that rest on what happened while it lasted, not those before and after it.
func TestOutagesExplain(t *testing.T) {
	const silence = 40 * time.Millisecond
	list := append(flips("n04", second, second.Add(4*time.Second), time.Second), outage{node: "n05", from: second})
	for _, tc := range []struct {
		node string
		last time.Duration // since a second, until it was heard last
		want bool
	}{
		{"n04", -50 * time.Millisecond, false},
		{"n04", -10 * time.Millisecond, true},
		{"n04", 900 * time.Millisecond, true},
		{"n04", 1100 * time.Millisecond, false},
		{"n04", 2500 * time.Millisecond, true},
		{"n05", time.Hour, true},
		{"n06", 10 * time.Millisecond, false},
	} {
		r := removal{node: tc.node}
		r.LastEvidenceNS = uint64(second.Add(tc.last))
		if got := list.explain(&r, silence); got != tc.want {
			t.Errorf("%s, heard of after %v: %v", tc.node, tc.last, got)
		}
	}
	if !list.has("n05") || list.has("n06") || len(list.nodes()) != 2 {
		t.Errorf("nodes %v", list.nodes())
	}
}

// What is reachable again is so once, and no other node with it.
func TestReachable(t *testing.T) {
	f := new(field)
	f.unreachable("n01", "n02")
	f.reachable("n02", "n03")
	f.unreachable("n02")
	ended := map[string]int{}
	for _, o := range f.outages {
		if o.until != control.Time(0) {
			ended[o.node]++
		}
	}
	if len(f.outages) != 3 || ended["n01"] != 0 || ended["n02"] != 1 || !f.isTouched("n01") {
		t.Errorf("%+v", f.outages)
	}
}

// Whoever was removed for its link stays out of views while the link is as it is.
func TestStaysOut(t *testing.T) {
	for _, tc := range []struct {
		removals int
		state    view.State
		ok       bool
	}{
		{1, view.Gone, true}, {1, view.Probation, true}, {1, view.Alive, false}, {1, view.Joining, false},
		{2, view.Probation, false}, {3, view.Quarantined, true},
	} {
		if err := staysOut("n04", tc.removals, tc.state); (err == nil) != tc.ok {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}
