package control

// route has the host itself read the letters that are for no node of it, and gives the set of
// places whose nodes are to read the letter.
func (h *Host) route(m *Message) (to uint) {
	if m == nil || m.Cluster != h.cfg.Cluster || m.Level > h.cfg.Top {
		return 0
	}
	if h.cfg.Top == 0 {
		if m.Kind == MessageDecree || m.Kind == MessageInvite {
			return 0 // nobody is above
		}
		if m.Kind == MessageAnswer {
			h.heardFounder(m)
		}
		return 1
	}
	slot, seat := LeaderAt(m.Level), SeatAt(m.Level)
	ours := m.Group == h.groupAt(m.Level)
	has := func(p Place) uint {
		if h.nodes[p] == nil {
			return 0
		}
		return 1 << p
	}
	switch m.Kind {
	case MessageContent:
		h.contentArrived(m)
	case MessageWant:
		h.wanted(m)
	case MessageShutdown:
		h.shutdown(m)
	case MessageJoin:
		return h.asked(m, ours)
	case MessageDecree:
		if ours && h.appointed(m) {
			h.need(seat)
			return 1 << seat
		}
	case MessageInvite:
		if ours && m.Level > 0 && m.Instance == h.in.Registers[0].Instance {
			h.need(seat)
			return 1 << seat
		}
	case MessageAsk, MessageState, MessagePropose, MessageVote:
		if m.Level != h.cfg.Top {
			return 0
		}
		if held := h.instance(); m.Kind == MessageState && held != 0 && m.State.Register > held {
			h.nodes[0].hint(m.From.RPC)
			h.outlived()
		}
		if m.Kind != MessageState || h.nodes[0].role == roleAbsent { // whose group is in the cluster looks for none
			h.need(seat)
		}
		return has(seat)
	case MessageRoster:
		if m.Level > 0 && ours && h.nodes[slot] == nil && h.names(m, slot) {
			h.need(slot)
		}
		return has(slot) | has(seat)
	case MessageAnswer:
		h.heardFounder(m)
		if m.Answer.Status == AnswerRemoved && m.Instance > h.in.Registers[0].Instance && h.in.Registers[0].Instance != 0 {
			h.outlived()
		}
		if m.Answer.Status == AnswerSuperseded && m.Level > 0 && !m.Seat {
			h.superseded(m)
		}
		if m.Seat {
			return has(seat)
		}
		return has(slot)
	default: // to the leader
		return has(seat)
	}
	return 0
}

// outlived has all nodes of the host give up their registers, since a later instance was heard.
func (h *Host) outlived() {
	for p := range h.in.Wakes {
		h.in.Wakes[p] |= WakeInstance
	}
}

// need makes the node of a place, if there is none.
func (h *Host) need(p Place) {
	if h.nodes[p] == nil {
		h.nodes[p] = h.node(p)
	}
}

// names reports whether a roster gives this host's register of the place a slot.
func (h *Host) names(m *Message, p Place) bool {
	self := h.cfg.Self
	self.Incarnation = h.in.Registers[p].Incarnation
	return m.Roster.Held(&self) != nil
}

// asked sends one that asks to be let in to where it will be heard.
func (h *Host) asked(m *Message, ours bool) (to uint) {
	seat, slot := SeatAt(m.Level), LeaderAt(m.Level)
	if n := h.leads(m.Level); ours && n != nil {
		return 1 << seat
	}
	if m.Standing != nil && m.Level < h.cfg.Top && h.orphaned(m) {
		return 0
	}
	if ours { // a member knows its leader
		for _, p := range []Place{seat, slot} {
			if r := &h.in.Registers[p]; h.nodes[p] != nil && r.State == RegisterMember && h.now.Since(r.BeatAt) < 2*r.Calm() {
				return 1 << p
			}
		}
	}
	status, leader := AnswerIdle, h.upward()
	if leader != "" {
		status = AnswerRedirect
	}
	why := "no leader of the cluster is known here"
	waiting := 0
	if f := h.nodes[SeatAt(h.cfg.Top)]; f != nil && f.role == roleAbsent && f.founder() {
		why, waiting = f.noCluster(h.now, m.From.Name)
	}
	h.letter(m.From.RPC, m.Level, m.Group, Message{
		Kind: MessageAnswer, Instance: h.in.Registers[0].Instance, Seat: m.Seat, Answer: &Answer{Status: status, Leader: leader, Why: why, Waiting: waiting},
	})
	return 0
}

// upward is the address of a leader of this host who knows more of the cluster than it does: of
// the highest level where this host follows one, or "".
func (h *Host) upward() string {
	for below := range Place(Places) {
		p := Places - 1 - below
		r, n := &h.in.Registers[p], h.nodes[p]
		if n == nil || r.State != RegisterMember || r.BeatAt == 0 || h.now.Since(r.BeatAt) >= 2*r.Calm() {
			continue
		}
		if to := n.rpcOf(r.Leader()); to != "" && to != h.cfg.Self.RPC {
			return to
		}
	}
	return ""
}
