package control

import (
	"rollcall/view"
	"slices"
)

// HostConfig is what a Host knows from the start.
type HostConfig struct {
	Config       // of its group at level 0, which Config.Group names; Founders are those of the top
	Top    uint8 // the highest level: 0 where the inventory has one group

	// Held are the rosters that an earlier agent of this host held, of each place as
	// HostOutput.Rosters told them last. They stand for Config.Rosters.
	Held [Places][]*Roster
}

// HostInput is what happened. Registers and tallies are those of the moment; a Host keeps no
// pointer to them. The incarnation of every register is drawn before the first step.
type HostInput struct {
	Registers *[Places]Register
	Tallies   *[Levels]*Tally // of the slots in Watch; nil is an empty one
	Wakes     [Places]Wake
	Sent      Time     // when the last frame of an earlier output had left; 0: none was sent
	Unsaved   bool     // the record of an earlier output is not on disk yet; a step comes as soon as it is
	Message   *Message // from another agent, nil for none; already Validated
	Order     Order
	Abandon   uint32 // with OrderAbandon: the instance that is declared dead
	Name      string // with OrderReadmit: of the node
}

// HostOutput is what to do about it, in the order of the fields. Slices are valid until the
// next Step.
type HostOutput struct {
	Record      *InstanceRecord // as in Output
	RecordFirst bool
	Rosters     []PlaceRosters // of places where they changed
	Commands    []Command      // each to the register and tally of its Place
	Frames      []Outgoing
	Messages    []Letter
	Group       *view.View // newly installed: the view of this host's group at level 0

	// View is the newly installed epoch. It may be trusted while the register of place 0 is Valid
	// and knows of no later epoch: a beat that extends a lease names the epoch that it is for.
	View   *view.ClusterView
	Events []Event
}

// PlaceRosters are all rosters held for a place, to be kept for the next agent. Where Place.Votes,
// the first names the slots of the level from now on.
type PlaceRosters struct {
	Place   Place
	Rosters []*Roster
}

// Host is what one host runs: its node at level 0, and where it leads a group or votes above
// level 0, a node for each such place. Where the cluster has one group it is that group's
// node and nothing else.
//
// Nodes of one host talk to each other as they would over the network: by letters, which the
// host hands on itself, and by frames, which the plane delivers (Outgoing).
type Host struct {
	cfg      HostConfig
	nodes    [Places]*Node
	vectors  [Levels]*vector // of the nodes that vote above level 0
	mail     []*Message      // from outside or from this host to itself; one is read a step
	now      Time
	in       *HostInput
	out      HostOutput
	deadline Time
	empty    *Tally // where the driver has none

	content     content
	orphans     orphans
	founder     founderSaid
	represented [Levels]representation // by the level of the group led
	pushAt      Time                   // decrees and invitations to those that did not act on them
	vacantSince [Levels]Time           // since when a seat is free, where this host leads
	seatsTaken  [Levels]Bitmap         // that were taken then, or since
	leaving     bool
}

// NewHost returns a host that belongs to no group yet, or, when its registers say otherwise at
// the first Step, goes on where an earlier agent stopped.
func NewHost(c HostConfig) *Host {
	if c.Contents == nil {
		c.Contents = new(ownContents)
	}
	c.preferences = newPreferences(c.Prefer, c.Avoid)
	h := &Host{cfg: c}
	h.nodes[0] = h.node(0)
	if c.Top > 0 && slices.Contains(c.Founders, c.Self.Name) {
		h.nodes[SeatAt(c.Top)] = h.node(SeatAt(c.Top))
	}
	return h
}

// node is a new one for a place. What a leader hands down must outlast a round that is lost on
// each level below, so rounds double with every level, and leases with them.
func (h *Host) node(p Place) *Node {
	c, level := h.cfg.Config, p.Level()
	c.Level, c.Group, c.Rosters = level, h.groupAt(level), h.cfg.Held[p]
	c.Represents = !p.Votes()
	c.Rounds = min(c.Rounds<<level, roundsMax)
	if level > 0 {
		c.Allowed, c.Quarantine, c.RemoveStale = nil, 0, c.AgentGrace > 0 // leading and voting take an agent
	}
	if p == 0 && h.cfg.Top > 0 {
		c.AskMost = askMost
	}
	if p != SeatAt(h.cfg.Top) {
		c.Founders, c.Record = nil, InstanceRecord{}
	}
	n := New(c)
	if level > 0 && p.Votes() {
		v := &vector{cluster: c.Cluster, level: level, number: c.Group, top: level == h.cfg.Top}
		n.below, h.vectors[level] = v, v
	}
	return n
}

