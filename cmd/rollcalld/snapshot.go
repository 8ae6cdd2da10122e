package main

import (
	"rollcall/control"
	"rollcall/view"
)

// snapshot is the host as its loop last saw it. It never changes.
type snapshot struct {
	at       control.Time
	status   control.HostStatus
	register control.Register // of level 0, as all that follows
	asking   control.Asking
	members  []member // what this node heard, where it asks
}

// above is this host's place in the group above its own, the seat rather than the slot of the group that
// it leads; nil: it has none there yet.
func (s *snapshot) above() *control.Status {
	for _, p := range []control.Place{control.SeatAt(1), control.PlaceOf(1, 0)} {
		if at := s.status.At(p); at.Roster != nil && !at.Members.Empty() {
			return at
		}
	}
	return nil
}

// seated reports whether this host votes above its group.
func (s *snapshot) seated() bool {
	role := s.status.At(control.SeatAt(1)).Role
	return role != "" && role != "absent"
}

// states are how those fare who have slots in the own group, members and others, as the kernel's maps tell it
// (view.State).
func (s *snapshot) states() (states [control.Slots]uint32) {
	own := &s.status.Group
	for slot, state := range own.States {
		states[slot] = uint32(state)
	}
	if own.Roster == nil {
		return states
	}
	for _, p := range own.Past {
		if seat := own.Roster.Named(p.Name); seat != nil && !own.Members.Has(seat.Slot) {
			states[seat.Slot] = uint32(p.State)
		}
	}
	coming := s.register.Accepted.New.Minus(own.Members)
	for slot := coming.First(); slot < control.Slots; slot = coming.Next(slot + 1) {
		states[slot] = uint32(view.Joining)
	}
	return states
}

// member is what a control.Member says to people.
type member struct {
	slot       uint16
	echoAt     control.Time
	round      uint64 // highest answered; 0: none
	agentAgeMS uint32
	exited     bool // its agent's process is no more, as its kernel says
	relayed    bool // its newest answer came through another member only
	rttNS      uint64
	accepted   uint64
	committed  uint64
	keys       control.KeyIDs
	wire       [2]int
}

func heard(slot uint16, t *control.Tally) member {
	m, h := &t.Members[slot], &t.Heard[slot]
	said := member{
		slot: slot, echoAt: h.EchoAt, round: h.Round, relayed: t.Relayed.Has(slot), agentAgeMS: control.NoAgent, rttNS: m.RTTNS,
		accepted: m.Accepted.Seq, committed: m.Committed, keys: m.Keys, wire: [2]int{int(m.WireMin), int(m.WireMax)},
	}
	if h.EchoAt != 0 {
		said.agentAgeMS, said.exited = m.AgentAgeMS, m.Health&control.HealthOrphaned != 0
	}
	return said
}

// wire is which frame versions a slot speaks, as far as this node heard.
func (s *snapshot) wire(slot uint16) [2]int {
	for i := range s.members {
		if s.members[i].slot == slot {
			return s.members[i].wire
		}
	}
	return [2]int{}
}
