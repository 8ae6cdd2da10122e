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

// TestLagging: a beat extends no lease of a register that does not know the last view which it tells to be decided,
// or knows one of another generation: there the slot may be another's.
func TestLagging(t *testing.T) {
	for _, c := range []struct {
		name    string
		ballot  Ballot
		decided uint64
		held    bool // the roster of the view that the beat proposes
		extends bool
	}{
		{"known", NewBallot(1, 1, 0), 5, false, true},
		{"one earlier than is known", NewBallot(1, 1, 0), 4, false, true},
		{"not known", NewBallot(1, 1, 0), 6, false, false},
		{"learnt from that beat", NewBallot(1, 1, 0), 6, true, true},
		{"another generation's", NewBallot(2, 1, 0), 3, false, false},
	} {
		r := member()
		for round := uint64(1); round < 4; round++ {
			f := ask(KindBeat, c.ballot, round)
			f.Ask.Seq, f.Ask.Committed, f.Ask.UpperUS, f.Ask.Heard1 = 6, c.decided, 7000, Of(r.Slot)
			if !c.held {
				f.Ask.Roster++
			}
			r.Receive(Time(round)*Time(time.Millisecond), f)
		}
		if extends := r.LeaseUntil != 0; extends != c.extends || (r.UpperUntil != 0) != c.extends {
			t.Errorf("%s: until %d, above %d", c.name, r.LeaseUntil, r.UpperUntil)
		}
	}
}
