package control

import (
	"testing"
	"time"
)

// clocksApart is how much faster one clock may run than another: each may be slewed by a tenth (lease rule 3).
const clocksApart = 1.1 / 0.9

// TestLeaseFits: for every number of rounds a lease that is extended an interval after the last beat that
// others took ends before these promise another leader, and before those rounds are missed.
func TestLeaseFits(t *testing.T) {
	for k := 4; k <= roundsMax; k++ {
		n := Node{cfg: Config{Interval: time.Second, Rounds: k}}
		lease := n.leaseLength().Seconds()
		if refusal := float64(k + 1); (lease+1)*clocksApart >= refusal {
			t.Errorf("k = %d: a lease of %v intervals outlives the refusal of prepares, %v", k, lease, refusal)
		}
		if lease*5/4 >= float64(k) {
			t.Errorf("k = %d: removals wait for a lease of %v intervals", k, lease)
		}
	}
}

// TestStrayedExtendNoLease: who promised a higher ballot answers, but not as one who follows: no quorum with
// it extends leases.
func TestStrayedExtendNoLease(t *testing.T) {
	a := asking(false)
	a.Committed = a.Seq
	for from := range uint16(3) {
		f := reply(KindEcho, from, 50)
		if from > 0 {
			f.Reply.Promised++
		}
		a.Receive(10_000, f)
	}
	last, before := a.lately()
	if heard1, heard2 := a.heard(0, last, before); !heard1.Empty() || !heard2.Empty() {
		t.Errorf("leases of %v and %v are extended on the word of those who follow another", heard1, heard2)
	}
	if a.Heard[1].Answered&1 == 0 {
		t.Error("an answer does not count as a sign of life")
	}
}
