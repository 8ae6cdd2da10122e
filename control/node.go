package control

import (
	"time"

	"rollcall/view"
)

// role is what a node is to its group at the moment.
type role uint8

const (
	roleAbsent    role = iota // no register: asks to be let in, or founds
	roleFollower              // has a register; somebody else leads, or nobody
	roleCandidate             // collects promises
	roleLeader
	roleLeft // by the operator's order; comes back only by order
)

var roleNames = [...]string{"absent", "follower", "candidate", "leader", "left"}

// housekeeping is the longest a node waits between two steps.
const housekeeping = time.Second

// Node is one node's part in one group: it decides, and leaves doing to its driver.
type Node struct {
	cfg        Config
	place      Place
	role       role
	rosters    []heldRoster // the newest first, at most HeldRosters
	record     InstanceRecord
	current    *view.View // installed; nil before the first
	past       []Past
	removals   []removals         // of others, the last first seen first
	states     *[Slots]view.State // a leader's judgement, of its last round; nil: it never led
	yieldedAt  Time               // when it last handed the lead to one who should have it rather; 0: never
	leaving    bool
	handOverAt Time // a leaving leader stays until then, so that others who leave can say so
	started    bool

	lead  leadership
	cand  candidacy
	watch watch
	rails *railWatch // nil: never more than one
	join  joining
	found founding

	below    *vector   // above level 0, of a voter: what its group decides about
	claims   []claimed // above level 0, of a voter: who asked for groups' slots while it did not lead
	invited  bool      // above level 0: the leader wants it to have a seat
	deadline Time

	// The step in progress.
	now        Time
	reg        Register
	tally      *Tally
	upper      *Register
	claim      *Standing // what it says of itself when it asks to be let in
	elsewhere  uint32    // the highest instance of the host's other registers
	leaderHere bool      // above level 0: another node of this host leads its group
	topVoters  []Voter   // of the top, as this host's node there recorded them
	saving     bool      // Input.Unsaved
	wake       Wake
	out        Output
}

// New returns a node that belongs to no group yet, or, when its register says otherwise at
// the first Step, goes on where an earlier agent stopped.
func New(c Config) *Node {
	if c.Contents == nil {
		c.Contents = new(ownContents)
	}
	if c.preferences == nil {
		c.preferences = newPreferences(c.Prefer, c.Avoid)
	}
	n := &Node{cfg: c, place: SeatAt(c.Level), record: c.Record}
	if c.Represents {
		n.place = Place(c.Level * 2)
	}
	for _, r := range c.Rosters {
		n.rosters = append(n.rosters, heldRoster{r, r.Version()})
	}
	return n
}

// Step takes what happened and says what to do.
func (n *Node) Step(now Time, in Input) Output {
	n.now, n.reg, n.tally, n.upper, n.wake = now, *in.Register, in.Tally, in.Upper, in.Wake
	n.out, n.saving = Output{}, in.Unsaved
	n.deadline = now.Add(housekeeping)
	n.watch.left(in.Sent)
	n.cand.seen.left(in.Sent)
	n.cand.outbid = max(n.cand.outbid, in.Tally.Outbid)
	if !n.started {
		n.started, n.join.since = true, now
	}
	if n.below != nil && n.reg.Instance != 0 {
		n.below.enter(n.reg.Instance)
	}
	n.settleRole()
	if in.Order != OrderNone {
		n.order(in)
	}
	if in.Message != nil {
		n.receive(in.Message)
	}
	if m := n.join.roster; m != nil && !n.unsaved() {
		n.join.roster = nil
		n.rosterArrived(m)
	}
	switch n.role {
	case roleAbsent:
		n.absent()
	case roleFollower:
		n.follow()
	case roleCandidate:
		n.campaign()
	case roleLeader:
		n.leadGroup()
	}
	n.orderBeats()
	n.watchRails()
	n.install()
	n.tally, n.upper = nil, nil
	return n.out
}

// Deadline is when to call Step next if nothing happens before.
func (n *Node) Deadline() Time { return n.deadline }

// Watch names the slots whose tally Step wants to see; empty while the node asks nothing.
func (n *Node) Watch() Bitmap {
	switch {
	case n.role == roleLeader:
		return n.lead.view.New.Or(n.lead.view.Old).Or(n.lead.adm.joiners)
	case n.role == roleCandidate:
		return n.cand.asked
	case n.watch.on:
		return n.watch.asked
	}
	return Bitmap{}
}

// settleRole brings the role in line with what the register became since the last step.
func (n *Node) settleRole() {
	switch n.reg.State {
	case RegisterVacant:
		if n.role != roleLeft && n.role != roleAbsent {
			n.becomeAbsent()
		}
	case RegisterOut:
		if n.role == roleAbsent {
			n.role = roleFollower
		}
		n.recordDecided(n.reg.Committed.Seq, n.reg.Committed.Members, n.rosterFor(&n.reg.Committed))
		n.removed("the group's view no longer names this node")
	default:
		if n.role == roleAbsent {
			n.adopt()
		}
		if n.wake&WakeInstance != 0 {
			n.removed("a later instance of the cluster was heard")
		}
	}
}

// adopt goes on with the register that an earlier agent of this node left behind. If that
// agent led, nobody else has to be disturbed: it asks itself for a hand-over.
func (n *Node) adopt() {
	if n.founder() && n.record.Closed && n.record.Instance == n.reg.Instance {
		n.vacate() // as the agent before was about to, when its record was on disk
		return
	}
	n.role = roleFollower
	n.join.since = n.now
	own := n.reg.BeatBallot != 0 && n.reg.Leader() == n.reg.Slot && n.reg.Promised == n.reg.BeatBallot
	if own && n.reg.State == RegisterMember && n.rosterOf(n.reg.Accepted.Roster) != nil {
		n.stand(n.reg.Promised, "its agent was started anew")
	}
}

