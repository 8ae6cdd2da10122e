package control

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// member is a register in slot 1 of a group of slots 0, 1 and 2, with view 5 decided.
func member() *Register {
	b := NewBallot(1, 1, 0)
	return &Register{
		State: RegisterMember, Cluster: 5, Incarnation: 77, Instance: 2, Group: 3, Slot: 1, Rosters: [HeldRosters]uint64{9},
		Promised: b, Accepted: Proposal{Ballot: b, Seq: 5, Roster: 9, New: Of(0, 1, 2), Old: Of(0, 1, 2)},
		Committed:  Commit{Ballot: b, Seq: 5, Roster: 9, Members: Of(0, 1, 2)},
		IntervalUS: 1000, LeaseUS: 3500, Rounds: 5,
	}
}

// ask is a frame to that register from slot 0, a beat on the decided view unless changed.
func ask(kind Kind, ballot Ballot, round uint64) *Frame {
	return &Frame{
		Kind: kind, Cluster: 5, Instance: 2, Group: 3, To: 1, Ballot: ballot, Round: round,
		Ask: Ask{
			Seq: 5, Committed: 5, Roster: 9, IntervalUS: 1000, LeaseUS: 3500, Rounds: 5, UpperUS: NoUpper,
			New: Of(0, 1, 2), Old: Of(0, 1, 2),
		},
	}
}

func TestRegisterAddressed(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(r *Register, f *Frame)
		want  Reason
		wake  Wake
	}{
		{"vacant", func(r *Register, f *Frame) { *r = Register{} }, ReasonNotMember, 0},
		{"frozen", func(r *Register, f *Frame) { r.State = RegisterFrozen }, ReasonFrozen, 0},
		{"another cluster", func(r *Register, f *Frame) { f.Cluster++ }, ReasonBadCluster, 0},
		{"an earlier instance", func(r *Register, f *Frame) { f.Instance-- }, ReasonBadInstance, 0},
		{"a later instance", func(r *Register, f *Frame) { f.Instance++ }, ReasonHigherInstance, WakeInstance},
		{"another level", func(r *Register, f *Frame) { f.Level++ }, ReasonNotMember, 0},
		{"another group", func(r *Register, f *Frame) { f.Group++ }, ReasonNotMember, 0},
		{"another slot", func(r *Register, f *Frame) { f.To = 2 }, ReasonBadSlot, 0},
		{"an answer", func(r *Register, f *Frame) { f.Kind = KindEcho }, ReasonBadKind, 0},
		{"an unknown kind", func(r *Register, f *Frame) { f.Kind = 99 }, ReasonBadKind, 0},
	} {
		r, f := member(), ask(KindBeat, NewBallot(1, 1, 0), 1)
		c.spoil(r, f)
		before, sent := *r, *f
		o := r.Receive(100, f)
		if o.Reply || o.Reason != c.want || o.Wake != c.wake {
			t.Errorf("%s: %v reply %v wake %b", c.name, o.Reason, o.Reply, o.Wake)
		}
		if *r != before || *f != sent {
			t.Errorf("%s: changed the register or the frame", c.name)
		}
	}
	r, f := member(), ask(KindBeat, NewBallot(1, 1, 0), 1)
	f.To = ToAll
	if o := r.Receive(100, f); o.Reason != ReasonBeatTaken {
		t.Errorf("to all: %v", o.Reason)
	}
}

