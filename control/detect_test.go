package control

import "testing"

// TestLateEcho: an echo of one of the last k rounds disproves that a member is silent, however late it comes, and
// though it is in doubt still: nobody is in the cut who was not silent for k rounds when it is made.
func TestLateEcho(t *testing.T) {
	for _, c := range []struct {
		what  string
		round uint64 // that the echo answers; 0: none comes
		falls bool
	}{
		{"no echo", 0, true},
		{"of a round before the last k", 1, true},
		{"of the first of the last k", 2, false},
	} {
		r, a := leading(4)
		n := voter(Config{Self: Peer{Name: "a"}})
		n.cfg.Interval = beatEvery
		roster := &Roster{}
		for s, name := range []string{"a", "b", "c", "d"} {
			roster = roster.With(Seat{Slot: uint16(s), Peer: peer(name, 100+uint64(s))})
		}
		n.role, n.reg, n.tally = roleLeader, *r, a
		n.lead = leadership{ballot: a.Ballot, view: Proposal{Ballot: a.Ballot, Seq: 5, New: a.New, Old: a.New}, decided: true, roster: roster, elected: 1}
		now := Time(1e9)
		var beats []Frame
		look := func() {
			n.now = now
			if !n.detect() {
				t.Fatalf("%s: leads no longer", c.what)
			}
		}
		for round := range 7 { // slot 1 answers the first alone, slot 2 all but the last three
			f, _, _, sent := a.Beat(now, r, nil)
			if !sent {
				t.Fatal("no beat")
			}
			beats = append(beats, f)
			answer(a, &f, beatEvery/2, 3)
			if round == 0 {
				answer(a, &f, beatEvery/2, 1)
			}
			if round < 4 {
				answer(a, &f, beatEvery/2, 2)
			}
			now = now.Add(beatEvery)
			if round == 5 {
				look()
			}
		}
		if !n.lead.fallen.Has(1) || n.lead.fallen.Has(2) || !n.lead.suspects.Has(1) {
			t.Fatalf("%s: after five rounds fallen are %v", c.what, n.lead.fallen)
		}
		if c.round > 0 {
			answer(a, &beats[c.round-1], now.Since(beats[c.round-1].Sent)-beatEvery/2, 1)
		}
		now = now.Add(-beatEvery / 2) // the seventh round is not over
		look()
		if got := n.lead.fallen.Has(1); got != c.falls {
			t.Errorf("%s: fallen %v, want %v", c.what, got, c.falls)
		}
	}
}
