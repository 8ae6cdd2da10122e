package control

import (
	"fmt"
	"slices"
	"time"

	"rollcall/view"
)

// joining is a node's way into the group, or back.
type joining struct {
	since    Time
	next     Time
	asked    int      // requests since it heard of somebody new to ask
	askedAt  Time     // when the last of them left
	hops     int      // redirects followed at once since one that was due
	turn     int      // which contact to ask next
	pointed  bool     // to the newest of hints: ask there before it is another's turn
	hints    []string // addresses of members heard of by the way, the newest first
	why      string   // what the last answer said
	mismatch uint64   // seq of a view whose content did not fit, told once
	fetchAt  Time
	byeAt    Time
	roster   *Message // to be held once the record is on disk
}

// A node asks every askEvery at first. Where the cluster has several groups it asks ever more
// seldom, up to askMost: all nodes of a cluster that is switched on ask the same few contacts.
const (
	askEvery = 250 * time.Millisecond
	askMost  = 4 * time.Second
	askTaken = inviteAfter - time.Second // for a seat while there is none: before others are invited to it
)

// hopsMost is how many redirects are followed at once. Whoever is about to form a group sends on to the
// leader above, which sends back: who asks goes between the two no faster than others ask.
const hopsMost = 4

// absent asks to be let in and, on a founder, founds when nobody is there.
func (n *Node) absent() {
	if n.reg.Incarnation == 0 { // the plane has yet to draw one
		n.wakeAt(n.now)
		return
	}
	if n.mayAsk() {
		n.askToJoin(false)
	}
	n.founds()
}

// mayAsk reports whether the node has a reason to ask for a slot: above level 0, that it leads a
// group below, or that it founds or was invited to have a seat.
func (n *Node) mayAsk() bool {
	switch {
	case n.cfg.Level == 0:
		return true
	case n.place.Votes():
		return n.invited || n.founder()
	}
	return n.claim != nil
}

// askToJoin asks the next of those who may know the group.
func (n *Node) askToJoin(holds bool) {
	j := &n.join
	if j.next != 0 && n.now.Before(j.next) {
		n.wakeAt(j.next)
		return
	}
	if n.now.Since(j.askedAt) >= askEvery {
		j.hops = 0
	}
	j.askedAt = n.now
	j.next = n.now.Add(min(askEvery<<min(j.asked, 8), max(n.cfg.AskMost, askEvery)))
	j.asked++
	n.wakeAt(j.next)
	m := n.request()
	m.Holds = holds
	if l := n.askable(); n.leaderHere {
		n.letter(n.cfg.Self.RPC, m)
	} else if !n.place.Votes() && !holds { // a group waits for it: whoever leads above, or will, is to know
		for _, to := range l[:min(len(l), SeatsMax)] {
			n.letter(to, m)
		}
	} else if j.pointed && len(j.hints) > 0 {
		n.letter(j.hints[0], m)
		j.pointed = false
	} else if len(l) > 0 {
		n.letter(l[j.turn%len(l)], m)
		j.turn++
	}
}

// request asks to be let in.
func (n *Node) request() Message {
	return Message{Kind: MessageJoin, Instance: max(n.reg.Instance, n.elsewhere), Keys: n.reg.Keys, Standing: n.claim}
}

// askable lists the agents that may know the group: hints first, then contacts, the voters
// of the last record, and the members of the last roster.
func (n *Node) askable() []string {
	var l []string
	add := func(a string) {
		if a != "" && a != n.cfg.Self.RPC && !slices.Contains(l, a) {
			l = append(l, a)
		}
	}
	for _, a := range n.join.hints {
		add(a)
	}
	for _, a := range n.cfg.Contacts {
		add(a)
	}
	for _, v := range n.record.Voters {
		add(v.RPC)
	}
	for _, v := range n.topVoters {
		add(v.RPC)
	}
	if len(n.rosters) > 0 {
		for i := range n.rosters[0].Seats {
			add(n.rosters[0].Seats[i].RPC)
		}
	}
	return l
}

// hint notes the address of an agent that should know the group, and reports whether that is
// news.
func (n *Node) hint(rpc string) bool {
	if rpc == "" || rpc == n.cfg.Self.RPC || len(n.join.hints) > 0 && n.join.hints[0] == rpc {
		return false
	}
	hints := []string{rpc}
	for _, h := range n.join.hints {
		if h != rpc && len(hints) < 4 {
			hints = append(hints, h)
		}
	}
	n.join.hints = hints
	n.join.turn = 0
	return true
}

