package control

import (
	"slices"
	"strings"
)

// announces tells those whom everybody asks first, as far as they are not in the view, that this group lives and who
// votes in it. They may know nobody who belongs to it, since it may have become others than their records name; and
// nobody else is asked by who looks for it. A founder hears so in time not to found another instance.
func (n *Node) announces() {
	l := &n.lead
	if n.upper != nil || !l.decided { // the leader of the top does, for all
		return
	}
	if n.now.Before(l.announceAt) {
		n.wakeAt(l.announceAt)
		return
	}
	l.announceAt = 0
	for _, to := range n.cfg.Contacts[:min(len(n.cfg.Contacts), Slots)] {
		if slices.ContainsFunc(l.roster.Seats, func(s Seat) bool { return s.isCalled(to) && l.view.New.Has(s.Slot) }) {
			continue
		}
		n.letter(to, Message{Kind: MessageState, Instance: n.reg.Instance, State: &FoundState{Register: n.reg.Instance, Record: n.record}})
		l.announceAt = n.now.Add(n.cfg.FoundWait / 4)
		n.wakeAt(l.announceAt)
	}
}

// heardBeside is for who holds a register, or left, and is told of one: it asks there once it hears no beats for long,
// gives its own up for a later instance, and tells whoever is in an earlier one.
func (n *Node) heardBeside(m *Message) {
	switch heard := m.State.Register; {
	case n.role == roleLeft || heard == 0:
	case heard > n.reg.Instance:
		n.hint(m.From.RPC)
		n.removed("a later instance of the cluster was heard")
	case heard < n.reg.Instance:
		n.foundAsked(m)
	case n.role != roleLeader:
		n.hint(m.From.RPC)
	}
}

// isCalled reports whether a contact is this node's agent, be it by its address or by the node's name.
func (p *Peer) isCalled(contact string) bool {
	name, _, _ := strings.Cut(contact, ":")
	return p.RPC == contact || p.Name == name
}
