package control

// Asking is what a leader, candidate or deputy asks its group. It has the layout of struct
// rc_tally in bpf/maps.h. Everything above Round is written by command only.
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
	Quorate   uint32 // 1: the proposal has its votes
	_         uint32
}

// Member is what a leader, candidate or deputy heard from one slot. It has the layout of
// struct rc_member in bpf/maps.h. Expected, State and Name are written by the agent alone.
type Member struct {
	Version    uint32 // odd while the kernel writes
	State      uint32 // view.State, for those who read the map
	Expected   uint64 // incarnation that the roster names; zero: nobody has the slot
	Stranger   uint64 // highest round that another incarnation answered in its place
	Round      uint64 // highest round answered under Asking.Ballot
	Answered   uint64 // bit i: round Round-i was answered
	InTime     uint64 // bit i: … within Asking.WindowNS, by a member that follows Asking.Ballot
	EchoAt     Time   // arrival of the last echo or promise
	AnswerAt   Time   // arrival of the last timely answer to a probe
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
// Receive is the specification of the rule, the C one its twin.
type Tally struct {
	Asking
	Members [Slots]Member
}

// Receive takes one echo, promise or answer that was addressed to slot self. The caller
// has checked the frame's form, tag, cluster, instance, level, group and destination.
func (t *Tally) Receive(now Time, f *Frame) Outcome {
	if f.From >= Slots {
		return Outcome{Reason: ReasonBadSlot}
	}
	m := &t.Members[f.From]
	if m.Expected == 0 {
		return Outcome{Reason: ReasonBadSlot}
	}
	switch f.Kind {
	case KindEcho:
		if t.Ballot == 0 || t.Preparing != 0 {
			return Outcome{Reason: ReasonNotAsking}
		}
		return t.echo(now, f, m)
	case KindPromise:
		if t.Ballot == 0 || t.Preparing == 0 {
			return Outcome{Reason: ReasonNotAsking}
		}
		return t.promise(now, f, m)
	case KindAnswer:
		return t.answer(now, f, m)
	}
	return Outcome{Reason: ReasonBadKind}
}

func (t *Tally) echo(now Time, f *Frame, m *Member) Outcome {
	if f.Ballot != t.Ballot || f.Round > t.Round {
		return Outcome{Reason: ReasonStale}
	}
	if f.Reply.Incarnation != m.Expected {
		m.Stranger = max(m.Stranger, f.Round)
		return Outcome{Reason: ReasonStranger, Wake: WakeStranger}
	}
	below := m.Below
	inTime := uint64(0)
	if uint64(now-f.Sent) <= t.WindowNS && f.Reply.Promised <= t.Ballot {
		inTime = 1
	}
	if f.Round > m.Round || m.Answered == 0 {
		shift := f.Round - m.Round
		if m.Answered == 0 || shift > 63 {
			m.Answered, m.InTime = 0, 0
		} else {
			m.Answered <<= shift
			m.InTime <<= shift
		}
		m.Round = f.Round
		m.Answered |= 1
		m.InTime |= inTime
		m.note(now, f)
	} else {
		back := m.Round - f.Round
		if back > 63 {
			return Outcome{Reason: ReasonStale}
		}
		if m.Answered>>back&1 == 1 {
			return Outcome{Reason: ReasonReplayed}
		}
		m.Answered |= 1 << back
		m.InTime |= inTime << back
		m.EchoAt = now
	}
	o := Outcome{Reason: ReasonEchoTaken}
	if f.Reply.Promised > t.Ballot {
		o.Wake |= t.outbid(f.Reply.Promised)
	}
	if !m.Below.same(&below) {
		o.Wake |= WakeReport
	}
	if a := &f.Reply.Accepted; a.Ballot == t.Ballot && a.Seq == t.Seq {
		t.Votes.Set(f.From)
		if t.Quorate == 0 && Decides(f.Level, t.Votes, t.Old) && Decides(f.Level, t.Votes, t.New) {
			t.Quorate = 1
			o.Wake |= WakeQuorum
		}
	}
	return o
}

func (t *Tally) promise(now Time, f *Frame, m *Member) Outcome {
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
	m.note(now, f)
	switch {
	case f.Reply.Promised == t.Ballot:
		t.Promises.Set(f.From)
	case f.Reply.Promised > t.Ballot:
		o.Wake |= t.outbid(f.Reply.Promised)
	}
	return o
}

// answer takes the answer to a probe. What makes a replayed one worthless is its age.
func (t *Tally) answer(now Time, f *Frame, m *Member) Outcome {
	if uint64(now-f.Sent) > t.WindowNS {
		return Outcome{Reason: ReasonStale}
	}
	if f.Reply.Incarnation != m.Expected {
		return Outcome{Reason: ReasonStranger}
	}
	m.AnswerAt = now
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
func (m *Member) note(now Time, f *Frame) {
	r := &f.Reply
	m.EchoAt, m.RTTNS = now, uint64(now-f.Sent)
	m.Promised, m.Accepted, m.Committed, m.Roster = r.Promised, r.Accepted, r.Committed, r.Roster
	m.SilenceUS, m.AgentAgeMS = r.SilenceUS, r.AgentAgeMS
	m.Health, m.WireMin, m.WireMax, m.Below, m.Keys = r.Health, r.WireMin, r.WireMax, r.Below, r.Keys
}
