package control

import "rollcall/view"

// HostConfig is what a Host knows from the start.
type HostConfig struct {
	Config          // of its group at level 0, which Config.Group names; Founders are those of the top
	Top    uint8    // the highest level: 0 where the inventory has one group
	Seats  int      // voters wanted in a group above level 0; 0: seven
	Prefer []string // names that should lead and vote
	Avoid  []string // names that should only where there are no others

	// Held are the rosters that an earlier agent of this host held, of each place as
	// HostOutput.Rosters told them last. They stand for Config.Rosters.
	Held [Places][]*Roster
}

// HostInput is what happened. Registers and tallies are those of the moment; a Host keeps no
// pointer to them.
type HostInput struct {
	Registers *[Places]Register
	Tallies   *[Levels]*Tally // of the slots in Watch; nil is an empty one
	Wakes     [Places]Wake
	Sent      Time     // when the last frame of an earlier output had left; 0: none was sent
	Message   *Message // from another agent, nil for none; already Validated
	Order     Order
	Abandon   uint32 // with OrderAbandon: the instance that is declared dead
}

// HostOutput is what to do about it, in the order of the fields. Slices are valid until the
// next Step.
type HostOutput struct {
	Record   *InstanceRecord // to be on disk before anything else happens
	Rosters  []PlaceRosters  // of places where they changed
	Commands []Command       // each to the register and tally of its Place
	Frames   []Outgoing
	Messages []Letter
	Group    *view.View        // newly installed: the view of this host's group at level 0
	View     *view.ClusterView // newly installed: the epoch
	Events   []Event
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
type Host struct {
	cfg   HostConfig
	nodes [Places]*Node
	now   Time
	out   HostOutput
	empty Tally
}

// NewHost returns a host that belongs to no group yet, or, when its registers say otherwise at
// the first Step, goes on where an earlier agent stopped.
func NewHost(c HostConfig) *Host {
	h := &Host{cfg: c}
	own := c.Config
	own.Level, own.Rosters = 0, c.Held[0]
	h.nodes[0] = New(own)
	return h
}

// Step takes what happened and says what to do.
func (h *Host) Step(now Time, in HostInput) HostOutput {
	h.now, h.out = now, HostOutput{}
	h.stepNode(0, &in, in.Message, in.Order)
	return h.out
}

// stepNode has the node of one place take its step, and adds what it decided to the host's.
func (h *Host) stepNode(p Place, in *HostInput, m *Message, o Order) {
	t := in.Tallies[p.Level()]
	if t == nil {
		t = &h.empty
	}
	n := h.nodes[p]
	out := n.Step(h.now, Input{
		Register: &in.Registers[p], Tally: t, Wake: in.Wakes[p], Sent: in.Sent, Message: m, Order: o, Abandon: in.Abandon,
	})
	if out.Record != nil {
		h.out.Record = out.Record
	}
	if len(out.Rosters) > 0 {
		h.out.Rosters = append(h.out.Rosters, PlaceRosters{p, out.Rosters})
	}
	h.out.Commands = append(h.out.Commands, out.Commands...)
	h.out.Frames = append(h.out.Frames, out.Frames...)
	h.out.Messages = append(h.out.Messages, out.Messages...)
	h.out.Events = append(h.out.Events, out.Events...)
	if out.View != nil {
		h.out.Group = out.View
		if h.cfg.Top == 0 {
			h.out.View = &view.ClusterView{Cluster: out.View.Cluster, Instance: out.View.Instance, Leader: out.View.Leader, Top: view.Leaf(out.View)}
		}
	}
}

// Deadline is when to call Step next if nothing happens before.
func (h *Host) Deadline() Time {
	at := MaxTime
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
	Group  Status         // at level 0
	Places [Places]Status // of the places held above level 0; others have no Role
}

// Status reports the host's state; now and the registers are those of the moment.
func (h *Host) Status(now Time, r *[Places]Register) HostStatus {
	var s HostStatus
	for p, n := range h.nodes {
		if n != nil {
			s.Places[p] = n.Status(now, &r[p])
		}
	}
	s.Group = s.Places[0]
	return s
}