// TestRegisterForward: whatever arrives in whatever order, promises, votes and knowledge only
// grow; an answer tells what the register holds, and what does not count changes nothing.
func TestRegisterForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := member()
		now := Time(1_000_000)
		set := rapid.Custom(func(t *rapid.T) Bitmap {
			return Of(rapid.SliceOfN(rapid.Uint16Range(0, 3), 1, 4).Draw(t, "slots")...)
		})
		for range rapid.IntRange(1, 60).Draw(t, "frames") {
			now += Time(rapid.Uint64Range(0, 4_000_000).Draw(t, "pause"))
			kind := rapid.SampledFrom([]Kind{KindBeat, KindBeat, KindBeat, KindPrepare, KindProbe, KindHandOver}).Draw(t, "kind")
			f := ask(kind, NewBallot(1, rapid.Uint32Range(0, 4).Draw(t, "term"), rapid.Uint16Range(0, 2).Draw(t, "leader")), rapid.Uint64Range(1, 8).Draw(t, "round"))
			f.Ask.Seq = rapid.Uint64Range(3, 9).Draw(t, "seq")
			f.Ask.Committed = rapid.Uint64Range(2, 9).Draw(t, "committed")
			f.Ask.Roster = rapid.SampledFrom([]uint64{9, 9, 9, 8}).Draw(t, "roster")
			f.Ask.New, f.Ask.Old = set.Draw(t, "new"), set.Draw(t, "old")
			f.Ask.Heard1, f.Ask.Heard2 = set.Draw(t, "heard1"), set.Draw(t, "heard2")
			if rapid.Bool().Draw(t, "hand-over") && kind == KindPrepare {
				f.Flags, f.Ask.Prior = FlagHandOver, r.Promised
			}
			was, sent := *r, *f
			o := r.Receive(now, f)

			a, b := &was.Accepted, &r.Accepted
			if r.Promised < was.Promised || b.Less(a.Ballot, a.Seq) || r.Committed.Seq < was.Committed.Seq {
				t.Fatalf("%+v took it back\nfrom %+v\n  to %+v", sent, was, *r)
			}
			if r.Committed.Seq == was.Committed.Seq && r.Committed != was.Committed {
				t.Fatalf("decision %d became another: %+v, was %+v", r.Committed.Seq, r.Committed, was.Committed)
			}
			if b.Ballot > r.Promised || r.Committed.Seq > b.Seq && r.Committed.Seq != was.Committed.Seq {
				t.Fatalf("holds what it never promised: %+v", *r)
			}
			if was.State == RegisterOut && r.State != RegisterOut {
				t.Fatal("a register that was out came back")
			}
			if (r.State == RegisterOut) && r.Valid(now) {
				t.Fatal("out, and still valid")
			}
			if *b != *a && (kind != KindBeat || !was.Holds(sent.Ask.Roster)) {
				t.Fatalf("accepted by %v with roster %d", kind, sent.Ask.Roster)
			}
			if kind != KindBeat {
				was.Promised = r.Promised
				if was != *r {
					t.Fatalf("kind %d changed more than a promise:\n%+v\n%+v", kind, was, *r)
				}
			}
			if !o.Reply {
				if *f != sent {
					t.Fatal("rewrote a frame that it does not answer")
				}
				continue
			}
			y := &f.Reply
			if f.To != sent.From || f.From != r.Slot || f.Ballot != sent.Ballot || f.Round != sent.Round || f.Sent != sent.Sent || f.Ask != (Ask{}) {
				t.Fatalf("answers %+v with %+v", sent, *f)
			}
			if y.Promised != r.Promised || y.Accepted != r.Accepted || y.Committed != r.Committed.Seq || y.Incarnation != r.Incarnation || y.Roster != r.Rosters[0] {
				t.Fatalf("says %+v, holds %+v", *y, *r)
			}
			if o.Reason == ReasonPromised && y.Promised != sent.Ballot {
				t.Fatalf("promised %v, says %v", sent.Ballot, y.Promised)
			}
		}
	})
}

