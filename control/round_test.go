package control

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

const beatEvery = 10 * time.Millisecond

// leading is the register and tally of a leader in slot 0 whose view 5 of slots 0 to members-1 is
// decided; its first beat is due.
func leading(members uint16) (*Register, *Tally) {
	ballot := NewBallot(1, 1, 0)
	r := &Register{State: RegisterMember, Incarnation: 100, Cluster: 5, Instance: 1, Rosters: [HeldRosters]uint64{3}, Promised: ballot, AgentAt: 1e9}
	t := &Tally{}
	var all Bitmap
	for s := range members {
		all.Set(s)
		t.Members[s].Expected = 100 + uint64(s)
	}
	t.ask(&Command{
		Kind: CommandBeat, Ballot: ballot, Seq: 5, New: all, Old: all, WindowNS: uint64(beatEvery),
		Beats: Beats{
			Committed: 5, Roster: 3, GraceNS: uint64(time.Second), IntervalUS: uint32(beatEvery / time.Microsecond), LeaseUS: 35_000,
			Rounds: 5, StaleMS: 3000, Patience: 2,
		},
	})
	return r, t
}

// answer has members echo a beat after some time.
func answer(t *Tally, beat *Frame, after time.Duration, slots ...uint16) {
	for _, s := range slots {
		f := *beat
		f.Kind, f.From, f.To, f.Ask = KindEcho, s, 0, Ask{}
		f.Reply = Reply{Incarnation: 100 + uint64(s), Promised: beat.Ballot, Accepted: Proposal{Ballot: beat.Ballot, Seq: beat.Ask.Seq}}
		t.Receive(beat.Sent.Add(after), &f)
	}
}

func TestBeatIsDue(t *testing.T) {
	r, a := leading(3)
	start := Time(1e9)
	for _, c := range []struct {
		at      time.Duration
		ordered bool
		sent    bool
		next    time.Duration // when the one after it is due
		counted bool
	}{
		{0, false, true, beatEvery, true},
		{beatEvery * 7 / 10, false, false, beatEvery, true},
		{beatEvery * 8 / 10, false, true, beatEvery * 18 / 10, true},  // early
		{beatEvery * 20 / 10, false, true, beatEvery * 28 / 10, true}, // late
		{beatEvery * 22 / 10, true, true, beatEvery * 28 / 10, false}, // between
		{beatEvery * 28 / 10, false, true, beatEvery * 38 / 10, true},
		{beatEvery * 36 / 10, true, true, beatEvery * 46 / 10, true}, // ordered, and nearly due
		{beatEvery * 90 / 10, false, true, beatEvery * 100 / 10, true},
	} {
		if a.Ordered = 0; c.ordered {
			a.Ordered = 1
			if a.Due() != 0 {
				t.Errorf("at %v: what was ordered is due at %v", c.at, a.Due())
			}
		}
		round := a.Round
		f, to, _, sent := a.Beat(start.Add(c.at), r, nil)
		if sent != c.sent || sent != (a.Round == round+1) {
			t.Fatalf("at %v: sent %v, round %d after %d", c.at, sent, a.Round, round)
		}
		if due := a.Due().Since(start); due != c.next || a.Counted&1 == 1 != c.counted {
			t.Errorf("at %v: the next is due at %v, want %v; counted %b", c.at, due, c.next, a.Counted)
		}
		if sent {
			answer(a, &f, time.Microsecond, 1, 2)
			if to != Of(0, 1, 2) || f.Sent != start.Add(c.at) || f.Round != a.Round || r.BeatRound != a.Round || !a.Votes.Has(0) {
				t.Errorf("at %v: to %v, %+v; the own register took round %d", c.at, to, f, r.BeatRound)
			}
		}
	}
}

