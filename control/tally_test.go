package control

import (
	"testing"

	"pgregory.net/rapid"
)

const asked = Ballot(1<<48 | 4<<16)

// asking is a leader's tally in a group of slots 0 to 4, slot s expected as incarnation 100+s.
func asking(preparing bool) *Tally {
	t := &Tally{Asking: Asking{Ballot: asked, Seq: 6, New: Of(0, 1, 2), Old: Of(0, 1, 2, 3, 4), WindowNS: 1000, Round: 50}}
	if preparing {
		t.Preparing = 1
	}
	for s := range uint64(5) {
		t.Members[s].Expected = 100 + s
	}
	return t
}

// reply is an answer of slot from, sent back at 10,000 to an ask that left at 9,500.
func reply(kind Kind, from uint16, round uint64) *Frame {
	return &Frame{
		Kind: kind, From: from, Ballot: asked, Round: round, Sent: 9500,
		Reply: Reply{Incarnation: 100 + uint64(from), Promised: asked, Accepted: Proposal{Ballot: asked, Seq: 6}},
	}
}

func TestTallyRefuses(t *testing.T) {
	for _, c := range []struct {
		name      string
		preparing bool
		kind      Kind
		spoil     func(t *Tally, f *Frame)
		want      Reason
	}{
		{"a slot out of range", false, KindEcho, func(_ *Tally, f *Frame) { f.From = Slots }, ReasonBadSlot},
		{"a slot that nobody has", false, KindEcho, func(_ *Tally, f *Frame) { f.From = 5 }, ReasonBadSlot},
		{"an echo to nobody's beat", false, KindEcho, func(t *Tally, _ *Frame) { t.Ballot = 0 }, ReasonNotAsking},
		{"an echo to a candidate", true, KindEcho, func(*Tally, *Frame) {}, ReasonNotAsking},
		{"a promise to a leader", false, KindPromise, func(*Tally, *Frame) {}, ReasonNotAsking},
		{"an echo to another ballot", false, KindEcho, func(_ *Tally, f *Frame) { f.Ballot++ }, ReasonStale},
		{"an echo to a round never sent", false, KindEcho, func(_ *Tally, f *Frame) { f.Round = 51 }, ReasonStale},
		{"a promise to another ballot", true, KindPromise, func(_ *Tally, f *Frame) { f.Ballot-- }, ReasonStale},
		{"an echo of another incarnation", false, KindEcho, func(_ *Tally, f *Frame) { f.Reply.Incarnation = 9 }, ReasonStranger},
		{"a promise of another incarnation", true, KindPromise, func(_ *Tally, f *Frame) { f.Reply.Incarnation = 9 }, ReasonStranger},
		{"an answer of another incarnation", false, KindAnswer, func(_ *Tally, f *Frame) { f.Reply.Incarnation = 9 }, ReasonStranger},
		{"an old answer", false, KindAnswer, func(_ *Tally, f *Frame) { f.Sent = 8999 }, ReasonStale},
		{"a beat", false, KindBeat, func(*Tally, *Frame) {}, ReasonBadKind},
	} {
		a, f := asking(c.preparing), reply(c.kind, 1, 50)
		c.spoil(a, f)
		o := a.Receive(10_000, f)
		if o.Reason != c.want {
			t.Errorf("%s: %v", c.name, o.Reason)
		}
		if !a.Votes.Empty() || !a.Promises.Empty() || a.Heard[1].Answered != 0 || a.Heard[1].EchoAt != 0 || a.Heard[1].AnswerAt != 0 {
			t.Errorf("%s: counted", c.name)
		}
		if o.Wake != 0 {
			t.Errorf("%s: wake %b", c.name, o.Wake)
		}
	}
}

func TestTallyVotes(t *testing.T) {
	a := asking(false)
	for i, c := range []struct {
		from uint16
		say  func(f *Frame)
		wake Wake
	}{
		{0, nil, 0},
		{1, func(f *Frame) { f.Reply.Accepted.Seq = 5 }, 0},  // the view before
		{2, func(f *Frame) { f.Reply.Accepted.Ballot-- }, 0}, // another leader's
		{3, nil, 0}, // a voter of the old view alone
		{4, nil, 0}, // a quorum of old, not of new
		{2, func(f *Frame) { f.Round = 49 }, WakeQuorum}, // by an echo to an earlier round
		{1, nil, 0}, // told once
	} {
		f := reply(KindEcho, c.from, 50)
		if c.from == 1 && i > 1 {
			f.Round = 48
		}
		if c.say != nil {
			c.say(f)
		}
		if o := a.Receive(10_000, f); o.Reason != ReasonEchoTaken || o.Wake != c.wake {
			t.Errorf("step %d: %v wake %b votes %v", i, o.Reason, o.Wake, a.Votes)
		}
		if quorate := a.Quorate == 50; quorate != (i >= 5) {
			t.Errorf("step %d: quorate %v with %v", i, quorate, a.Votes)
		}
	}
}