// TestRegisterBeat goes through rules 2 to 4 one by one.
func TestRegisterBeat(t *testing.T) {
	first, second := NewBallot(1, 1, 0), NewBallot(1, 2, 2)
	for _, c := range []struct {
		name   string
		before func(r *Register)
		beat   func(f *Frame)
		want   Reason
		wake   Wake
		check  func(r *Register) bool
	}{
		{"the next view is accepted, not committed", nil,
			func(f *Frame) { f.Ask.Seq, f.Ask.New = 6, Of(0, 1) },
			ReasonBeatTaken, 0, func(r *Register) bool { return r.Accepted.Seq == 6 && r.Committed.Seq == 5 }},
		{"it is committed when the leader says so", nil,
			func(f *Frame) { f.Ask.Seq, f.Ask.Committed, f.Ask.New = 6, 6, Of(0, 1) },
			ReasonBeatTaken, WakeCommitted, func(r *Register) bool { return r.Committed.Seq == 6 && r.Committed.Members == Of(0, 1) }},
		{"a roster that is not held: no vote", nil,
			func(f *Frame) { f.Ask.Seq, f.Ask.Roster, f.Ask.Committed = 6, 8, 6 },
			ReasonRosterMissing, WakeRoster, func(r *Register) bool { return r.Accepted.Seq == 5 && r.Committed.Seq == 5 }},
		{"the members before the proposal are committed with it", func(r *Register) { r.Committed.Seq = 4 },
			func(f *Frame) { f.Ask.Seq, f.Ask.Committed, f.Ask.Old, f.Ask.New = 6, 5, Of(0, 1, 2), Of(0, 1) },
			ReasonBeatTaken, WakeCommitted, func(r *Register) bool { return r.Committed.Seq == 5 && r.Committed.Members == Of(0, 1, 2) }},
		{"no further than what was accepted", func(r *Register) { r.Committed.Seq = 4 },
			func(f *Frame) { f.Ask.Seq, f.Ask.Roster, f.Ask.Committed = 7, 8, 6 },
			ReasonRosterMissing, WakeRoster | WakeCommitted, func(r *Register) bool { return r.Committed.Seq == 5 }},
		{"what another ballot accepted is not committed by this one's word", nil,
			func(f *Frame) { f.Ballot, f.Ask.Seq, f.Ask.Roster, f.Ask.Committed = second, 6, 8, 6 },
			ReasonRosterMissing, WakeRoster, func(r *Register) bool {
				return r.Promised == second && r.Accepted.Ballot == first && r.Committed.Seq == 5
			}},
		{"a new leader proposes the same again", nil,
			func(f *Frame) { f.Ballot = second },
			ReasonBeatTaken, 0, func(r *Register) bool {
				return r.Promised == second && r.Accepted.Ballot == second && r.BeatBallot == second
			}},
		{"a deposed leader is told, and nothing taken", func(r *Register) { r.Promised = second },
			func(f *Frame) { f.Ask.Seq = 6 },
			ReasonOldBallot, 0, func(r *Register) bool { return r.Accepted.Seq == 5 && r.BeatAt == 0 }},
		{"a round again", func(r *Register) { r.BeatBallot, r.BeatRound, r.BeatRails[0] = first, 3, 3 },
			func(f *Frame) { f.To, f.Ask.Seq = ToAll, 6 },
			ReasonOldRound, 0, func(r *Register) bool { return r.Accepted.Seq == 5 }},
		{"a round again by another rail", func(r *Register) { r.BeatBallot, r.BeatRound, r.BeatRails[0] = first, 3, 3 },
			func(f *Frame) { f.To, f.Ask.Seq, f.Rail = ToAll, 6, 1 },
			ReasonBeatRepeated, 0, func(r *Register) bool { return r.Accepted.Seq == 5 && r.BeatAt == 0 && r.BeatRails[1] == 3 }},
		{"a round again by another rail, once more", func(r *Register) { r.BeatBallot, r.BeatRound, r.BeatRails[1] = first, 3, 3 },
			func(f *Frame) { f.To, f.Rail = ToAll, 1 },
			ReasonOldRound, 0, func(r *Register) bool { return r.BeatAt == 0 }},
		{"an older round by another rail", func(r *Register) { r.BeatBallot, r.BeatRound, r.BeatRails[0] = first, 4, 4 },
			func(f *Frame) { f.To, f.Rail = ToAll, 1 },
			ReasonOldRound, 0, func(r *Register) bool { return r.BeatRails[1] == 0 }},
		{"a round again, for this slot alone", func(r *Register) { r.BeatBallot, r.BeatRound, r.BeatRails[0] = first, 3, 3 },
			nil, ReasonBeatRepeated, 0, func(r *Register) bool { return r.BeatAt == 0 && r.Echoed == [2]Echoed{} }},
		{"an older round, for this slot alone", func(r *Register) { r.BeatBallot, r.BeatRound = first, 4 },
			nil, ReasonOldRound, 0, func(r *Register) bool { return r.BeatAt == 0 }},
		{"removed", func(r *Register) { r.LeaseUntil = MaxTime },
			func(f *Frame) { f.Ask.Seq, f.Ask.Committed, f.Ask.New = 6, 6, Of(0, 2) },
			ReasonOut, WakeCommitted | WakeRemoved, func(r *Register) bool { return r.State == RegisterOut && r.LeaseUntil == 0 }},
		{"removed long since", func(r *Register) { r.State = RegisterOut },
			func(f *Frame) { f.Ask.Seq = 7 },
			ReasonOut, 0, func(r *Register) bool { return r.Accepted.Seq == 5 }},
		{"a joiner becomes a member", func(r *Register) {
			r.State, r.Committed = RegisterJoining, Commit{Ballot: NewBallot(1, 1, 0), Seq: 4, Members: Of(0, 2)}
		},
			nil, ReasonBeatTaken, WakeCommitted, func(r *Register) bool { return r.State == RegisterMember }},
		{"a joiner stays one while the decided view is without it", func(r *Register) { r.State, r.Accepted, r.Committed = RegisterJoining, Proposal{}, Commit{} },
			func(f *Frame) { f.Ask.Old, f.Ask.Seq, f.Ask.Committed = Of(0, 2), 6, 5 },
			ReasonBeatTaken, WakeCommitted, func(r *Register) bool { return r.State == RegisterJoining }},
	} {
		r, f := member(), ask(KindBeat, first, 3)
		if c.before != nil {
			c.before(r)
		}
		if c.beat != nil {
			c.beat(f)
		}
		o := r.Receive(1000, f)
		if o.Reason != c.want || o.Wake != c.wake || !c.check(r) {
			t.Errorf("%s: %v, wake %b\n%+v", c.name, o.Reason, o.Wake, *r)
		}
	}
}

