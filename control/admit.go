package control

import (
	"fmt"
	"slices"
	"time"
)

// admission is the slow path by which nodes come in: requests are gathered for a while,
// a roster that seats them goes to the agents, and when a quorum and the founders hold it,
// one view lets all of them in.
type admission struct {
	asked   []applicant // waiting for the next roster
	since   Time        // of the oldest of them
	roster  *Roster
	version uint64
	started Time
	joiners Bitmap
	holders Bitmap          // agents that said they hold it
	saidAt  map[uint16]Time // when joiners did
	pushAt  Time
	urgent  bool // see awaitsLeader

	calls    int  // rounds of probes to those who are about to come in
	calledAt Time // the last of them

	probations []probation
}

// applicant is who waits for a slot: any that is free, or above level 0 that of the group that
// it leads, or is to form, by the ballot below.
type applicant struct {
	Peer
	slot  uint16 // Slots: any
	below Ballot
}

const (
	pushEvery     = 250 * time.Millisecond // rosters again to those that do not hold them
	admitPatience = 2 * time.Second        // for joiners that do not hold the roster
	admitGiveUp   = 10 * time.Second
)

// admit answers a node that asks to be let in.
func (n *Node) admit(m *Message) {
	var inquiry Inquiry
	waiting := 0
	answer := func(status AnswerStatus, why string) {
		a := &Answer{Status: status, Why: why, Waiting: waiting}
		if status == AnswerRedirect {
			a.Leader = n.rpcOf(n.reg.Leader())
		}
		n.letter(m.From.RPC, Message{Kind: MessageAnswer, Instance: n.reg.Instance, Seat: m.Seat, Answer: a, Inquiry: inquiry})
	}
	switch {
	case m.Group != n.cfg.Group:
		answer(AnswerRefused, "this agent belongs to another group")
		return
	case n.role != roleLeader && n.reg.State == RegisterMember && n.reg.Leader() != n.reg.Slot:
		n.remember(m)
		answer(AnswerRedirect, "")
		return
	case n.role != roleLeader && n.reg.State == RegisterMember:
		answer(AnswerIdle, "its members have none, and elect one when a quorum of them answers")
		return
	case n.role != roleLeader && n.founder() && !slices.Contains(n.cfg.Founders, m.From.Name) && !n.answeredOfLate(n.now):
		var why string
		why, waiting = n.noCluster(n.now, m.From.Name)
		answer(AnswerIdle, why)
		return
	case n.role != roleLeader:
		answer(AnswerIdle, "no group here yet")
		return
	case !n.allowed(m.From.Name):
		answer(AnswerRefused, "the group's inventory does not name this node")
		return
	case m.Keys[n.reg.Key%KeySlots] != n.reg.Keys[n.reg.Key%KeySlots]:
		answer(AnswerRefused, fmt.Sprintf("its key file lacks key %08x, which signs the group's frames", n.reg.Keys[n.reg.Key%KeySlots]))
		return
	}
	if n.cfg.Level > 0 {
		n.admitAbove(m, answer)
		return
	}
	l := &n.lead
	seat := l.roster.Named(m.From.Name)
	member := seat != nil && l.inView().Has(seat.Slot)
	flaps := n.quarantined(m.From.Name)
	switch {
	case member && seat.Incarnation == m.From.Incarnation:
		answer(AnswerMember, "")
		if !m.Holds && n.settingUp(seat.Slot) { // it did not get the roster
			n.letter(m.From.RPC, n.withVoters(Message{Kind: MessageRoster, Roster: l.roster}))
		}
	case member && n.rebooted(seat, m):
		n.fell(seat.Slot, "rebooted")
		l.certain.Set(seat.Slot)
		answer(AnswerWaiting, "the node's earlier incarnation is being removed")
	case member:
		if inquiry = n.inquire(seat, &m.From); inquiry == (Inquiry{}) && n.livesOn(seat.Slot) {
			answer(AnswerWaiting, "a member of this name still answers: if it is another node, one of the two must be renamed")
			return
		}
		answer(AnswerWaiting, "the node's earlier incarnation has to be removed first")
	case m.Holds && l.adm.seats(&m.From):
		answer(AnswerWaiting, "")
	case m.Holds:
		n.tellRemoved(m)
	case flaps != "":
		answer(AnswerQuarantined, flaps)
	case n.suspected(m.From.Name) != "":
		answer(AnswerWaiting, n.suspected(m.From.Name))
	default:
		n.enqueue(applicant{Peer: m.From, slot: Slots})
		answer(AnswerWaiting, "")
	}
}