// roundsMax is the most rounds that a tally's history has room for.
const roundsMax = 32

// groupAt is the number of this host's group at a level.
func (h *Host) groupAt(level uint8) uint16 {
	g := h.cfg.Group
	for range level {
		g, _ = Parent(g)
	}
	return g
}

// Step takes what happened and says what to do.
func (h *Host) Step(now Time, in HostInput) HostOutput {
	h.now, h.in, h.out = now, &in, HostOutput{}
	h.deadline = MaxTime
	h.wakeNodes()
	if in.Message != nil {
		h.mail = append(h.mail, in.Message)
	}
	var m *Message
	if len(h.mail) > 0 {
		m, h.mail = h.mail[0], h.mail[1:]
	}
	to := h.route(m)
	for p := Place(0); p < Places; p++ {
		if h.nodes[p] == nil {
			continue
		}
		var letter *Message
		if to>>p&1 == 1 {
			letter = m
		}
		h.stepNode(p, letter)
	}
	if h.cfg.Top > 0 {
		h.represent()
		h.gather()
		h.lookAfter()
		h.inform()
	}
	if len(h.mail) > 0 {
		h.wakeAt(now)
	}
	h.in = nil
	return h.out
}

// wakeNodes makes the nodes of registers that are held, and tells all of them what ends the
// instance for one.
func (h *Host) wakeNodes() {
	for p := Place(1); p < Places && h.cfg.Top > 0; p++ {
		if h.nodes[p] == nil && h.in.Registers[p].State != RegisterVacant && p.Level() <= h.cfg.Top {
			h.nodes[p] = h.node(p)
		}
	}
	for _, w := range h.in.Wakes {
		if w&WakeInstance != 0 {
			for p := range h.in.Wakes {
				h.in.Wakes[p] |= WakeInstance
			}
			return
		}
	}
	for p, latest := 0, h.instance(); p < len(h.in.Registers); p++ { // the host came into a later one by another place
		if h.in.Registers[p].Instance < latest {
			h.in.Wakes[p] |= WakeInstance
		}
	}
}

// stepNode has the node of one place take its step, and adds what it decided to the host's.
func (h *Host) stepNode(p Place, m *Message) {
	n, level := h.nodes[p], p.Level()
	t := h.in.Tallies[level]
	if t == nil {
		if h.empty == nil {
			h.empty = new(Tally)
		}
		t = h.empty
	}
	in := Input{Register: &h.in.Registers[p], Tally: t, Wake: h.in.Wakes[p], Sent: h.in.Sent, Unsaved: h.in.Unsaved || h.out.Record != nil, Message: m, Abandon: h.in.Abandon, Name: h.in.Name, Order: h.order(p)}
	if level < h.cfg.Top && p.Votes() {
		in.Upper = &h.in.Registers[LeaderAt(level+1)]
	}
	h.tell(p)
	out := n.Step(h.now, in)
	if out.Record != nil {
		h.out.Record = out.Record
	}
	h.out.RecordFirst = h.out.RecordFirst || out.RecordFirst
	if len(out.Rosters) > 0 {
		h.out.Rosters = append(h.out.Rosters, PlaceRosters{p, out.Rosters})
	}
	h.out.Commands = append(h.out.Commands, out.Commands...)
	h.out.Frames = append(h.out.Frames, out.Frames...)
	for i := range out.Messages {
		h.post(out.Messages[i].To, out.Messages[i].Message)
	}
	h.out.Events = append(h.out.Events, out.Events...)
	if out.View != nil {
		h.out.Group = out.View
		if h.cfg.Top == 0 {
			h.out.View = &view.ClusterView{Cluster: out.View.Cluster, Instance: out.View.Instance, Leader: out.View.Leader, Top: view.Leaf(out.View)}
		}
	}
}