// TestRegisterPrepare is rule 5, on which every lease rests.
func TestRegisterPrepare(t *testing.T) {
	const ms = Time(time.Millisecond)
	first, second := NewBallot(1, 1, 0), NewBallot(1, 2, 2)
	for _, c := range []struct {
		name   string
		ballot Ballot
		after  Time // since the last beat
		prior  Ballot
		want   Reason
	}{
		{"while beats are fresh", second, 3 * ms, 0, ReasonRefused},
		{"at the last moment of the calm", second, 6*ms - 1, 0, ReasonRefused},
		{"after the calm", second, 6 * ms, 0, ReasonPromised},
		{"for a hand-over by the leader itself", second, 1, first, ReasonPromised},
		{"for a hand-over by somebody before", second, 1, NewBallot(1, 0, 0), ReasonRefused},
		{"an older ballot", NewBallot(1, 0, 5), 60 * ms, 0, ReasonOldBallot},
		{"the ballot already promised", first, 1, 0, ReasonPromised},
	} {
		r := member()
		r.BeatAt = 100 * ms
		f := ask(KindPrepare, c.ballot, 1)
		if c.prior != 0 {
			f.Flags, f.Ask.Prior = FlagHandOver, c.prior
		}
		accepted := r.Accepted
		o := r.Receive(r.BeatAt+c.after, f)
		if o.Reason != c.want || !o.Reply || f.Kind != KindPromise {
			t.Errorf("%s: %v", c.name, o.Reason)
		}
		if promised := f.Reply.Promised == c.ballot; promised != (c.want == ReasonPromised) {
			t.Errorf("%s: answers with promise %v", c.name, f.Reply.Promised)
		}
		if r.Accepted != accepted {
			t.Errorf("%s: a prepare changed what was accepted", c.name)
		}
	}
	r := member() // no beat ever: nobody to protect
	if o := r.Receive(1, ask(KindPrepare, second, 1)); o.Reason != ReasonPromised {
		t.Errorf("before the first beat: %v", o.Reason)
	}
	r = member()
	r.State = RegisterOut // its memory still counts
	if f := ask(KindPrepare, second, 1); r.Receive(1, f).Reason != ReasonPromised || f.Reply.Accepted.Seq != 5 {
		t.Error("a register that is out kept what it accepted for itself")
	}
}