// TestBeatsEnd: each reason alone ends them, with a word to the agent, and an order begins them anew.
func TestBeatsEnd(t *testing.T) {
	for name, spoil := range map[string]func(r *Register, a *Tally, now Time){
		"the register promised another": func(r *Register, a *Tally, _ Time) { r.Promised = a.Ballot + 1<<16 },
		"the register is out":           func(r *Register, _ *Tally, _ Time) { r.State = RegisterOut },
		"the register is being moved":   func(r *Register, _ *Tally, _ Time) { r.State = RegisterFrozen },
		"the agent is silent":           func(r *Register, _ *Tally, now Time) { r.AgentAt = now.Add(-time.Second - 1) },
		"no quorum for k rounds": func(_ *Register, a *Tally, _ Time) {
			for s := range a.Heard {
				a.Heard[s] = Heard{}
			}
			a.QuorumAt, a.Counted = 0, 0b11111
		},
	} {
		r, a := leading(3)
		now := Time(1e9)
		for range 6 {
			f, _, _, _ := a.Beat(now, r, nil)
			answer(a, &f, time.Microsecond, 1, 2)
			now = now.Add(beatEvery)
		}
		spoil(r, a, now)
		if _, _, wake, sent := a.Beat(now, r, nil); sent || wake&WakeRounds == 0 || a.Due() != MaxTime {
			t.Errorf("%s: sent %v, wake %b, due %v", name, sent, wake, a.Due())
		}
	}
}

// TestBeatWaitsForTheAgent: who fell, or a decision that nobody was told of, waits for the agent; if
// that does not look for so many rounds as it has patience for, the next is the last, and an order
// to beat on comes too late. Nothing waits in a healthy group.
func TestBeatWaitsForTheAgent(t *testing.T) {
	for name, c := range map[string]struct {
		crashed, undecided bool
		looks              bool
		last               uint64 // round that leaves
	}{
		"nothing waits":                  {last: 30},
		"a member fell":                  {crashed: true, last: 8}, // it is woken when round 6 leaves
		"a member fell, the agent looks": {crashed: true, looks: true, last: 30},
		"an untold decision":             {undecided: true, last: 4},
		"an untold decision, it is told": {undecided: true, looks: true, last: 30},
	} {
		r, a := leading(4)
		if c.undecided {
			a.Committed = a.Seq - 1
		}
		answers := []uint16{1, 2, 3}
		if c.crashed {
			answers = answers[:2]
		}
		now, wake, last := Time(1e9), Wake(0), Frame{}
		for range 30 {
			f, _, why, sent := a.Beat(now, r, nil)
			if !sent {
				break
			}
			last, wake = f, why
			answer(a, &f, time.Microsecond, answers...)
			now = now.Add(beatEvery)
			if c.looks {
				r.AgentAt = now.Add(-beatEvery / 2)
			}
		}
		if a.Round != c.last || (a.Due() == MaxTime) != (c.last < 30) {
			t.Errorf("%s: beats ended after round %d, want %d", name, a.Round, c.last)
		}
		if c.last == 30 {
			continue
		}
		accused := Of(3)
		if !c.crashed {
			accused = Bitmap{}
		}
		if last.Flags != FlagAway || last.Ask.Stale != accused || wake&(WakeRounds|WakeAway) != WakeRounds|WakeAway || r.Away != 1 || r.Accused != accused {
			t.Errorf("%s: the last beat %+v, wake %b, told the own register %d %v", name, last, wake, r.Away, r.Accused)
		}
		beat := Command{Kind: CommandBeat, Ballot: a.Ballot, Seq: a.Seq, New: a.New, Old: a.Old, Now: 1, Beats: a.Beats}
		if Apply(&beat, r, a); a.Due() != MaxTime {
			t.Errorf("%s: beats go on under the ballot that was given up", name)
		}
		beat.Ballot += 1 << 16
		if Apply(&beat, r, a); a.Due() == MaxTime {
			t.Errorf("%s: no beats under another ballot", name)
		}
	}
}

// TestBeatJudges crashes a member and finds its missed rounds told when they are half of k, and k.
func TestBeatJudges(t *testing.T) {
	r, a := leading(4)
	a.Patience = roundsMax
	now := Time(1e9)
	wakes := map[int]Bitmap{}
	for i := range 9 {
		f, _, wake, sent := a.Beat(now, r, nil)
		if !sent {
			t.Fatalf("round %d did not leave", i)
		}
		if wake&WakeRounds != 0 {
			wakes[i] = a.Suspects.Or(a.Fallen)
		}
		answer(a, &f, time.Microsecond, 1, 2)
		if i == 0 {
			answer(a, &f, time.Microsecond, 3)
		}
		now = now.Add(beatEvery)
	}
	if len(wakes) != 2 || wakes[4] != Of(3) || wakes[6] != Of(3) || a.Fallen != Of(3) {
		t.Errorf("told in rounds %v, fallen %v", wakes, a.Fallen)
	}
}

