package control

import (
	"slices"
	"time"
)

// Above level 0 a group lets in two kinds. The leader of each group below has the slot of that
// group, and its successor takes the slot from it in one step: it has no vote that the next
// view could rest on. Seats are given in seat.go.

// admitAbove answers one that asks to be let in, where this node leads.
func (n *Node) admitAbove(m *Message, answer func(status AnswerStatus, why string)) {
	l := &n.lead
	switch {
	case m.Instance != 0 && m.Instance < n.reg.Instance:
		answer(AnswerRemoved, "a later instance of the cluster lives")
	case m.Instance > n.reg.Instance:
		answer(AnswerRefused, "it belongs to a later instance of the cluster")
	case m.Seat:
		n.admitSeat(m, answer)
	case m.Standing == nil || m.Standing.Slot >= FirstSeat || m.Standing.Ballot == 0:
		answer(AnswerRefused, "it says of no group that it leads it")
	default:
		slot, ballot := m.Standing.Slot, m.Standing.Ballot
		seat := l.roster.At(slot) // what is not even proposed ends no group
		same := seat != nil && seat.Name == m.From.Name && seat.Incarnation == m.From.Incarnation
		switch {
		case same && l.inView().Has(slot):
			answer(AnswerMember, "")
		case l.adm.seats(&m.From): // who is appointed leads under no ballot yet
			l.adm.pushAt = n.now
			answer(AnswerWaiting, "")
		case seat != nil && ballot.Generation() < seat.Below.Generation():
			// Were it let in by that ballot, the roster would forget which generation was given (generation.go). Who was
			// appointed, and lost the slot before it began, is so for the next one, by another incarnation.
			n.letter(m.From.RPC, Message{
				Kind: MessageAnswer, Instance: n.reg.Instance, Version: uint64(seat.Below.Generation()),
				Answer: &Answer{Status: AnswerSuperseded, Why: "the group was formed anew without it"},
			})
		case l.adm.roster != nil && l.adm.joiners.Has(slot):
			answer(AnswerWaiting, "another is about to have the slot of that group")
		case seat != nil && ballot <= seat.Below && l.inView().Has(slot):
			// who led it once, and follows the new leader, claims the slot by that one's ballot (Host.claim)
			answer(AnswerWaiting, "another leads that group")
		case m.Holds:
			n.tellRemoved(m)
		case ballot.Generation() == 0: // who is to form the group is appointed
			answer(AnswerWaiting, "its group is about to be formed")
		default:
			n.enqueue(applicant{Peer: m.From, slot: slot, below: ballot})
			answer(AnswerWaiting, "")
		}
	}
}

// claimed is a request for a group's slot that came while this node did not lead.
type claimed struct {
	at Time
	m  *Message
}

// claimFor is how long a claim is kept. A root may die with the leader of its group; the
// group has its next leader before the cluster has, and is not to be taken for gone then.
const claimFor = 5 * time.Second

// remember keeps a claim for the case that this node is about to lead.
func (n *Node) remember(m *Message) {
	if n.cfg.Level == 0 || !n.place.Votes() || m.Seat || m.Standing == nil {
		return
	}
	n.claims = slices.DeleteFunc(n.claims, func(c claimed) bool { return n.now.Since(c.at) >= claimFor })
	for i := range n.claims {
		if c := &n.claims[i]; c.m.Standing.Slot == m.Standing.Slot {
			if c.m.Standing.Ballot <= m.Standing.Ballot {
				*c = claimed{n.now, m}
			}
			return
		}
	}
	if len(n.claims) < FirstSeat {
		n.claims = append(n.claims, claimed{n.now, m})
	}
}

// hearClaims lets a new leader hear what it was asked before.
func (n *Node) hearClaims() {
	for _, c := range n.claims {
		if n.now.Since(c.at) < claimFor && !c.m.Holds {
			n.admitAbove(c.m, func(AnswerStatus, string) {})
		}
	}
	n.claims = nil
}

// leaderPatience is how long at least a group's leader is silent before the group is taken for gone
// with all its members: it may be that leader alone that is dead, and letters, unlike rounds, take
// no less time where rounds are short. A leader that hears nobody any more beats for k rounds,
// and its members stand k+1 intervals later, the second of them another one after the first.
func (n *Node) leaderPatience() time.Duration {
	below := n.cfg.Rounds / 2
	return max(200*time.Millisecond, time.Duration(2*below+4)*n.cfg.Interval)
}

// awaited reports whether the slot of a leader that fell silent is to be kept: a successor asked
// for it, or may yet. The seat of the same host is kept as long, so that a group that died goes in
// one cut.
func (n *Node) awaited(slot uint16) bool {
	if n.cfg.Level == 0 {
		return false
	}
	l := &n.lead
	if slot >= FirstSeat {
		seat := l.roster.At(slot)
		if seat == nil {
			return false
		}
		led := l.roster.Named(seat.Name) // the lower of its slots
		return led.Slot < FirstSeat && l.fallen.Has(led.Slot) && n.patient(led.Slot)
	}
	return n.succeeded(slot) || n.patient(slot)
}

// succeeded reports whether another is about to have the slot. Who had it may say goodbye, and its
// group stays.
func (n *Node) succeeded(slot uint16) bool {
	a := &n.lead.adm
	return a.joiners.Has(slot) || slices.ContainsFunc(a.asked, func(p applicant) bool { return p.slot == slot && slot < Slots && !n.displaces(&p) })
}

// patient reports whether the leader in a slot is silent for too short a time for others of its
// group to lead. Who was elected since has waited for k+1 intervals, and probed the while.
func (n *Node) patient(slot uint16) bool {
	h := &n.tally.Heard[slot]
	since := max(h.EchoAt, h.AnswerAt, n.lead.seated[slot].at)
	if calm := time.Duration(n.cfg.Rounds+1) * n.cfg.Interval; since == 0 {
		since = n.lead.elected.Add(-calm)
	}
	return n.now.Since(since) < n.leaderPatience()
}

// joinWindow is how long requests are gathered.
func (n *Node) joinWindow() time.Duration {
	if n.awaitsLeader() {
		return 0
	}
	return n.cfg.JoinWindow
}

// awaitsLeader reports whether a group that was in a view waits for who asked for its slot, be it its
// next leader or who forms it anew: nothing is valid there until then.
func (n *Node) awaitsLeader() bool {
	return slices.ContainsFunc(n.lead.adm.asked, func(p applicant) bool {
		return p.slot < Slots && (n.lead.inView().Has(p.slot) || p.below.Generation() > 1)
	})
}

// mayAdd reports whether a view may come now that lets somebody in. Above level 0 it is an epoch of the
// whole cluster, so those keep their pace, as those do that only tell what groups have become.
func (n *Node) mayAdd(urgent bool) bool {
	return n.below == nil || urgent || n.keepsPace(epochPace)
}