// tellRemoved answers one that holds a register of a view that went on without it.
func (n *Node) tellRemoved(m *Message) {
	r, _ := n.lead.newest()
	n.letter(m.From.RPC, n.withVoters(Message{Kind: MessageAnswer, Seat: m.Seat, Roster: r, Answer: &Answer{Status: AnswerRemoved, Why: "the group goes on without this node"}}))
}

// livesOn reports whether the member answered a round within the last few.
func (n *Node) livesOn(slot uint16) bool {
	at := n.tally.Heard[slot].EchoAt
	return at != 0 && n.now.Since(at) < 2*n.cfg.Interval
}

func (n *Node) allowed(name string) bool {
	return len(n.cfg.Allowed) == 0 || slices.Contains(n.cfg.Allowed, name)
}

func (n *Node) enqueue(p applicant) {
	a := &n.lead.adm
	if p.Incarnation == 0 {
		return
	}
	if a.seats(&p.Peer) {
		a.pushAt = n.now // it asks again: it did not get the roster
		return
	}
	for i := range a.asked {
		switch o := &a.asked[i]; {
		case o.slot != p.slot && (o.slot < Slots || p.slot < Slots):
		case p.slot < Slots && o.below > p.below: // another leads that group now
			return
		case p.slot < Slots || o.Name == p.Name:
			*o = p
			return
		}
	}
	if len(a.asked) >= Slots {
		return
	}
	if len(a.asked) == 0 {
		a.since = n.now
	}
	a.asked = append(a.asked, p)
}

// seats reports whether the roster under way has a seat for this very incarnation.
func (a *admission) seats(p *Peer) bool {
	if a.roster == nil {
		return false
	}
	s := a.roster.Held(p)
	return s != nil && a.joiners.Has(s.Slot)
}

// admissions moves the joiners on by what the present state allows.
func (n *Node) admissions() {
	l := &n.lead
	a := &l.adm
	if !l.decided { // who lacks the roster can not vote
		n.pushRosters()
		return
	}
	if a.roster == nil && len(a.asked) > 0 && n.now.Since(a.since) >= n.joinWindow() && n.mayAdd(n.awaitsLeader()) {
		n.seatJoiners()
	}
	if a.roster != nil {
		n.proposeJoiners()
	}
	n.pushRosters()
}

// seatJoiners draws up the next roster: a node gets its old slot back where that is free,
// and a slot that was never used before one that was.
func (n *Node) seatJoiners() {
	l := &n.lead
	a := &l.adm
	busy := l.inView()
	r := l.roster
	a.urgent = n.awaitsLeader()
	var later []applicant
	for i, p := range a.asked {
		slot := p.slot
		switch s := n.named(r, p.Name); {
		case n.displaces(&p):
			later = append(later, p)
			continue
		case slot < Slots: // the group's, whoever led it before
		case s != nil && busy.Has(s.Slot):
			continue
		case s != nil:
			slot = s.Slot
		default:
			slot = freeSlot(r, n.firstSlot(), busy)
		}
		if slot == Slots {
			for _, q := range a.asked[i:] {
				n.letter(q.RPC, Message{Kind: MessageAnswer, Instance: n.reg.Instance, Answer: &Answer{Status: AnswerRefused, Why: "the group is full"}})
			}
			break
		}
		busy.Set(slot)
		a.joiners.Set(slot)
		r = r.With(Seat{Slot: slot, Peer: p.Peer, Below: p.below})
	}
	a.asked = later
	if a.joiners.Empty() {
		return
	}
	a.roster, a.version, a.started, a.pushAt = r, r.Version(), n.now, n.now
	a.holders = Bitmap{}
	n.recordVoters(l.view.Seq, l.view.New, a.joiners, r)
}