// TestLease is lease rule 1: a lease runs from the sending of the echo that the leader
// had, never from the beat that tells of it.
func TestLease(t *testing.T) {
	const ms = Time(time.Millisecond)
	const length = 3500 * Time(time.Microsecond)
	b := NewBallot(1, 1, 0)
	type beat struct {
		at     Time
		ballot Ballot
		round  uint64
		h1, h2 bool
	}
	for _, c := range []struct {
		name  string
		beats []beat
		want  Time
	}{
		{"nothing was heard", []beat{{10 * ms, b, 1, false, false}, {11 * ms, b, 2, false, false}}, 0},
		{"the last echo", []beat{{10 * ms, b, 1, false, false}, {11 * ms, b, 2, true, false}}, 10*ms + length},
		{"a late beat extends from the echo", []beat{{10 * ms, b, 1, false, false}, {13 * ms, b, 2, true, false}}, 10*ms + length},
		{"the echo before it", []beat{{10 * ms, b, 1, false, false}, {11 * ms, b, 2, false, false}, {12 * ms, b, 3, false, true}}, 10*ms + length},
		{"both", []beat{{10 * ms, b, 1, false, false}, {11 * ms, b, 2, false, false}, {12 * ms, b, 3, true, true}}, 11*ms + length},
		{"a round that it never answered", []beat{{10 * ms, b, 1, false, false}, {12 * ms, b, 3, true, false}}, 0},
		{"one missed beat, the echo before it heard", []beat{{10 * ms, b, 1, false, false}, {12 * ms, b, 3, true, true}}, 10*ms + length},
		{"an echo to another leader", []beat{{10 * ms, b, 1, false, false}, {11 * ms, b + 1, 2, true, true}}, 0},
		{"never shorter", []beat{{10 * ms, b, 1, false, false}, {11 * ms, b, 2, true, false}, {12 * ms, b, 3, false, true}}, 10*ms + length},
	} {
		r := member()
		for _, x := range c.beats {
			f := ask(KindBeat, x.ballot, x.round)
			if x.h1 {
				f.Ask.Heard1 = Of(1)
			}
			if x.h2 {
				f.Ask.Heard2 = Of(1)
			}
			if o := r.Receive(x.at, f); o.Reason != ReasonBeatTaken {
				t.Fatalf("%s: %v", c.name, o.Reason)
			}
		}
		if r.LeaseUntil != c.want {
			t.Errorf("%s: until %d, want %d", c.name, r.LeaseUntil, c.want)
		}
		if c.want != 0 && (!r.Valid(c.want-1) || r.Valid(c.want)) {
			t.Errorf("%s: valid before its end %v, at it %v", c.name, r.Valid(c.want-1), r.Valid(c.want))
		}
	}
	r := member()
	r.LeaseUntil = 90 * ms // from a leader with longer leases
	r.Receive(10*ms, ask(KindBeat, b, 1))
	f := ask(KindBeat, b, 2)
	f.Ask.Heard1 = Of(1)
	if r.Receive(11*ms, f); r.LeaseUntil != 90*ms {
		t.Errorf("a lease until %d was shortened to %d", 90*ms, r.LeaseUntil)
	}
	r = member()
	r.State = RegisterJoining // no member yet, no lease
	r.Committed = Commit{Ballot: b, Seq: 6, Members: Of(0, 2)}
	for round := uint64(1); round < 4; round++ {
		f := ask(KindBeat, b, round)
		f.Ask.Heard1, f.Ask.Heard2, f.Ask.Committed = Of(1), Of(1), 0
		r.Receive(Time(round)*ms, f)
	}
	if r.LeaseUntil != 0 {
		t.Errorf("a joiner has a lease until %d", r.LeaseUntil)
	}
}

