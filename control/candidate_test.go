package control

import (
	"testing"
	"time"
)

// TestCampaignEnds: a beat arrives between the step that decides to stand and the prepare, which the own register
// refuses then as the others do. Whoever stood follows again, and asks nobody for promises while the leader beats.
func TestCampaignEnds(t *testing.T) {
	c := Config{Cluster: "story", Self: peer("b", 0), Interval: 100 * time.Millisecond, Rounds: 5, Rosters: []*Roster{rosterOf("a", "b", "c")}}
	n := New(c)
	ballot, all := NewBallot(1, 1, 0), Of(0, 1, 2)
	view := Proposal{Ballot: ballot, Seq: 2, Roster: c.Rosters[0].Version(), New: all, Old: all}
	r := &Register{
		State: RegisterMember, Instance: 1, Slot: 1, Incarnation: 101, Promised: ballot, Accepted: view, BeatBallot: ballot, Heard: all,
		Committed: Commit{Ballot: ballot, Seq: 2, Roster: view.Roster, Members: all}, IntervalUS: 100_000, Rounds: 5,
	}
	r.Rosters[0] = view.Roster
	tally := new(Tally)
	prepares := func(at Time) (sent int) {
		out := n.Step(at, Input{Register: r, Tally: tally})
		for i := range out.Commands {
			if k := out.Commands[i].Kind; k == CommandAsk {
				Apply(&out.Commands[i], r, tally)
			}
		}
		for i := range out.Frames {
			if out.Frames[i].Frame.Kind == KindPrepare {
				sent++
			}
		}
		return sent
	}
	now := Time(time.Hour)
	r.BeatAt = now
	for stood := 0; stood == 0; stood = prepares(now) {
		if now = now.Add(c.Interval); now.Since(r.BeatAt) > 20*c.Interval {
			t.Fatal("it does not stand though nobody beats")
		}
	}
	for range 20 {
		r.BeatAt = now.Add(c.Interval / 2)
		now = now.Add(c.Interval)
		if prepares(now) > 0 {
			t.Fatalf("it asks for promises while the leader beats; it is a %s", roleNames[n.role])
		}
	}
}
