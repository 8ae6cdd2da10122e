package explore

import (
	"testing"
	"time"
)

func TestOpenings(t *testing.T) {
	for _, o := range Openings() {
		w := o.World()
		t.Logf("%s: %d frames, %d letters", o.Name, len(w.frames), len(w.letters))
		for i := range w.hosts {
			r := &w.hosts[i].reg
			t.Logf("  n%d state %d inst %d slot %d promised %v accepted %v/%d %b committed %d %b", i, r.State, r.Instance, r.Slot, r.Promised, r.Accepted.Ballot, r.Accepted.Seq, r.Accepted.New[0], r.Committed.Seq, r.Committed.Members[0])
		}
	}
}

func TestWalks(t *testing.T) {
	began := time.Now()
	tried, r := Walks(1, 1<<40, 5*time.Second, nil)
	t.Logf("%d walks, %d events, %v per event", tried, r.Events, time.Since(began)/time.Duration(r.Events))
	if r.Violation != nil {
		t.Fatalf("seed %d: %v", tried, r.Violation)
	}
}