// TestTallyQuorate: the rounds that votes needed are those they came with, each member's first,
// not those that left meanwhile.
func TestTallyQuorate(t *testing.T) {
	type vote struct {
		from  uint16
		round uint64
	}
	for _, c := range []struct {
		name  string
		votes []vote
		want  uint64
	}{
		{"the next round left meanwhile", []vote{{0, 48}, {1, 48}, {2, 48}}, 48},
		{"… and was answered by one before another's vote came", []vote{{0, 48}, {1, 48}, {1, 49}, {2, 48}}, 48},
		{"a vote that came with the next", []vote{{0, 48}, {1, 48}, {2, 49}}, 49},
		{"votes after the quorum's", []vote{{0, 48}, {1, 48}, {2, 48}, {3, 50}}, 48},
	} {
		a := asking(false) // its last round is 50
		a.New, a.Old = Of(0, 1, 2, 3, 4), Of(0, 1, 2, 3, 4)
		for _, v := range c.votes {
			a.Receive(10_000, reply(KindEcho, v.from, v.round))
		}
		if a.Quorate != c.want {
			t.Errorf("%s: quorate %d, want %d", c.name, a.Quorate, c.want)
		}
	}
}

// TestTallyBothQuorums: the members before decide, and those after must be able to.
func TestTallyBothQuorums(t *testing.T) {
	for _, c := range []struct {
		name     string
		new, old Bitmap
		votes    []uint16
		want     uint64
	}{
		{"of the new alone", Of(0, 1, 2), Of(0, 1, 2, 3, 4), []uint16{0, 1}, 0},
		{"of the old alone", Of(0, 1, 2, 3, 4), Of(0, 1, 2), []uint16{0, 1}, 0},
		{"of both", Of(0, 1, 2, 3, 4), Of(0, 1, 2), []uint16{0, 1, 4}, 50},
	} {
		a := asking(false)
		a.New, a.Old = c.new, c.old
		for _, s := range c.votes {
			a.Receive(10_000, reply(KindEcho, s, 50))
		}
		if a.Quorate != c.want {
			t.Errorf("%s: quorate %d", c.name, a.Quorate)
		}
	}
}

// TestTallyHistory compares the history masks with a plain record of what arrived, for
// echoes in any order, late and replayed.
func TestTallyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := asking(false)
		a.Round = 200
		answered, inTime := map[uint64]bool{}, map[uint64]bool{}
		newest := uint64(0)
		for range rapid.IntRange(1, 50).Draw(t, "echoes") {
			round := rapid.Uint64Range(1, 200).Draw(t, "round")
			if rapid.Bool().Draw(t, "near") && newest > 3 {
				round = rapid.Uint64Range(newest-3, min(newest+3, 200)).Draw(t, "round")
			}
			if rapid.Bool().Draw(t, "edge") {
				round = min(newest+rapid.Uint64Range(62, 65).Draw(t, "jump"), 200)
			}
			took := rapid.SampledFrom([]Time{0, 999, 1000, 1001, 5000}).Draw(t, "took")
			late := took > 1000
			f := reply(KindEcho, 2, round)
			f.Sent = 10_000 - took
			want := ReasonEchoTaken
			switch {
			case newest >= 64 && round <= newest-64:
				want = ReasonStale
			case answered[round]:
				want = ReasonReplayed
			}
			if o := a.Receive(10_000, f); o.Reason != want {
				t.Fatalf("round %d after %d: %v, want %v", round, newest, o.Reason, want)
			}
			if want == ReasonEchoTaken {
				answered[round], inTime[round] = true, !late
				newest = max(newest, round)
			}
			m := &a.Heard[2]
			if m.Round != newest {
				t.Fatalf("newest is %d, want %d", m.Round, newest)
			}
			for i := range min(uint64(64), newest) {
				r := newest - i
				if m.Answered>>i&1 == 1 != answered[r] || m.InTime>>i&1 == 1 != inTime[r] {
					t.Fatalf("round %d: answered %v in time %v, want %v %v", r, m.Answered>>i&1, m.InTime>>i&1, answered[r], inTime[r])
				}
			}
		}
	})
}