// TestUpperLease: the lease of the level above bounds the own one as long as beats name it,
// and counts from the echo that the beat says it heard, however long the beat was on its way.
func TestUpperLease(t *testing.T) {
	const ms = Time(1_000_000)
	b := NewBallot(1, 1, 0)
	r := member()
	r.LeaseUntil = MaxTime
	beat := func(at Time, round uint64, upper uint32, heard1, heard2 Bitmap) {
		f := ask(KindBeat, b, round)
		f.Ask.UpperUS, f.Ask.Heard1, f.Ask.Heard2 = upper, heard1, heard2
		r.Receive(at, f)
	}
	beat(1*ms, 1, 9000, Bitmap{}, Bitmap{})
	if r.Valid(1 * ms) {
		t.Errorf("nothing was heard, and the upper lease ends at %d", r.UpperUntil)
	}
	beat(8*ms, 2, 9000, Of(1), Bitmap{})
	if !r.Valid(10*ms-1) || r.Valid(10*ms) {
		t.Errorf("the upper lease ends at %d", r.UpperUntil)
	}
	beat(9*ms, 3, 9500, Bitmap{}, Of(1))
	if r.UpperUntil != 10*ms+ms/2 {
		t.Errorf("by the round before, the upper lease ends at %d", r.UpperUntil)
	}
	beat(9*ms, 4, 0, Of(1), Bitmap{})
	if r.Valid(9 * ms) {
		t.Errorf("its leader has no lease above, and its own ends at %d", r.UpperUntil)
	}
	beat(10*ms, 5, NoUpper, Bitmap{}, Bitmap{})
	if r.UpperUntil != MaxTime {
		t.Errorf("nothing above, and it ends at %d", r.UpperUntil)
	}
}

// TestEarlierEpoch: a leader that knows of no epoch, or of an earlier one, neither takes back what was told with the
// lease from above that still runs, nor extends that; once it has ended, what the leader tells counts.
func TestEarlierEpoch(t *testing.T) {
	const ms = Time(1_000_000)
	r := member()
	r.LeaseUntil = MaxTime
	beat := func(at Time, ballot Ballot, round, epoch uint64, upper uint32) {
		f := ask(KindBeat, ballot, round)
		f.Ask.Epoch, f.Ask.UpperUS, f.Ask.Heard1 = epoch, upper, Of(1)
		r.Receive(at, f)
	}
	first, next := NewBallot(1, 1, 0), NewBallot(1, 2, 2)
	beat(1*ms, first, 1, 12, 9000)
	beat(2*ms, first, 2, 12, 9000) // until 10 ms
	beat(3*ms, next, 3, 0, 0)
	beat(4*ms, next, 4, 0, 0)
	beat(5*ms, next, 5, 11, 9000)
	if r.Epoch != 12 || r.UpperUntil != 10*ms {
		t.Errorf("epoch %d, and the upper lease ends at %d", r.Epoch, r.UpperUntil)
	}
	beat(11*ms, next, 6, 11, 9000)
	if r.Epoch != 11 || r.UpperUntil != 14*ms {
		t.Errorf("after its end, epoch %d, and the upper lease ends at %d", r.Epoch, r.UpperUntil)
	}
	beat(12*ms, next, 7, 10, NoUpper)
	if r.Epoch != 10 || r.UpperUntil != MaxTime {
		t.Errorf("nothing above: epoch %d, and the upper lease ends at %d", r.Epoch, r.UpperUntil)
	}
}

// TestGenerationBegins: the first view of a higher generation follows no other. Its number may
// be lower than that of what was decided before, and of the number before its own it tells nothing.
func TestGenerationBegins(t *testing.T) {
	decree := NewBallot(2, 1, 0)
	beat := func(round, seq, committed uint64) *Frame {
		f := ask(KindBeat, decree, round)
		f.Ask.Seq, f.Ask.Committed, f.Ask.New, f.Ask.Old = seq, committed, Of(0, 1), Of(0, 1)
		return f
	}
	r := member()
	r.Receive(1, beat(1, 7, 6))
	if r.Committed.Seq != 5 || r.Accepted.Ballot != decree || r.Promised != decree {
		t.Errorf("a proposal alone: %+v", r)
	}
	if r.Receive(2, beat(2, 7, 7)); r.Committed.Seq != 7 || r.Committed.Ballot != decree || r.Committed.Members != Of(0, 1) {
		t.Errorf("decided: %+v", r.Committed)
	}
	r = member()
	if o := r.Receive(3, beat(1, 3, 3)); r.Committed.Seq != 3 || o.Wake&WakeCommitted == 0 {
		t.Errorf("a lower number of a higher generation: %+v", r.Committed)
	}
	r = member()
	r.Slot = 2
	f := beat(1, 7, 7)
	f.To = 2
	if o := r.Receive(3, f); r.State != RegisterOut || o.Wake&WakeRemoved == 0 {
		t.Errorf("formed anew without it, it is %d", r.State)
	}
}

