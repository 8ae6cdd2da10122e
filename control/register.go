package control

import (
	"slices"
	"time"
)

// RegisterState is what a register is to its group.
type RegisterState uint32

// The states of a register. A joining register becomes a member when it learns of a
// committed view that contains it, and is out for good when it learns of a later one
// that does not.
const (
	RegisterVacant  RegisterState = 0 // belongs to no group: serves nothing
	RegisterJoining RegisterState = 1
	RegisterMember  RegisterState = 2
	RegisterOut     RegisterState = 3 // answers prepares and probes only
	RegisterFrozen  RegisterState = 4 // being copied to a new layout: serves nothing
)

// HeldRosters is how many roster versions a register holds at once.
const HeldRosters = 4

// Commit is the highest view that a register knows to be decided. It has the layout of
// struct rc_commit in bpf/maps.h. Ballot is that of the leader who told; its generation is the
// view's. Digest and Roster are zero where the register learnt of the decision without having
// accepted that proposal itself.
type Commit struct {
	Ballot  Ballot
	Seq     uint64
	Digest  uint64
	Roster  uint64
	Members Bitmap
}

// Echoed is an echo that was sent: the round it answered and when it left.
type Echoed struct {
	Round uint64
	At    Time
}

// Register is what a member holds for one group. It has the layout of struct rc_group in
// bpf/maps.h, where the kernel keeps it; the socket plane and the simulator keep it in
// memory of their own. Receive is the specification of the rule, the C one its twin.
type Register struct {
	Version     uint32 // odd while the kernel writes; zero elsewhere
	State       RegisterState
	Cluster     uint64
	Incarnation uint64
	Instance    uint32
	Group       uint16
	Slot        uint16
	Level       uint8
	Key         uint8 // number of the key that signs this node's asks
	Newest      uint8 // number of the newest key of this host's file
	_           [5]uint8
	Keys        KeyIDs              // of the keys that the host holds
	Rosters     [HeldRosters]uint64 // versions held, the newest first

	Promised    Ballot
	Accepted    Proposal
	Committed   Commit
	Epoch       uint64 // of the cluster view, as the last beat told it
	EpochDigest uint64 // … of its content; 0: not told

	BeatBallot Ballot // of the last beat taken
	BeatRound  uint64
	BeatAt     Time             // its arrival; zero before the first
	BeatRails  [RailsMax]uint64 // by each rail, the last round whose beat came by it
	Echoed     [2]Echoed        // the last two echoes under BeatBallot, the newest first
	LeaseUntil Time
	UpperUntil Time   // end of the lease of the level above; MaxTime: there is none
	Below      Report // above level 0, of a member that leads a group below: what its echoes tell

	IntervalUS uint32 // timing as the last beat gave it
	LeaseUS    uint32
	Rounds     uint32
	SilenceUS  uint32 // between the last beat taken and the one before it
	Heard      Bitmap // whose echoes the leader had, of the last two rounds
	Stale      Bitmap // whose agents are silent, as the leader sees it
	Accused    Bitmap // with Away: whom the last beat taken gave up
	Away       uint32 // 1: that beat gave the lead up (FlagAway)
	_          uint32

	AgentAt Time   // written by the agent alone: its last sign of life
	Health  uint32 // written by the agent alone

	Orphaned uint32 // 1: when the last frame came the agent's process was no more; set by whoever serves frames
}

// MaxTime is later than every other time.
const MaxTime = Time(1<<64 - 1)

// Wake tells an agent why it should look at its register and tally.
type Wake uint32

// The reasons to wake an agent.
const (
	WakeCommitted Wake = 1 << iota // the register learnt of a newly decided view
	WakeRemoved                    // the register is out
	WakeRoster                     // a beat named a roster that is not held
	WakeQuorum                     // the proposal has its votes
	WakePromise                    // a promise or refusal arrived
	WakeOutbid                     // somebody promised a higher ballot than ours
	WakeSilent                     // no beat for ceil(k/2) intervals
	WakeHandOver                   // the leader asks us to stand
	WakeInstance                   // a frame of a higher instance was heard
	WakeReport                     // a member tells of another view of the group that it leads below
	WakeRounds                     // others missed too many rounds than before, or beats ended
	WakeAway                       // the leader gave the lead up by its last beat
)

