package control

import "fmt"

// Generations are given by the leader of the group above, and none of a group is ever given twice (G1): the roster
// that names who begins one names the generation, and a quorum holds that roster before anybody begins. So whoever
// leads above in the same generation of its own knows the greatest that was given.
//
// Whoever begins another generation above may know nothing of it: all registers there may be lost, or those that
// are left never saw the last rosters. But that generation was itself given only once, so each has numbers of its own
// to give. The top has all of them: what it loses goes with the instance, or is the operator's to recover.
//
// Where they are used up the group stays without a leader, and everybody who asks is told so: its branch could
// begin its own next generation, but all its other groups would have no place in a view until that is done.

// generationsEach is how many generations of one group below a generation of a group that is not the top can give.
const generationsEach = 64

// nextGeneration is the one that a group below is to be formed in; 0: there is none left to give.
func (n *Node) nextGeneration(slot uint16) uint16 {
	first, last := 1, 1<<16-1
	if !n.below.top {
		first += (int(n.lead.ballot.Generation()) - 1) * generationsEach
		last = min(last, first+generationsEach-1)
	}
	r, _ := n.lead.newest()
	if seat := r.At(slot); seat != nil {
		first = max(first, int(seat.Below.Generation())+1)
	}
	if first > last {
		return 0
	}
	return uint16(first)
}

// spent says why a group below a node that leads can not be formed any more, and once in the events; empty: it can.
func (h *Host) spent(n *Node, slot uint16) string {
	if n.nextGeneration(slot) != 0 {
		return ""
	}
	level, group, until := n.cfg.Level-1, n.cfg.Group*PerBranch+slot, "the group above it is itself formed anew"
	if n.below.top {
		until = "the cluster is founded anew"
	}
	why := fmt.Sprintf("group %d of level %d can not be formed again: all generations that it can be given are used up until %s", group, level, until)
	if !n.lead.spent.Has(slot) {
		n.lead.spent.Set(slot)
		h.out.Events = append(h.out.Events, Event{Kind: EventSpent, At: h.now, Instance: n.reg.Instance, Level: level, Group: group, Ballot: n.lead.ballot, Why: why})
	}
	return why
}

// appoint has one that holds no group form a group of the level below that has no leader, in the
// generation after every earlier one. It takes its slot like a leader, and begins when that is
// decided.
func (n *Node) appoint(p Peer, slot uint16) {
	if g := n.nextGeneration(slot); g != 0 {
		n.enqueue(applicant{Peer: p, slot: slot, below: NewBallot(g, 0, 0)})
	}
}

// displaces reports whether an applicant leads a later generation of its group than the leader that has the slot:
// where this group was formed anew, the earlier one may have asked first. It did not succeed that one, whose
// lease has to end before it gets the slot.
func (n *Node) displaces(p *applicant) bool {
	l := &n.lead
	if p.slot >= Slots || !l.inView().Has(p.slot) {
		return false
	}
	seat := l.roster.At(p.slot)
	return seat != nil && seat.Below.Generation() < p.below.Generation()
}

// displaced are the slots whose leaders give way to those of later generations.
func (n *Node) displaced() (b Bitmap) {
	for i := range n.lead.adm.asked {
		if p := &n.lead.adm.asked[i]; n.displaces(p) {
			b.Set(p.slot)
		}
	}
	return b
}