// keepJoining is for a node that has a register but hears no beats for long: the group may
// have gone on without it.
func (n *Node) keepJoining() {
	if n.reg.State == RegisterJoining && n.now.Since(n.join.since) > admitGiveUp {
		n.removed("no view with this node in it came in time")
		return
	}
	since := max(n.reg.BeatAt, n.join.since)
	if n.reg.State == RegisterJoining && !n.place.Votes() { // the leader that gave it the slot leads no more
		if n.now.Since(since) < askEvery {
			n.wakeAt(since.Add(askEvery))
			return
		}
		n.askToJoin(false)
		return
	}
	if n.now.Since(since) < n.reg.LostAfter() {
		n.join.asked = 0
		n.wakeAt(since.Add(n.reg.LostAfter()))
		return
	}
	n.askToJoin(true)
}

// answered reacts to what became of a request to join.
func (n *Node) answered(m *Message) {
	if m.Answer.Status == AnswerSuperseded {
		if over := n.reg.Promised.Generation() < uint16(m.Version) || !n.place.Votes(); over && m.Instance >= n.reg.Instance {
			n.removed(m.Answer.Why)
		}
		return
	}
	if n.role == roleLeader || n.role == roleLeft {
		return
	}
	a := m.Answer
	news := n.join.why != a.Why
	// who has no group, or does not lead it, knows nothing of it
	if (a.Status != AnswerIdle || m.Instance != 0) && a.Status != AnswerRedirect {
		n.join.why = a.Why
	}
	if a.Status != AnswerIdle && a.Status != AnswerRefused {
		n.heardOf(m.Instance)
	}
	switch a.Status {
	case AnswerRedirect:
		if j := &n.join; !n.hint(a.Leader) {
			j.pointed = len(j.hints) > 0 && a.Leader == j.hints[0] // not by a member of the group below, to this very node
		} else if j.asked = 0; j.hops < hopsMost {
			j.next = n.now
			j.hops++
		}
	case AnswerWaiting, AnswerMember:
		n.hint(m.From.RPC)
		if m.Inquiry != (Inquiry{}) && n.role == roleAbsent && n.reg.Incarnation != 0 {
			again := n.request()
			again.Inquiry = m.Inquiry
			n.letter(m.From.RPC, again)
		}
	case AnswerTaken: // a founder asks again; others are invited
		n.hint(m.From.RPC)
		n.invited = false
		n.join.next = n.now.Add(askTaken)
	case AnswerQuarantined:
		n.hint(m.From.RPC)
		if news {
			n.event(Event{Kind: EventRefused, Leader: m.From.Name, Why: a.Why})
		}
	case AnswerRemoved:
		if n.role != roleAbsent && m.Instance >= n.reg.Instance {
			n.hint(m.From.RPC)
			if m.Roster != nil && m.Instance == n.reg.Instance {
				n.recordVoters(m.Epoch, m.Voters, m.Joiners, m.Roster)
			}
			n.removed("the group goes on without this node")
		}
	case AnswerRefused:
		n.event(Event{Kind: EventRefused, Leader: m.From.Name, Why: a.Why})
		n.join.next = n.now.Add(20 * askEvery)
	}
}

// rosterArrived takes a roster, and with it the place that it gives this node.
func (n *Node) rosterArrived(m *Message) {
	if n.role == roleLeft || m.Group != n.cfg.Group {
		return
	}
	n.hint(m.From.RPC)
	self := n.self()
	seat := m.Roster.Held(&self)
	mine := seat != nil && PlaceOf(n.cfg.Level, seat.Slot) == n.place && n.reg.Incarnation != 0
	if n.reg.State == RegisterVacant {
		if !mine || n.record.bars(m.Instance) || m.Instance < n.elsewhere {
			return
		}
		n.command(Command{Kind: CommandJoin, Cluster: n.cfg.ClusterID, Instance: m.Instance, Level: n.cfg.Level, Group: n.cfg.Group, Slot: seat.Slot})
		n.role = roleFollower
		n.found.end()
		n.join.since = n.now
		n.rosters = nil
	}
	switch {
	case m.Instance > n.reg.Instance:
		n.removed("a later instance of the cluster was heard")
		return
	case m.Instance < n.reg.Instance || n.role == roleLeader:
		return
	}
	n.recordTold(m)
	switch {
	case n.reg.State == RegisterJoining && (mine && seat.Slot != n.reg.Slot || !mine && m.Roster.At(n.reg.Slot) != nil):
		n.removed("its seat was given to another")
		return
	case n.reg.State == RegisterJoining && !mine:
		return // it may be for another node of this host, and older than the one that gave this one its slot
	case n.reg.State == RegisterMember && n.givenAway(m.Roster):
		if m.Epoch > n.reg.Committed.Seq { // a view without this node was decided
			n.removed("its slot was given to another")
		}
		return
	case n.unsaved():
		n.join.roster = m
		return
	}
	n.join.roster = nil
	n.hold(m.Roster)
	version := n.rosters[0].version
	if n.role == roleCandidate && !n.holdCounted() {
		n.standDown()
	}
	n.letter(m.From.RPC, Message{Kind: MessageHeld, Instance: m.Instance, Version: version})
}