// Outcome tells what became of a frame.
type Outcome struct {
	Reply  bool // the frame was rewritten into the reply to send back
	PassOn bool // the frame is to be sent to the slot that it names
	Reason Reason
	Wake   Wake
}

// Receive applies one ask to the register and, when Outcome.Reply says so, rewrites f into
// the reply. The caller has checked the frame's form, tag, cluster and destination address.
func (r *Register) Receive(now Time, f *Frame) Outcome {
	if o, ok := r.addressed(f); !ok {
		return o
	}
	switch f.Kind {
	case KindBeat:
		return r.beat(now, f)
	case KindPrepare:
		return r.prepare(now, f)
	case KindProbe:
		r.reply(now, f, KindAnswer)
		return Outcome{Reply: true, Reason: ReasonProbeAnswered}
	case KindHandOver:
		if r.State != RegisterMember || f.Ballot != r.Promised || f.From != f.Ballot.Slot() {
			return Outcome{Reason: ReasonOldBallot}
		}
		return Outcome{Reason: ReasonHandOverTaken, Wake: WakeHandOver}
	}
	return Outcome{Reason: ReasonBadKind}
}

// addressed reports whether the frame is for this register.
func (r *Register) addressed(f *Frame) (Outcome, bool) {
	switch {
	case r.State == RegisterVacant:
		return Outcome{Reason: ReasonNotMember}, false
	case r.State == RegisterFrozen:
		return Outcome{Reason: ReasonFrozen}, false
	case f.Cluster != r.Cluster:
		return Outcome{Reason: ReasonBadCluster}, false
	case f.Instance > r.Instance:
		return Outcome{Reason: ReasonHigherInstance, Wake: WakeInstance}, false
	case f.Instance < r.Instance:
		return Outcome{Reason: ReasonBadInstance}, false
	case f.Level != r.Level || f.Group != r.Group:
		return Outcome{Reason: ReasonNotMember}, false
	case f.To != r.Slot && f.To != ToAll:
		return Outcome{Reason: ReasonBadSlot}, false
	}
	return Outcome{}, true
}

func (r *Register) beat(now Time, f *Frame) Outcome {
	if f.Ballot < r.Promised {
		r.reply(now, f, KindEcho)
		return Outcome{Reply: true, Reason: ReasonOldBallot}
	}
	if f.Ballot == r.BeatBallot && f.Round <= r.BeatRound {
		if f.Round == r.BeatRound && r.State != RegisterOut && (r.newByRail(f) || f.To == r.Slot) { // its echo may be lost
			r.reply(now, f, KindEcho)
			return Outcome{Reply: true, Reason: ReasonBeatRepeated}
		}
		return Outcome{Reason: ReasonOldRound}
	}
	if r.State == RegisterOut {
		return Outcome{Reason: ReasonOut}
	}
	o := Outcome{Reply: true, Reason: ReasonBeatTaken}
	a := &f.Ask
	known := r.Committed
	r.Promised = f.Ballot
	r.commit(f)
	if r.Accepted.Less(f.Ballot, a.Seq) {
		if r.Holds(a.Roster) {
			r.Accepted = Proposal{Ballot: f.Ballot, Seq: a.Seq, Digest: a.Digest, Roster: a.Roster, New: a.New, Old: a.Old}
		} else {
			o.Reason = ReasonRosterMissing
			o.Wake |= WakeRoster
		}
	}
	r.commit(f)
	if r.Committed.Seq != known.Seq || r.Committed.Ballot.Generation() != known.Ballot.Generation() {
		o.Wake |= WakeCommitted
		if r.Committed.Members.Has(r.Slot) {
			r.State = RegisterMember
		} else if r.State == RegisterMember {
			r.State = RegisterOut
			r.LeaseUntil = 0
			return Outcome{Reason: ReasonOut, Wake: o.Wake | WakeRemoved}
		}
	}
	r.time(now, f)
	if r.Away != 0 {
		o.Wake |= WakeAway
	}
	r.reply(now, f, KindEcho)
	return o
}