// tell brings a node up to date about the rest of the host before it steps.
func (h *Host) tell(p Place) {
	n := h.nodes[p]
	n.claim = h.claim(p)
	n.leaderHere = p.Level() > 0 && h.leads(p.Level()) != nil && h.leads(p.Level()) != n
	h.vouch(n)
	n.elsewhere, n.topVoters = 0, nil
	if top := h.nodes[SeatAt(h.cfg.Top)]; top != nil && top != n {
		n.topVoters = top.record.Voters
	}
	n.found.heardAt = max(n.found.heardAt, h.nodes[0].found.heardAt) // of a member of any group
	for q := range h.in.Registers {
		if r := &h.in.Registers[q]; Place(q) != p && r.State != RegisterVacant {
			n.elsewhere = max(n.elsewhere, r.Instance)
		}
	}
}

// order hands the operator's orders on: who leaves gives its seats up first, so that no
// view above rests on it.
func (h *Host) order(p Place) Order {
	if h.cfg.Top == 0 {
		return h.in.Order
	}
	switch o := h.in.Order; o {
	case OrderLeave:
		h.leaving = true
	case OrderJoin:
		h.leaving = false
		return o
	case OrderReadmit: // it is the group's own business who comes back
		if p == 0 {
			return o
		}
		return OrderNone
	case OrderAbandon, OrderRecover:
		if p == SeatAt(h.cfg.Top) || p == 0 && o == OrderAbandon {
			return o
		}
		return OrderNone
	case OrderShutdown:
		return o
	}
	if !h.leaving {
		return OrderNone
	}
	for q := Place(Places - 1); q > p; q-- {
		if n := h.nodes[q]; n != nil && q.Seat() == 1 && h.in.Registers[q].State != RegisterVacant {
			return OrderNone
		}
	}
	return OrderLeave
}

// post sends a letter, to this host itself by the next step.
func (h *Host) post(to string, m Message) {
	if to == "" {
		return
	}
	if to == h.cfg.Self.RPC {
		h.mail = append(h.mail, &m)
		return
	}
	h.out.Messages = append(h.out.Messages, Letter{To: to, Message: m})
}

// letter sends a letter that is the host's and no node's: about a group of that level.
func (h *Host) letter(to string, level uint8, group uint16, m Message) {
	m.Cluster, m.Level, m.Group = h.cfg.Cluster, level, group
	m.From = h.cfg.Self
	m.From.Incarnation = h.in.Registers[0].Incarnation
	h.post(to, m)
}

// leads is the node by which this host leads a group of that level, or nil.
func (h *Host) leads(level uint8) *Node {
	if n := h.nodes[SeatAt(level)]; n != nil && n.role == roleLeader {
		return n
	}
	return nil
}

func (h *Host) wakeAt(t Time) {
	if t.Before(h.deadline) || h.deadline == MaxTime {
		h.deadline = t
	}
}

// Deadline is when to call Step next if nothing happens before.
func (h *Host) Deadline() Time {
	at := h.deadline
	for _, n := range h.nodes {
		if n != nil {
			at = min(at, n.Deadline())
		}
	}
	return at
}

// Watch names the slots of a level whose tally Step wants to see.
func (h *Host) Watch(level uint8) Bitmap {
	if n := h.nodes[SeatAt(level)]; n != nil {
		return n.Watch()
	}
	return Bitmap{}
}

// HostStatus is what a host knows of itself and the cluster at this moment.
type HostStatus struct {
	Group  Status         // at level 0; its Awaiting tells what the host waits for, empty in a healthy cluster
	Places [Places]Status // of the places held above level 0; others have no Role

	// Waiting is how many nodes beside the founders wait for a cluster, as far as a founder told; 0 once there is one.
	Waiting int
}

// Status reports the host's state; now and the registers are those of the moment.
func (h *Host) Status(now Time, r *[Places]Register) HostStatus {
	var s HostStatus
	for p, n := range h.nodes {
		if n != nil && p > 0 {
			s.Places[p] = n.Status(now, &r[p])
		}
	}
	s.Group = h.nodes[0].Status(now, &r[0])
	s.Waiting = h.waiting(now)
	s.Group.Awaiting = h.awaiting(now, r, &s)
	return s
}

// At is the status of a place.
func (s *HostStatus) At(p Place) *Status {
	if p == 0 {
		return &s.Group
	}
	return &s.Places[p]
}
