package control

import "time"

// pushRosters sends the newest roster to the agents that lack it.
func (n *Node) pushRosters() {
	l := &n.lead
	a := &l.adm
	if n.now.Before(a.pushAt) {
		return
	}
	a.pushAt = n.now.Add(pushEvery)
	r, version := l.newest()
	m := n.withVoters(Message{Kind: MessageRoster, Roster: r})
	all := l.view.New
	if version == a.version { // an earlier one says that their slots are another's
		all = all.Or(a.joiners)
	}
	all.Clear(n.reg.Slot)
	for s := all.First(); s < Slots; s = all.Next(s + 1) {
		t := &n.tally.Members[s]
		lacks := t.Roster != version
		if a.roster != nil && version == a.version { // an agent is to say so, and anew where it was asked again
			lacks = !a.holders.Has(s)
		}
		gone := l.view.New.Has(s) && l.suspects.Has(s) && !a.joiners.Has(s)
		if seat := r.At(s); seat != nil && lacks && !gone {
			n.letter(seat.RPC, m)
		}
	}
}

// newest is the roster that every agent should hold by now, and its version: that of the view
// under vote before that of the next joiners.
func (l *leadership) newest() (*Roster, uint64) {
	if l.adm.roster != nil && l.decided {
		return l.adm.roster, l.adm.version
	}
	return l.roster, l.view.Roster
}

// held notes that an agent holds a roster.
func (n *Node) held(m *Message) {
	a := &n.lead.adm
	if n.role != roleLeader || m.Instance != n.reg.Instance || a.roster == nil || m.Version != a.version {
		return
	}
	if s := a.roster.Held(&m.From); s != nil {
		a.says(s.Slot, n.now)
		if n.lead.decided {
			n.proposeJoiners() // joining need not wait for the next round
		}
	}
}

// heardHolders adds those whose kernels answer that they hold the roster: the letter may be lost in
// which the agent said so, and a kernel holds no roster before a founder wrote it down.
func (n *Node) heardHolders() {
	a := &n.lead.adm
	all := n.lead.view.New.Or(a.joiners)
	for s := all.First(); s < Slots; s = all.Next(s + 1) {
		if n.tally.Members[s].Roster == a.version && n.livesOn(s) {
			a.says(s, n.now)
		}
	}
}

func (n *Node) foundersHold(holders Bitmap) bool {
	l := &n.lead
	in, hold := 0, 0
	for _, f := range n.cfg.Founders {
		if s := n.named(l.roster, f); s != nil && l.view.New.Has(s.Slot) {
			in++
			if holders.Has(s.Slot) {
				hold++
			}
		}
	}
	return in == 0 || 2*hold > in
}

// How long what a joiner said counts, how many rounds of probes it may leave unanswered then, and the least time from
// one to the next.
const (
	wordFor    = time.Second
	callsMost  = 3
	callsEvery = 50 * time.Millisecond
)

// stillThere returns those of the joiners that are still there, and whether that is known yet. They said that they hold
// the roster; where the others, the pace of epochs or this very agent took long since, some may be gone, and a view
// that needs the votes of most of them would never be decided. So their kernels are asked.
func (n *Node) stillThere(ready Bitmap) (there Bitmap, known bool) {
	a := &n.lead.adm
	every := max(n.cfg.Interval, callsEvery)
	since := n.now.Add(-wordFor)
	if a.calls == callsMost { // an agent that always looks later than that goes by the last call
		since = min(since, a.calledAt)
	}
	for s := ready.First(); s < Slots; s = ready.Next(s + 1) {
		if !max(n.tally.Heard[s].AnswerAt, a.saidAt[s]).Before(since) {
			there.Set(s)
		}
	}
	switch over := n.now.Since(a.calledAt) >= every; {
	case there == ready, a.calls == callsMost && over:
		a.calls = 0 // to be asked anew, if nothing can be proposed now
		return there, true
	case a.calls == 0, over:
		a.calls++
		a.calledAt = n.now
		n.send(ready.Minus(there), Frame{Kind: KindProbe, To: ToAll, Ballot: n.reg.Promised, Round: uint64(n.now)})
	}
	n.wakeAt(n.now.Add(n.cfg.Interval))
	return Bitmap{}, false
}

// says notes that an agent, or its kernel, said that it holds the roster.
func (a *admission) says(slot uint16, at Time) {
	a.holders.Set(slot)
	if a.joiners.Has(slot) {
		if a.saidAt == nil {
			a.saidAt = map[uint16]Time{}
		}
		a.saidAt[slot] = at
	}
}
