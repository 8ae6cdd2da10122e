package control

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
		a.holders.Set(s.Slot)
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
			a.holders.Set(s)
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

// callsMost is how many rounds of probes a joiner may leave unanswered.
const callsMost = 3

// stillThere returns those of the joiners whose kernels answer, and whether that is known yet. They said that they hold
// the roster; where the others, or the pace of epochs, took long since, some may be gone, and a view that needs the
// votes of most of them would never be decided.
func (n *Node) stillThere(ready Bitmap) (there Bitmap, known bool) {
	a := &n.lead.adm
	if n.now.Since(a.started) < pushEvery {
		return ready, true
	}
	every := n.cfg.Interval
	if n.now.Since(a.calledAt) > callsMost*every {
		a.calls = 0
	}
	for s := ready.First(); s < Slots; s = ready.Next(s + 1) {
		if h := &n.tally.Heard[s]; n.now.Since(max(h.AnswerAt, h.EchoAt)) <= callsMost*every {
			there.Set(s)
		}
	}
	switch {
	case there == ready:
		return there, true
	case a.calls > 0 && n.now.Since(a.calledAt) < every:
	case a.calls == callsMost:
		return there, true
	default:
		a.calls++
		a.calledAt = n.now
		n.send(ready.Minus(there), Frame{Kind: KindProbe, To: ToAll, Ballot: n.reg.Promised, Round: uint64(n.now)})
	}
	n.wakeAt(a.calledAt.Add(every))
	return Bitmap{}, false
}
