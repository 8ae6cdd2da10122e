package control

import (
	"testing"

	"pgregory.net/rapid"
)

func TestBallotOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (g uint16, term uint32, slot uint16) {
			small := rapid.Uint32Range(0, 2)
			if rapid.Bool().Draw(t, "large") {
				small = rapid.Uint32()
			}
			return uint16(small.Draw(t, name)), small.Draw(t, name), uint16(small.Draw(t, name))
		}
		g1, t1, s1 := draw("a")
		g2, t2, s2 := draw("b")
		a, b := NewBallot(g1, t1, s1), NewBallot(g2, t2, s2)
		if a.Generation() != g1 || a.Term() != t1 || a.Slot() != s1 {
			t.Fatalf("%d.%d.%d became %v", g1, t1, s1, a)
		}
		less := g1 < g2 || g1 == g2 && (t1 < t2 || t1 == t2 && s1 < s2)
		if (a < b) != less {
			t.Fatalf("%v < %v: %v", a, b, a < b)
		}
	})
	if s := NewBallot(1, 20, 300).String(); s != "1.20.300" {
		t.Errorf("ballot reads %q", s)
	}
}

func TestProposalOrder(t *testing.T) {
	p := Proposal{Ballot: NewBallot(1, 5, 3), Seq: 9}
	for _, c := range []struct {
		ballot Ballot
		seq    uint64
		want   bool
	}{
		{p.Ballot, 9, false},
		{p.Ballot, 10, true},
		{p.Ballot, 8, false},
		{p.Ballot + 1, 1, true}, // a later leader may propose again what came before
		{p.Ballot - 1, 99, false},
	} {
		if got := p.Less(c.ballot, c.seq); got != c.want {
			t.Errorf("%v/%d below %v/%d: %v", p.Ballot, p.Seq, c.ballot, c.seq, got)
		}
	}
}
