package control

// Asking is what a leader, candidate or deputy asks its group. With the array of Heard that
// follows it in a Tally it has the layout of struct rc_tally in bpf/maps.h.
type Asking struct {
	Version   uint32 // odd while the kernel writes
	Preparing uint32 // 1: collecting promises for Ballot; 0: collecting echoes
	Ballot    Ballot // zero: not asking
	Seq       uint64 // the proposal under vote
	New       Bitmap
	Old       Bitmap
	WindowNS  uint64 // an answer within this time of its ask's sending is in time
	Round     uint64 // last round sent
	Outbid    Ballot // highest ballot above ours that somebody promised
	Votes     Bitmap // who accepted (Ballot, Seq)
	Promises  Bitmap // who promised Ballot
	Proposed  uint64 // first round that carries the proposal
	Latest    uint64 // highest round that a vote, each member's first, came with
	Quorate   uint64 // the same once the proposal had its votes; 0: it has not

	Beats
	Beating   uint32 // 1: beats leave
	Ordered   uint32 // 1: the next one leaves at once
	Away      uint32 // 1: the last one gave the lead up (FlagAway); none leaves under Ballot any more
	_         uint32
	DueAt     Time     // when the next beat should leave
	Suspects  Bitmap   // missed ceil(k/2) rounds when the last beat left
	Fallen    Bitmap   // … k rounds
	QuorumAt  uint64   // last round that a quorum answered
	Attended  uint64   // last round by which nothing waited for the agent, or it had looked since
	ReportAt  Time     // when the agent was last woken to read another report of a group below
	Relayed   Bitmap   // whose newest echo came through another member, and none directly
	Doubtful  Bitmap   // who is to be asked again for the last round (Tally.Retries)
	Helpers   Bitmap   // … through whom
	Counted   uint64   // bit i: round Round-i counts in judging who missed it
	CountedAt Time     // when the last of those left
	SentAt    [64]Time // when a round left, by its number modulo 64
}

// Heard is what a leader's judgement needs of one slot, of what was answered under
// Asking.Ballot. It has the layout of struct rc_heard in bpf/maps.h.
type Heard struct {
	Round      uint64           // highest round answered
	Answered   uint64           // bit i: round Round-i was answered
	InTime     uint64           // bit i: … within Asking.WindowNS, by a member that follows Asking.Ballot
	Entered    uint64           // the round before its first in the view
	Rails      [RailsMax]uint64 // by each rail, the highest round answered
	EchoAt     Time             // arrival of the last echo or promise
	AnswerAt   Time             // arrival of the last timely answer to a probe, under whatever ballot
	AgentAgeMS uint32           // as its newest answer says; NoAgent also of one whose process has ended
	Strayed    uint32           // 1: it promised a higher ballot, as its newest answer says
}

// aligned shifts a history, one of the masks, so that bit i is round newest-i.
func (h *Heard) aligned(history, newest uint64) uint64 {
	if newest-h.Round > 63 {
		return 0
	}
	return history << (newest - h.Round)
}

// Member is what a leader, candidate or deputy last heard from one slot, under whatever
// ballot. It has the layout of struct rc_member in bpf/maps.h. Expected, State and Name are
// written by the agent alone.
type Member struct {
	Version    uint32 // odd while the kernel writes
	State      uint32 // view.State, for those who read the map
	Expected   uint64 // incarnation that the roster names; zero: nobody has the slot
	Round      uint64 // that the newest answer answers
	EchoAt     Time   // its arrival
	Promised   Ballot
	Accepted   Proposal
	Committed  uint64
	Roster     uint64
	RTTNS      uint64 // from the sending of the last ask answered
	SilenceUS  uint32
	AgentAgeMS uint32
	Health     uint16
	WireMin    uint8
	WireMax    uint8
	_          uint32
	Below      Report
	Keys       KeyIDs
	Name       [64]byte // zero padded
}

// Tally is what the answers to a leader's, candidate's or deputy's asks add up to.
// Receive and Beat are the specification of the rules, the C ones their twins.
type Tally struct {
	Asking
	Heard   [Slots]Heard
	Members [Slots]Member
}

// Receive takes one echo, promise or answer that was addressed to slot self. The caller
// has checked the frame's form, tag, cluster, instance, level, group and destination.
func (t *Tally) Receive(now Time, f *Frame) Outcome {
	if f.From >= Slots {
		return Outcome{Reason: ReasonBadSlot}
	}
	m, h := &t.Members[f.From], &t.Heard[f.From]
	if m.Expected == 0 {
		return Outcome{Reason: ReasonBadSlot}
	}
	switch f.Kind {
	case KindEcho:
		if t.Ballot == 0 || t.Preparing != 0 {
			return Outcome{Reason: ReasonNotAsking}
		}
		return t.echo(now, f, m, h)
	case KindPromise:
		if t.Ballot == 0 || t.Preparing == 0 {
			return Outcome{Reason: ReasonNotAsking}
		}
		return t.promise(now, f, m, h)
	case KindAnswer:
		return t.answer(now, f, m, h)
	}
	return Outcome{Reason: ReasonBadKind}
}

