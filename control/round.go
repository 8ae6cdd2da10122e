package control

import "time"

// Beats is what a leader's beats say and how those who miss them are judged. It has the layout
// of struct rc_beats in bpf/maps.h.
type Beats struct {
	Committed   uint64 // highest seq known to be decided: Asking.Seq or the one before
	Digest      uint64 // of the proposed view's content
	Roster      uint64 // version of the roster that names the slots
	Epoch       uint64 // of the cluster view, where this is the top
	EpochDigest uint64 // … of its content; 0: not known
	GraceNS     uint64 // beats stop when the own agent's last sign of life is older
	Tell        uint64 // until this round those in Parted are told, too
	Parted      Bitmap // who was voted out of late, be it some views before
	Withheld    Bitmap // whose leases are not extended whatever they answer
	Kin         Bitmap // the slots of the leader's own host, whose answers accuse nobody
	CalmUntil   Time   // by then every lease has ended that an earlier leader granted
	Began       uint64 // seq of the first view of all, whose members are still setting up; 0: another leader began
	IntervalUS  uint32 // between rounds
	LeaseUS     uint32
	Rounds      uint32 // k: unanswered rounds before removal
	StaleMS     uint32 // an agent that is silent for longer is told to be stale
	Patience    uint32 // rounds for which something may wait for the agent
	Upper       uint32 // 1: epoch, its digest and lease of the level above are handed down; 0: this is the top
	Key         uint8  // number of the key that signs beats
	_           [7]uint8
}

// Interval is the time between rounds.
func (b *Beats) Interval() time.Duration { return time.Duration(b.IntervalUS) * time.Microsecond }

// decided reports whether the view under vote is known to have its votes.
func (t *Tally) decided() bool { return t.Committed == t.Seq }

// Due is when the next beat should leave; MaxTime: none will. One that was ordered is due at
// once.
func (t *Tally) Due() Time {
	switch {
	case t.Beating == 0:
		return MaxTime
	case t.Ordered != 0:
		return 0
	}
	return t.DueAt
}

// Beat is the round of a leader, whoever keeps the time. If a beat is due, or ordered, it judges
// the rounds so far, and returns the next beat, after casting the leader's own vote by it, and
// the slots to send it to, the own among them. The caller sends it before anything that is
// answered to it can arrive.
//
// A beat may be early by a quarter of an interval, which whoever keeps the time may jitter; one
// that was ordered between two others leaves the times of those as they are. It does not
// count in the judgement unless it left at least 3/4 of an interval after the last that did.
//
// Beats end, until they are ordered again, when the register follows somebody else or has no
// place in the group any more, when the agent was silent for longer than its grace,
// and when no quorum answered for k rounds. When something waited for the agent in vain, a last one
// gives the lead up (away.go).
//
// What upper holds, the register of the group's slot in the level above, is handed down where the
// order says so; else it may be nil.
func (t *Tally) Beat(now Time, r, upper *Register) (f Frame, to Bitmap, wake Wake, sent bool) {
	if t.Beating == 0 {
		return
	}
	i := t.Interval()
	late := now.Since(t.DueAt)
	due, ordered := late >= -(i/4), t.Ordered != 0
	if !due && !ordered {
		return
	}
	t.Ordered = 0
	s := t.sweep(now, r.Level, r.Slot)
	if s.suspects != t.Suspects || s.fallen != t.Fallen {
		wake = WakeRounds
	}
	t.Suspects, t.Fallen, t.QuorumAt = s.suspects, s.fallen, s.quorumAt
	if s.lost || !t.mayBeat(now, r) {
		t.Beating = 0
		return f, to, WakeRounds, false
	}
	stale, flags := t.stale(), Flags(0)
	if t.away(&s, r.AgentAt) {
		t.Beating, t.Away = 0, 1
		stale, flags, wake = s.accused, FlagAway, wake|WakeRounds
	}
	last, before := t.lately()
	heard1, heard2 := t.heard(r.Level, last, before)
	aside := t.Kin.Or(Of(r.Slot))
	t.Doubtful = s.doubtful.Or(t.Relayed).And(t.New).Minus(aside)
	t.Helpers = last.Or(before).And(t.New).Minus(aside.Or(t.Doubtful))
	epoch, digest, upperUS := t.Epoch, t.EpochDigest, NoUpper
	if t.Upper != 0 && upper != nil {
		epoch, digest, upperUS = upper.Epoch, upper.EpochDigest, upper.RemainingUS(now)
	}
	t.leave(now)
	switch {
	case due && (late < 0 || late >= i):
		t.DueAt = now.Add(i)
	case due:
		t.DueAt = t.DueAt.Add(i)
	}
	f = Frame{
		Kind: KindBeat, Level: r.Level, Cluster: r.Cluster, Instance: r.Instance, Group: r.Group, From: r.Slot, To: ToAll, Key: t.Key,
		Flags: flags, Ballot: t.Ballot, Round: t.Round, Sent: now,
		Ask: Ask{
			Seq: t.Seq, Committed: t.Committed, Digest: t.Digest, Roster: t.Roster, Epoch: epoch, EpochDigest: digest,
			IntervalUS: t.IntervalUS, Rounds: uint16(t.Rounds), LeaseUS: t.LeaseUS, UpperUS: upperUS,
			New: t.New, Old: t.Old, Heard1: heard1, Heard2: heard2, Stale: stale,
		},
	}
	to = t.New
	if !t.decided() {
		to = to.Or(t.Old)
	}
	if t.Round <= t.Tell {
		to = to.Or(t.Parted)
	}
	return f, to, wake | Deliver(now, r, t, f).Wake, true
}

// mayBeat reports whether this node's register still lets it lead, and its agent lives.
func (t *Tally) mayBeat(now Time, r *Register) bool {
	return r.Serves() && r.Promised <= t.Ballot &&
		now.Since(r.AgentAt) <= time.Duration(t.GraceNS)
}

// leave notes that the next round leaves.
func (t *Tally) leave(now Time) {
	i := t.Interval()
	t.Round++
	if t.Proposed == 0 {
		t.Proposed = t.Round
	}
	t.SentAt[t.Round%uint64(len(t.SentAt))] = now
	t.Counted <<= 1
	if t.CountedAt == 0 || now.Since(t.CountedAt) >= i-i/4 {
		t.Counted |= 1
		t.CountedAt = now
	}
}

// lately is who echoed the last round in time, and the one before.
func (t *Tally) lately() (last, before Bitmap) {
	all := t.New.Or(t.Old)
	for s := all.First(); s < Slots; s = all.Next(s + 1) {
		in := t.Heard[s].aligned(t.Heard[s].InTime, t.Round)
		if in&1 != 0 {
			last.Set(s)
		}
		if in&2 != 0 {
			before.Set(s)
		}
	}
	return last, before
}

// heard is whose leases the next beat extends (lease rule 2): nobody's, unless a
// quorum echoed the last round in time.
func (t *Tally) heard(level uint8, last, before Bitmap) (heard1, heard2 Bitmap) {
	if !t.decides(level, last) {
		return
	}
	may := t.New.Minus(t.Withheld)
	return last.And(may), before.And(may)
}

func (t *Tally) stale() (b Bitmap) {
	for s := t.New.First(); s < Slots; s = t.New.Next(s + 1) {
		if h := &t.Heard[s]; h.Answered != 0 && h.AgentAgeMS > t.StaleMS {
			b.Set(s)
		}
	}
	return b
}