func freeSlot(r *Roster, first uint16, busy Bitmap) uint16 {
	reusable := uint16(Slots)
	for s := first; s < Slots; s++ {
		switch {
		case busy.Has(s):
		case r.At(s) == nil:
			return s
		case reusable == Slots:
			reusable = s
		}
	}
	return reusable
}

// proposeJoiners proposes the view with the joiners in it once a quorum, and a majority of
// those founders that are members, hold the roster: whoever founds anew after all founders
// were rebooted at once then knows of these members and asks them first. Who has no vote is
// none of the founders' business.
func (n *Node) proposeJoiners() {
	l := &n.lead
	a := &l.adm
	if !a.holders.Has(n.reg.Slot) {
		if n.unsaved() {
			return
		}
		n.hold(a.roster)
		a.holders.Set(n.reg.Slot)
	}
	n.heardHolders()
	waited := n.now.Since(a.started)
	pending, patience := n.onProbation(), admitPatience
	if !pending.Empty() {
		patience = admitPatience + probationProbes*probationEvery
	}
	ready := a.joiners.And(a.holders).Minus(pending)
	switch {
	case !n.decides(a.holders, l.view.New) || !Voters(n.cfg.Level, a.joiners).Empty() && !n.foundersHold(a.holders):
		if waited < admitGiveUp {
			return
		}
		l.adm = admission{asked: a.asked, since: a.since}
		return
	case ready != a.joiners && waited < patience:
		return
	case ready.Empty():
		l.adm = admission{asked: a.asked, since: a.since}
		return
	case !n.mayAdd(a.urgent || n.awaitsLeader()): // whoever is urgent comes next
		return
	}
	ready, sure := n.stillThere(ready)
	switch {
	case !sure:
		return
	case ready.Empty():
		l.adm = admission{asked: a.asked, since: a.since}
		return
	}
	if n.propose(l.view.New.Or(ready), a.roster, Event{Why: "asked to join"}); l.decided && waited >= admitGiveUp {
		l.adm = admission{asked: a.asked, since: a.since} // nobody tells what its group decided: another may lead it since
	} else if !l.decided {
		// What was known of who had their slots before is not true of them.
		l.fallen, l.certain, l.goodbyes = l.fallen.Minus(ready), l.certain.Minus(ready), l.goodbyes.Minus(ready)
		if l.seated == nil {
			l.seated = map[uint16]seating{}
		}
		for s := ready.First(); s < Slots; s = ready.Next(s + 1) {
			since := l.view.Seq
			if l.view.Old.Has(s) {
				since = n.seatedSince(s)
			}
			l.seated[s] = seating{n.tally.Round, n.now, since}
		}
	}
}

// admitted ends an admission whose view is decided.
func (n *Node) admitted() {
	l := &n.lead
	if a := &l.adm; a.roster != nil && a.version == l.view.Roster {
		l.adm = admission{asked: a.asked, since: a.since}
	}
}

// goodbye takes out a member that leaves by its own will.
func (n *Node) goodbye(m *Message) {
	if n.role != roleLeader {
		return
	}
	l := &n.lead
	if s := l.roster.Held(&m.From); s != nil && l.view.New.Has(s.Slot) {
		l.goodbyes.Set(s.Slot)
	}
}

func (l *leadership) saidGoodbye(name string) bool {
	return slices.ContainsFunc(l.change.Evidence, func(e Evidence) bool { return e.Name == name && e.Left })
}