// TestTallyPromises: a refusal that a promise overtook must not undo it, nor be counted for
// what the register held before it promised.
func TestTallyPromises(t *testing.T) {
	refusal := func() *Frame {
		f := reply(KindPromise, 3, 1)
		f.Reply.Promised, f.Reply.Accepted, f.Reply.Committed = asked-1, Proposal{Ballot: asked - 1, Seq: 4}, 4
		return f
	}
	promise := func() *Frame {
		f := reply(KindPromise, 3, 1)
		f.Reply.Accepted, f.Reply.Committed = Proposal{Ballot: asked - 1, Seq: 5}, 5
		return f
	}
	a := asking(true)
	if o := a.Receive(10_000, refusal()); o.Wake != WakePromise || !a.Promises.Empty() {
		t.Errorf("refusal: wake %b, promises %v", o.Wake, a.Promises)
	}
	if o := a.Receive(10_000, promise()); o.Wake != WakePromise || a.Promises != Of(3) || a.Members[3].Accepted.Seq != 5 {
		t.Errorf("promise: wake %b, promises %v, accepted %d", o.Wake, a.Promises, a.Members[3].Accepted.Seq)
	}
	if o := a.Receive(10_000, refusal()); o.Reason != ReasonReplayed || a.Members[3].Accepted.Seq != 5 || a.Members[3].Committed != 5 {
		t.Errorf("late refusal: %v, accepted %d", o.Reason, a.Members[3].Accepted.Seq)
	}
	bid := reply(KindPromise, 4, 1)
	bid.Reply.Promised = asked + 7
	if o := a.Receive(10_000, bid); o.Wake != WakePromise|WakeOutbid || a.Outbid != asked+7 || a.Promises.Has(4) {
		t.Errorf("outbid: wake %b, by %v, promises %v", o.Wake, a.Outbid, a.Promises)
	}
	if o := a.Receive(10_000, bid); o.Wake != WakePromise {
		t.Errorf("outbid by the same again: wake %b", o.Wake)
	}
	lower := reply(KindPromise, 2, 1)
	lower.Reply.Promised = asked + 3
	if o := a.Receive(10_000, lower); o.Wake != WakePromise || a.Outbid != asked+7 {
		t.Errorf("outbid by less: wake %b, by %v", o.Wake, a.Outbid)
	}
}

func TestTallyNotes(t *testing.T) {
	a, f := asking(false), reply(KindEcho, 2, 50)
	f.Reply.Committed, f.Reply.Roster, f.Reply.SilenceUS, f.Reply.AgentAgeMS, f.Reply.Health = 5, 9, 11, 12, 13
	f.Reply.Below = Report{Seq: 3}
	a.Receive(10_000, f)
	m, h := a.Members[2], a.Heard[2]
	if h.EchoAt != 10_000 || h.AgentAgeMS != 12 || h.Strayed != 0 || m.Round != 50 || m.EchoAt != 10_000 || m.RTTNS != 500 || m.Committed != 5 || m.Roster != 9 || m.SilenceUS != 11 || m.AgentAgeMS != 12 || m.Health != 13 || m.Below.Seq != 3 {
		t.Errorf("noted %+v", m)
	}
	old := reply(KindEcho, 2, 48) // overtaken: what it says is old
	old.Reply.Committed, old.Reply.Roster = 4, 8
	old.Reply.Promised = asked + 1
	a.Receive(10_100, old)
	if m, h = a.Members[2], a.Heard[2]; m.Committed != 5 || m.Roster != 9 || m.Round != 50 || h.EchoAt != 10_100 || h.Strayed != 0 {
		t.Errorf("an overtaken echo left %+v, %+v", m, h)
	}
	stray := reply(KindEcho, 2, 50)
	stray.Reply.Promised = asked + 1
	a.Heard[2].Answered = 0
	if a.Receive(10_150, stray); a.Heard[2].Strayed != 1 {
		t.Errorf("who promised another left %+v", a.Heard[2])
	}
	if a.Receive(10_200, reply(KindAnswer, 3, 0)); a.Heard[3].AnswerAt != 10_200 || a.Heard[3].EchoAt != 0 {
		t.Errorf("an answer left %+v", a.Heard[3])
	}
}

// TestTallyOrphaned has an agent whose process has ended be stale with the next beat, while what
// it is removed for stays the age of its last stamp.
func TestTallyOrphaned(t *testing.T) {
	tally := Tally{Asking: Asking{Ballot: NewBallot(0, 1, 0), Round: 1, New: Of(0, 1), Old: Of(0, 1), Beats: Beats{StaleMS: 3000}}}
	tally.Members[1].Expected = 7
	for _, c := range []struct {
		health uint16
		stale  Bitmap
	}{{3, Bitmap{}}, {3 | HealthOrphaned, Of(1)}, {3, Bitmap{}}} {
		f := Frame{Kind: KindEcho, From: 1, Ballot: tally.Ballot, Round: tally.Round, Reply: Reply{Incarnation: 7, AgentAgeMS: 12, Health: c.health}}
		if o := tally.Receive(1, &f); o.Reason != ReasonEchoTaken {
			t.Fatalf("echo: %+v", o)
		}
		if got := tally.stale(); got != c.stale || tally.Members[1].AgentAgeMS != 12 {
			t.Errorf("health %#x: stale %v, last stamp %d ms ago", c.health, got, tally.Members[1].AgentAgeMS)
		}
		tally.Round++
	}
}