// removed gives the register up; what was learnt with it is worthless to the group.
func (n *Node) removed(why string) {
	if n.role == roleAbsent || n.role == roleLeft {
		return
	}
	n.event(Event{Kind: EventRemoved, From: n.reg.Committed.Seq, Why: why})
	n.vacate()
}

func (n *Node) vacate() {
	n.stopAsking()
	n.out.RecordFirst = true // who left should know with whom it was
	n.command(Command{Kind: CommandVacate})
	n.becomeAbsent()
}

func (n *Node) becomeAbsent() {
	n.lead, n.cand, n.watch = leadership{}, candidacy{}, watch{}
	n.current, n.claims = nil, nil
	if n.below != nil {
		n.below.forget()
	}
	n.join = joining{since: n.now, hints: n.join.hints}
	n.found.heardAt = n.now
	n.role = roleAbsent
	if n.leaving {
		n.role, n.leaving = roleLeft, false
		n.giveUpProposal()
		n.event(Event{Kind: EventLeft})
	}
	n.wakeAt(n.now)
}

func (n *Node) order(in Input) {
	switch in.Order {
	case OrderLeave:
		n.handOverAt = n.now
		n.leave()
	case OrderJoin:
		n.leaving = false
		if n.role == roleLeft {
			n.role = roleAbsent
			n.becomeAbsent()
		}
	case OrderShutdown:
		n.shutdown()
	case OrderReadmit:
		n.readmit(in.Name)
	case OrderRecover:
		n.recover()
	case OrderAbandon:
		n.found.abandoned = max(n.found.abandoned, in.Abandon)
		n.voidVotes(func(v *FoundVote) bool { return v.Instance <= in.Abandon })
	}
}

// receive handles a message from another agent.
func (n *Node) receive(m *Message) {
	if m.Cluster != n.cfg.Cluster || m.Level != n.cfg.Level || m.From.Name == n.cfg.Self.Name && !n.fromSelf(m) {
		return
	}
	switch m.Kind {
	case MessageJoin:
		n.admit(m)
	case MessageAnswer:
		n.answered(m)
	case MessageRoster:
		n.rosterArrived(m)
	case MessageHeld:
		n.held(m)
	case MessageFetch:
		n.fetched(m)
	case MessageLeave:
		n.goodbye(m)
	case MessageAsk:
		n.foundAsked(m)
	case MessageState:
		n.foundState(m)
	case MessagePropose:
		n.foundProposed(m)
	case MessageVote:
		n.foundVoted(m)
	case MessageShutdown:
		n.closed(m.Instance)
	case MessageDecree:
		n.decreed(m)
	case MessageReadmit:
		n.readmitted(m.Name)
	case MessageInvite:
		n.invited = true
		n.hint(m.From.RPC)
	}
}

// fromSelf reports whether a letter from this very host is one that its nodes send each other.
func (n *Node) fromSelf(m *Message) bool {
	switch m.Kind {
	case MessageDecree, MessageAnswer:
		return true
	case MessageJoin, MessageRoster, MessageHeld, MessageFetch, MessageLeave, MessageInvite:
		return n.cfg.Level > 0
	}
	return false
}

// command orders the register and tally, and lets the rest of this step see the register
// as it will be.
func (n *Node) command(c Command) {
	c.Level, c.Seat = n.cfg.Level, n.place.Seat()
	n.reg.apply(&c)
	if c.Kind == CommandJoin && n.below != nil {
		n.below.enter(c.Instance)
	}
	n.out.Commands = append(n.out.Commands, c)
}

// send asks the slots in to. The plane fills in Sent.
func (n *Node) send(to Bitmap, f Frame) {
	f.Cluster, f.Instance, f.Level, f.Group = n.cfg.ClusterID, n.reg.Instance, n.cfg.Level, n.cfg.Group
	f.From, f.Key = n.reg.Slot, n.reg.Key
	n.out.Frames = append(n.out.Frames, Outgoing{Place: n.place, To: to, Frame: f})
}

func (n *Node) letter(to string, m Message) {
	if to == "" || to == n.cfg.Self.RPC && n.cfg.Level == 0 {
		return
	}
	m.Cluster, m.Level, m.Group = n.cfg.Cluster, n.cfg.Level, n.cfg.Group
	if m.Kind != MessageAnswer {
		m.Seat = n.place.Seat() == 1
	}
	m.From = n.self()
	n.out.Messages = append(n.out.Messages, Letter{To: to, Message: m})
}

// self is this node as others should know it.
func (n *Node) self() Peer {
	p := n.cfg.Self
	p.Incarnation = n.reg.Incarnation
	return p
}

func (n *Node) event(e Event) {
	e.At = n.now
	e.Instance, e.Level, e.Group = n.reg.Instance, n.cfg.Level, n.cfg.Group
	if e.Ballot == 0 {
		e.Ballot = n.reg.Promised
	}
	n.out.Events = append(n.out.Events, e)
}

// wakeAt brings the deadline forward.
func (n *Node) wakeAt(t Time) {
	if t.Before(n.deadline) {
		n.deadline = t
	}
}

func (n *Node) stopAsking() {
	if !n.place.Votes() {
		return
	}
	n.command(Command{Kind: CommandAsk})
}

// half is ceil(k/2), the rounds after which silence is suspicious.
func half(k int) int { return (k + 1) / 2 }
