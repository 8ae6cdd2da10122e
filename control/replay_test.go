package control

import "testing"

// taken is a member that took round 7 of the leader in slot 3, whose second view it accepted.
func taken() Register {
	r := Register{
		State: RegisterJoining, Cluster: 1, Instance: 2, Slot: 5, Incarnation: 9, Rosters: [HeldRosters]uint64{70},
	}
	f := oldBeat(7)
	r.Receive(1000, &f)
	return r
}

// oldBeat is what somebody recorded from the wire.
func oldBeat(round uint64) Frame {
	return Frame{
		Kind: KindBeat, To: ToAll, Cluster: 1, Instance: 2, From: 3, Ballot: NewBallot(0, 4, 3), Round: round,
		Ask: Ask{
			Seq: 2, Committed: 2, Roster: 70, IntervalUS: 1000, Rounds: 5, LeaseUS: 3500, UpperUS: NoUpper,
			New: Of(3, 5), Old: Of(3, 5), Heard1: Of(3, 5), Heard2: Of(3, 5),
		},
	}
}

// TestReplayedBeat: a recorded beat changes nothing, whether its leader still leads, another
// one does, or another instance lives.
func TestReplayedBeat(t *testing.T) {
	for _, c := range []struct {
		name string
		turn func(r *Register)
		want Reason
	}{
		{"the leader still leads", func(*Register) {}, ReasonOldRound},
		{"another leader was promised", func(r *Register) { r.Promised = NewBallot(0, 5, 1) }, ReasonOldBallot},
		{"another leader beats", func(r *Register) {
			f := oldBeat(1)
			f.From, f.Ballot = 1, NewBallot(0, 5, 1)
			r.Receive(2000, &f)
		}, ReasonOldBallot},
		{"the next instance lives", func(r *Register) { r.Instance++ }, ReasonBadInstance},
		{"the node was removed", func(r *Register) { r.State = RegisterOut }, ReasonOldRound},
		{"the node rebooted", func(r *Register) { *r = Register{Incarnation: 10} }, ReasonNotMember},
	} {
		r := taken()
		c.turn(&r)
		before, f := r, oldBeat(7)
		if o := r.Receive(3000, &f); o.Reason != c.want || o.Wake != 0 {
			t.Errorf("%s: %v, wake %b; want %v", c.name, o.Reason, o.Wake, c.want)
		}
		if r != before {
			t.Errorf("%s: the register changed\n%+v\n%+v", c.name, before, r)
		}
	}
}

// TestReplayAfterRejoin: a register that has yet to hear its leader's first beat takes an
// earlier leader's for that, but accepts nothing, is let into nothing and gets no lease; the
// first real beat goes over it.
func TestReplayAfterRejoin(t *testing.T) {
	r := Register{Incarnation: 11}
	r.apply(&Command{Kind: CommandJoin, Cluster: 1, Instance: 2, Slot: 5})
	r.apply(&Command{Kind: CommandHold, Rosters: [HeldRosters]uint64{71}}) // names its new incarnation
	for round := uint64(7); round < 10; round++ {
		f := oldBeat(round)
		if o := r.Receive(Time(1000*round), &f); o.Reason != ReasonRosterMissing {
			t.Errorf("round %d: %v", round, o.Reason)
		}
	}
	if r.Accepted != (Proposal{}) || r.Committed != (Commit{}) || r.State != RegisterJoining || r.Valid(10000) {
		t.Errorf("a replayed beat made of it %+v", r)
	}
	f := oldBeat(1)
	f.From, f.Ballot, f.Ask.Roster, f.Ask.Seq = 1, NewBallot(0, 6, 1), 71, 9
	if o := r.Receive(11000, &f); o.Reason != ReasonBeatTaken || r.Accepted.Seq != 9 {
		t.Errorf("the real leader's first beat: %v, accepted %d", o.Reason, r.Accepted.Seq)
	}
}