// TestReport: what a leader's echo upward tells is what its agent said last, and who hears it
// wakes its agent when it changed.
func TestReport(t *testing.T) {
	r, tally := member(), new(Tally)
	r.Level, r.Slot = 1, 3
	tally.Members[3].Expected = r.Incarnation
	b := r.Promised
	tally.ask(&Command{Kind: CommandAsk, Ballot: b, Seq: 5})
	echo := func(round uint64) Wake {
		f := ask(KindBeat, b, round)
		f.Level, f.To = 1, 3
		if !r.Receive(Time(round), f).Reply {
			t.Fatal("not answered")
		}
		tally.Round = round
		return tally.Receive(Time(round), f).Wake & WakeReport
	}
	if echo(1) != 0 {
		t.Error("woke for no report")
	}
	report := Report{Seq: 9, Digest: 0xd, Members: Of(1, 2), Generation: 3, Group: 7}
	r.apply(&Command{Kind: CommandReport, Below: report})
	if echo(2) == 0 || tally.Members[3].Below != report {
		t.Errorf("a new report: %+v", tally.Members[3].Below)
	}
	if echo(3) != 0 {
		t.Error("woke for a report that is known")
	}
	r.apply(&Command{Kind: CommandVacate, Incarnation: 5})
	if r.Below != (Report{}) {
		t.Error("who leaves goes on reporting")
	}
}

func TestProbeChangesNothing(t *testing.T) {
	r := member()
	r.AgentAt = 5_000_000
	before := *r
	f := ask(KindProbe, NewBallot(1, 9, 2), 7)
	if o := r.Receive(12_000_000, f); !o.Reply || o.Reason != ReasonProbeAnswered || f.Kind != KindAnswer {
		t.Fatalf("%v, kind %d", o.Reason, f.Kind)
	}
	if *r != before {
		t.Fatalf("a probe changed %+v", *r)
	}
	if f.Reply.AgentAgeMS != 7 || before.AgentAgeMS(4_000_000) != 0 || (&Register{}).AgentAgeMS(9) != NoAgent {
		t.Errorf("agent ages %d, %d, %d", f.Reply.AgentAgeMS, before.AgentAgeMS(4_000_000), (&Register{}).AgentAgeMS(9))
	}
}

func TestHandOver(t *testing.T) {
	b := NewBallot(1, 1, 0)
	for _, c := range []struct {
		name  string
		spoil func(r *Register, f *Frame)
		wake  Wake
	}{
		{"by the leader", func(*Register, *Frame) {}, WakeHandOver},
		{"by a leader of before", func(r *Register, _ *Frame) { r.Promised = NewBallot(1, 2, 2) }, 0},
		{"by somebody else", func(_ *Register, f *Frame) { f.From = 2 }, 0},
		{"to one that is no member", func(r *Register, _ *Frame) { r.State = RegisterJoining }, 0},
	} {
		r, f := member(), ask(KindHandOver, b, 0)
		c.spoil(r, f)
		before := *r
		if o := r.Receive(1, f); o.Reply || o.Wake != c.wake || *r != before {
			t.Errorf("%s: wake %b, reply %v", c.name, o.Wake, o.Reply)
		}
	}
}

func TestTimeWraps(t *testing.T) {
	late := Time(1<<64 - 5)
	if early := late.Add(10); !late.Before(early) || early.Since(late) != 10 || early.Before(late) {
		t.Errorf("%d and %d", late, early)
	}
}
