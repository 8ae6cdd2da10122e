package control

import "rollcall/view"

// representation is a host's part in the level above as the leader of a group.
//
// Who leads takes the slot of its group there, and what it tells there is what the group decided:
// at once by a letter to the leader above, which has the content in it, and in every echo, from
// where that leader's kernel knows when a letter was lost. Who leads no more keeps the slot
// until the successor takes it, and gives it up when nobody does for a while: the group
// has no quorum then, and is formed anew.
type representation struct {
	lost    Time        // since when this host knows that it does not lead; 0: it does, or never did
	of      *view.View  // at level 0, the view that content was made of
	content *view.Group // what the group decided last
	told    *view.Group // what the last letter told, and whom
	to      string
}

// claim is what a node says of itself when it asks to be let in, and as whom it can be named to lead above.
func (h *Host) claim(p Place) *Standing {
	r, level := &h.in.Registers[p], p.Level()
	var s Standing
	switch {
	case h.cfg.Top == 0 || level > 0 && p.Votes():
		return nil
	case level == 0:
		s = Standing{Slot: r.Slot, Seq: max(r.Accepted.Seq, r.Committed.Seq)}
		if r.State == RegisterMember {
			s.Ballot = max(r.Promised, 1)
		}
	case h.leads(level-1) != nil: // as the leader of the group below
		s = Standing{Slot: h.slotAt(level), Ballot: h.leads(level - 1).lead.ballot}
	case r.State == RegisterVacant:
		return nil
	default:
		s = Standing{Slot: h.slotAt(level), Ballot: max(h.in.Registers[SeatAt(level-1)].Promised, 1)}
	}
	for l := level + 1; l <= h.cfg.Top; l++ {
		s.Slots[l] = h.in.Registers[LeaderAt(l)].Incarnation
	}
	return &s
}

// slotAt is the slot at a level of the group that this host may lead below.
func (h *Host) slotAt(level uint8) uint16 {
	_, slot := Parent(h.groupAt(level - 1))
	return slot
}

// decidedContent is what a group that this host leads decided last, or nil.
func (h *Host) decidedContent(level uint8) *view.Group {
	n := h.leads(level)
	switch {
	case n == nil || !n.lead.decided:
		return nil
	case level > 0:
		return h.vectors[level].base
	}
	v, r, c := n.current, &h.represented[0], &h.in.Registers[0].Committed
	if v == nil || v.Instance != h.in.Registers[0].Instance || v.Epoch != n.lead.view.Seq || v.Epoch != c.Seq || v.Generation != n.lead.ballot.Generation() {
		return nil
	}
	if r.of != v {
		r.of, r.content = v, view.Leaf(v)
	}
	return r.content
}

// represent has this host take and give up the slots of the groups that it leads, and tell
// above what they decided.
func (h *Host) represent() {
	for level := uint8(0); level < h.cfg.Top; level++ {
		p, r := LeaderAt(level+1), &h.represented[level]
		n := h.nodes[p]
		reg := &h.in.Registers[p]
		if h.leads(level) == nil {
			h.retire(p, r)
			continue
		}
		r.lost = 0
		switch {
		case n == nil:
			h.nodes[p] = h.node(p)
			h.wakeAt(h.now)
			continue
		case n.role == roleLeft || n.leaving: // it was about to give the slot up
			if reg.State == RegisterVacant {
				h.nodes[p] = nil
				h.wakeAt(h.now)
			}
			continue
		}
		h.noteGeneration(level, reg)
		if g := h.decidedContent(level); g != nil {
			h.report(level, g)
		}
	}
}

// noteGeneration has the register above remember the generation in which this host leads its group,
// before anything is decided in it: it may lose its part in the group, and is not to begin the same
// generation again when the decree comes once more.
func (h *Host) noteGeneration(level uint8, above *Register) {
	generation := h.leads(level).lead.ballot.Generation()
	if above.State != RegisterVacant && above.Below.Generation < generation {
		h.out.Commands = append(h.out.Commands, Command{Kind: CommandReport, Level: level + 1, Below: Report{Generation: generation, Group: h.groupAt(level)}})
	}
}

// retire gives up a slot that is not this host's to have any more.
func (h *Host) retire(p Place, r *representation) {
	n, reg := h.nodes[p], &h.in.Registers[p]
	if r.lost == 0 || reg.State == RegisterJoining { // an agent that was stopped does not know what others did
		r.lost = h.now // meanwhile, and who is appointed is told to begin when the slot is its own
	}
	if n == nil {
		return
	}
	since := max(r.lost, n.join.since)
	patience := h.in.Registers[SeatAt(p.Level()-1)].LostAfter()
	switch {
	case reg.State == RegisterVacant && (n.role == roleLeft || n.role == roleAbsent):
		h.nodes[p] = nil
	case h.now.Since(since) < patience:
		h.wakeAt(since.Add(patience))
	case !n.leaving:
		n.leaving = true
		h.wakeAt(h.now)
	}
}

// report tells the level above what a group decided.
func (h *Host) report(level uint8, g *view.Group) {
	r, p := &h.represented[level], LeaderAt(level+1)
	reg, n := &h.in.Registers[p], h.nodes[p]
	told := Report{Seq: g.Seq, Digest: g.Digest, Members: h.leads(level).lead.view.New, Generation: g.Generation, Group: g.Number}
	if reg.State != RegisterVacant && !reg.Below.same(&told) {
		h.out.Commands = append(h.out.Commands, Command{Kind: CommandReport, Level: level + 1, Below: told})
	}
	if above := h.leads(level + 1); above != nil {
		if above.speaksFor(h.slotAt(level+1), h.cfg.Self.Name, g.Generation) && h.vectors[level+1].offer(g) {
			h.hurry(level + 1)
		}
		return
	}
	to := n.rpcOf(reg.Leader())
	if reg.State != RegisterMember || to == "" || r.to == to && r.told.Digest == g.Digest {
		return
	}
	var base *view.Group
	if r.to == to {
		base = r.told
	}
	h.sendContent(base, g, to)
	r.told, r.to = g, to
}

// hurry has a leader above look at what changed below at once.
func (h *Host) hurry(level uint8) {
	if n := h.leads(level); n != nil && n.lead.decided {
		h.wakeAt(h.now)
	}
}