// TestRoundsAccuse: a member missed as many rounds as others answered since its own last answer, of
// those that are over. Rounds that nobody answered say nothing of anyone.
func TestRoundsAccuse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, a := leading(4)
		now := Time(1e9)
		missed := map[uint16]int{}
		for range rapid.IntRange(1, 40).Draw(t, "rounds") {
			f, _, _, sent := a.Beat(now, r, nil)
			if !sent {
				return
			}
			for s := uint16(1); s < 4; s++ {
				if got := a.missed(s, a.sweep(now, 0, 0).accusing); got != missed[s] {
					t.Fatalf("before round %d slot %d missed %d rounds, want %d", f.Round, s, got, missed[s])
				}
				if a.Suspects.Has(s) != (missed[s] >= 3) || a.Fallen.Has(s) != (missed[s] >= 5) {
					t.Fatalf("slot %d missed %d of 5 rounds; suspects %v, fallen %v", s, missed[s], a.Suspects, a.Fallen)
				}
			}
			if a.Suspects.Has(0) || a.Fallen.Has(0) {
				t.Fatal("the leader accuses itself")
			}
			var answered Bitmap
			for s := uint16(1); s < 4; s++ {
				if rapid.IntRange(0, 3).Draw(t, "answers") == 0 {
					answer(a, &f, time.Microsecond, s)
					answered.Set(s)
				}
			}
			for s := uint16(1); s < 4; s++ {
				switch {
				case answered.Has(s):
					missed[s] = 0
				case !answered.Empty():
					missed[s]++
				}
			}
			now = now.Add(beatEvery)
		}
	})
}

// TestBeatTells: those who are voted out hear of it for a while, and nobody's lease is extended
// from whom that is withheld, or without a quorum.
func TestBeatTells(t *testing.T) {
	r, a := leading(4)
	a.New, a.Parted, a.Tell, a.Withheld = Of(0, 1, 2), Of(3), 2, Of(2)
	now := Time(1e9)
	for round, want := range []struct{ to, heard Bitmap }{
		{Of(0, 1, 2, 3), Bitmap{}}, {Of(0, 1, 2, 3), Of(0, 1)}, {Of(0, 1, 2), Of(0, 1)}, {Of(0, 1, 2), Bitmap{}},
	} {
		f, to, _, _ := a.Beat(now, r, nil)
		if to != want.to || f.Ask.Heard1 != want.heard {
			t.Errorf("round %d: to %v, heard %v", round+1, to, f.Ask.Heard1)
		}
		if round < 2 {
			answer(a, &f, time.Microsecond, 1, 2, 3)
		} else {
			answer(a, &f, 2*beatEvery, 1, 2) // too late
		}
		now = now.Add(beatEvery)
	}
}

// TestBeatHandsDown: what remains of the lease of the level above, and its epoch.
func TestBeatHandsDown(t *testing.T) {
	r, a := leading(1)
	a.Upper = 1
	upper := &Register{State: RegisterMember, Epoch: 77, EpochDigest: 78, LeaseUntil: Time(1e9).Add(20 * time.Millisecond), UpperUntil: MaxTime}
	if f, _, _, _ := a.Beat(1e9, r, upper); f.Ask.UpperUS != 20_000 || f.Ask.Epoch != 77 || f.Ask.EpochDigest != 78 {
		t.Errorf("hands down %d us, epoch %d of digest %d", f.Ask.UpperUS, f.Ask.Epoch, f.Ask.EpochDigest)
	}
	if f, _, _, _ := a.Beat(Time(1e9).Add(30*time.Millisecond), r, upper); f.Ask.UpperUS != 0 {
		t.Errorf("hands down %d us of a lease that is over", f.Ask.UpperUS)
	}
}