func (t *Tally) echo(now Time, f *Frame, m *Member, h *Heard) Outcome {
	if f.Ballot != t.Ballot || f.Round > t.Round {
		return Outcome{Reason: ReasonStale}
	}
	if f.Reply.Incarnation != m.Expected {
		return Outcome{Reason: ReasonStranger}
	}
	byRail := h.newByRail(f)
	t.way(f, h)
	below := m.Below
	inTime := uint64(0)
	if uint64(now-f.Sent) <= t.WindowNS && f.Reply.Promised <= t.Ballot {
		inTime = 1
	}
	if f.Round > h.Round || h.Answered == 0 {
		shift := f.Round - h.Round
		if h.Answered == 0 || shift > 63 {
			h.Answered, h.InTime = 0, 0
		} else {
			h.Answered <<= shift
			h.InTime <<= shift
		}
		h.Round = f.Round
		h.Answered |= 1
		h.InTime |= inTime
		t.note(now, f, m, h)
	} else {
		back := h.Round - f.Round
		if back > 63 {
			return Outcome{Reason: ReasonStale}
		}
		switch answered := h.Answered>>back&1 == 1; {
		case answered && byRail:
			return Outcome{Reason: ReasonEchoRepeated}
		case answered:
			return Outcome{Reason: ReasonReplayed}
		}
		h.Answered |= 1 << back
		h.InTime |= inTime << back
		h.EchoAt = now
	}
	o := Outcome{Reason: ReasonEchoTaken}
	if f.Flags&FlagRelay != 0 {
		o.Reason = ReasonRelayedEcho
	}
	if f.Reply.Promised > t.Ballot {
		o.Wake |= t.outbid(f.Reply.Promised)
	}
	if !m.Below.same(&below) {
		o.Wake |= WakeReport
		t.ReportAt = now
	}
	if a := &f.Reply.Accepted; a.Ballot == t.Ballot && a.Seq == t.Seq {
		if !t.Votes.Has(f.From) {
			t.Votes.Set(f.From)
			t.Latest = max(t.Latest, f.Round)
		}
		if t.Quorate == 0 && Decides(f.Level, t.Votes, t.Old) && Decides(f.Level, t.Votes, t.New) {
			t.Quorate = max(t.Latest, 1)
			o.Wake |= WakeQuorum
		}
	}
	return o
}

// way notes which way the newest echo took: the direct one counts, in whatever order they came.
func (t *Tally) way(f *Frame, h *Heard) {
	switch relayed := f.Flags&FlagRelay != 0; {
	case f.Round < h.Round:
	case !relayed:
		t.Relayed.Clear(f.From)
	case f.Round > h.Round:
		t.Relayed.Set(f.From)
	}
}

func (t *Tally) promise(now Time, f *Frame, m *Member, h *Heard) Outcome {
	if f.Ballot != t.Ballot {
		return Outcome{Reason: ReasonStale}
	}
	if f.Reply.Incarnation != m.Expected {
		return Outcome{Reason: ReasonStranger}
	}
	if t.Promises.Has(f.From) { // an earlier refusal, overtaken by the promise, must not count
		return Outcome{Reason: ReasonReplayed}
	}
	o := Outcome{Reason: ReasonPromiseTaken, Wake: WakePromise}
	t.note(now, f, m, h)
	switch {
	case f.Reply.Promised == t.Ballot:
		t.Promises.Set(f.From)
	case f.Reply.Promised > t.Ballot:
		o.Wake |= t.outbid(f.Reply.Promised)
	}
	return o
}

// answer takes the answer to a probe. What makes a replayed one worthless is its age.
func (t *Tally) answer(now Time, f *Frame, m *Member, h *Heard) Outcome {
	if uint64(now-f.Sent) > t.WindowNS {
		return Outcome{Reason: ReasonStale}
	}
	if f.Reply.Incarnation != m.Expected {
		return Outcome{Reason: ReasonStranger}
	}
	h.AnswerAt = now
	return Outcome{Reason: ReasonAnswerTaken}
}

func (t *Tally) outbid(by Ballot) Wake {
	if by <= t.Outbid {
		return 0
	}
	t.Outbid = by
	return WakeOutbid
}

// note records what the newest answer says.
func (t *Tally) note(now Time, f *Frame, m *Member, h *Heard) {
	r := &f.Reply
	h.EchoAt, h.AgentAgeMS, h.Strayed = now, r.AgentAgeMS, 0
	if r.Health&HealthOrphaned != 0 {
		h.AgentAgeMS = NoAgent
	}
	if r.Promised > t.Ballot {
		h.Strayed = 1
	}
	m.Round, m.EchoAt, m.RTTNS = f.Round, now, uint64(now-f.Sent)
	m.Promised, m.Accepted, m.Committed, m.Roster = r.Promised, r.Accepted, r.Committed, r.Roster
	m.SilenceUS, m.AgentAgeMS = r.SilenceUS, r.AgentAgeMS
	m.Health, m.WireMin, m.WireMax, m.Below, m.Keys = r.Health, r.WireMin, r.WireMax, r.Below, r.Keys
}