// givenAway reports whether a roster gives this node's slot to another, be it since or before. A register that held it
// would take views with the other in them for its own.
func (n *Node) givenAway(r *Roster) bool {
	seat := r.At(n.reg.Slot)
	return seat != nil && (seat.Name != n.cfg.Self.Name || seat.Incarnation != n.reg.Incarnation)
}

// leave is the operator's order to go: members say goodbye, a leader hands over first, and
// the last member ends the group.
func (n *Node) leave() {
	switch {
	case n.role == roleAbsent:
		n.role = roleLeft
		n.giveUpProposal()
		n.event(Event{Kind: EventLeft})
		return
	case n.role == roleLeft:
		return
	}
	n.leaving = true
	if n.role != roleLeader {
		return
	}
	l := &n.lead
	others := Voters(n.cfg.Level, l.view.New)
	others.Clear(n.reg.Slot)
	switch {
	case others.Empty() && n.tally.Round < l.tell && !l.parted.Empty():
		// nobody else is left to tell those that they are out
		return
	case others.Empty():
		n.closed(n.reg.Instance)
		return
	}
	if stay := others.Minus(l.goodbyes); !stay.Empty() { // else those go first
		n.handOver(stay, "it leaves")
	}
}

// handOver stops beating and asks the first that is in order to stand; why is told.
func (n *Node) handOver(others Bitmap, why string) {
	to := others
	for s := others.First(); s < Slots; s = others.Next(s + 1) {
		if n.states == nil || n.states[s] != view.Alive || !n.livesOn(s) {
			to.Clear(s)
		}
	}
	if to.Empty() {
		to = others
	}
	successor := to.First()
	for s := to.Next(successor + 1); s < Slots; s = to.Next(s + 1) {
		if n.sooner(s, successor, n.reg.Slot) {
			successor = s
		}
	}
	n.send(Of(successor), Frame{Kind: KindHandOver, To: successor, Ballot: n.lead.ballot})
	n.depose(fmt.Sprintf("handed over to %s: %s", n.nameOf(successor), why))
}

// sayGoodbye asks the leader to be taken out.
func (n *Node) sayGoodbye() {
	j := &n.join
	if j.byeAt != 0 && n.now.Before(j.byeAt) {
		n.wakeAt(j.byeAt)
		return
	}
	j.byeAt = n.now.Add(askEvery)
	n.wakeAt(j.byeAt)
	n.letter(n.rpcOf(n.reg.Leader()), Message{Kind: MessageLeave})
}

// shutdown ends the instance on every node this one knows.
func (n *Node) shutdown() {
	if n.reg.State == RegisterVacant || len(n.rosters) == 0 {
		return
	}
	for i := range n.rosters[0].Seats {
		n.letter(n.rosters[0].Seats[i].RPC, Message{Kind: MessageShutdown, Instance: n.reg.Instance})
	}
	n.closed(n.reg.Instance)
}

// closed leaves an instance that is over.
func (n *Node) closed(instance uint32) {
	if instance != n.reg.Instance || n.reg.State == RegisterVacant {
		return
	}
	if len(n.cfg.Founders) > 0 {
		if n.record.Instance != instance { // it never heard who votes there
			n.record.Instance, n.record.Epoch, n.record.Voters, n.record.Joiners = instance, 0, nil, nil
		}
		n.record.Closed = true
		n.keepRecord()
	}
	n.leaving = true
	n.vacate()
}