// commit learns what the beat says is decided, as far as the accepted proposal of the
// same ballot tells its content. A higher generation begins with a view that follows no other,
// whose Old are its own members: of the number before, it tells nothing.
func (r *Register) commit(f *Frame) {
	c, seq := &r.Committed, min(f.Ask.Committed, r.Accepted.Seq)
	same := c.Seq == 0 || c.Ballot.Generation() == f.Ballot.Generation()
	if r.Accepted.Ballot != f.Ballot || same && seq <= c.Seq {
		return
	}
	switch a := &r.Accepted; {
	case seq == a.Seq:
		*c = Commit{Ballot: f.Ballot, Seq: seq, Digest: a.Digest, Roster: a.Roster, Members: a.New}
	case seq == a.Seq-1 && same:
		*c = Commit{Ballot: f.Ballot, Seq: seq, Members: a.Old}
	}
}

func (r *Register) prepare(now Time, f *Frame) Outcome {
	o := Outcome{Reply: true, Reason: ReasonPromised}
	switch {
	case f.Ballot < r.Promised:
		o.Reason = ReasonOldBallot
	case f.Ballot > r.Promised && r.refuses(now, f):
		o.Reason = ReasonRefused
	default: // asked again under the ballot already promised: say the same again
		r.Promised = f.Ballot
	}
	r.reply(now, f, KindPromise)
	return o
}

// refuses keeps a group whose leader beats from being disturbed, and is what every lease
// rests on (lease rule 4).
func (r *Register) refuses(now Time, f *Frame) bool {
	if f.Flags&FlagHandOver != 0 && (f.Ask.Prior == r.Promised || r.Away != 0 && f.Ask.Prior == r.BeatBallot) {
		return false
	}
	return r.BeatAt != 0 && now.Since(r.BeatAt) < r.Calm()
}

// Leader is the slot whose beats are taken; it means nothing before the first.
func (r *Register) Leader() uint16 { return r.BeatBallot.Slot() }

// Interval is the time between rounds as the last beat gave it.
func (r *Register) Interval() time.Duration {
	return time.Duration(r.IntervalUS) * time.Microsecond
}

// Serves reports whether the register takes part in a group's rounds.
func (r *Register) Serves() bool { return r.State == RegisterJoining || r.State == RegisterMember }

// Holds reports whether the roster version is among those held.
func (r *Register) Holds(roster uint64) bool {
	return roster != 0 && slices.Contains(r.Rosters[:], roster)
}

// reply rewrites f into an answer of the given kind that tells the register's state.
func (r *Register) reply(now Time, f *Frame, kind Kind) {
	f.Kind = kind
	if f.Flags &= FlagRelay; f.Flags == 0 {
		f.Via = 0
	}
	f.To, f.From = f.From, r.Slot
	f.Ask = Ask{}
	f.Reply = Reply{
		Incarnation: r.Incarnation,
		Promised:    r.Promised,
		Accepted:    r.Accepted,
		Committed:   r.Committed.Seq,
		Roster:      r.Rosters[0],
		SilenceUS:   r.SilenceUS,
		AgentAgeMS:  r.AgentAgeMS(now),
		Health:      r.health(),
		WireMin:     WireVersion,
		WireMax:     WireVersion,
		Below:       r.Below,
		Keys:        r.Keys,
	}
}

func (r *Register) health() uint16 {
	h := uint16(r.Health)
	if r.Orphaned != 0 {
		h |= HealthOrphaned
	}
	return h
}

// AgentAgeMS is how long ago the agent stamped the register, or NoAgent.
func (r *Register) AgentAgeMS(now Time) uint32 {
	if r.AgentAt == 0 {
		return NoAgent
	}
	age := now.Since(r.AgentAt) / time.Millisecond
	return uint32(min(max(age, 0), time.Duration(NoAgent-1)))
}

// WireVersion is the version of the frame format that this code speaks.
const WireVersion = 1

func clampUS(d time.Duration) uint32 {
	return uint32(min(max(d/time.Microsecond, 0), 1<<32-1))
}
