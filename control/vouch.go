package control

// A lease from above vouches for the epoch that is told with it. That is not enough where a group below the top
// takes a slot out of its view and gives it again: the epoch may still be one that holds those who were out
// meanwhile, while the next, which lacks them, is about to be decided, and waits for nobody. So a leader below the top
// hears nobody in a slot before it tells of an epoch that holds the last view in which the slot was nobody's, or a
// later one. That costs nothing: until then those in the slot are not in the epoch.

// vouch notes what the epoch that a leader below the top tells of holds of its group.
func (h *Host) vouch(n *Node) {
	v, c := n.below, h.content.current
	if v == nil || v.top {
		return
	}
	above := h.memberIn(h.instance(), LeaderAt(v.level+1))
	if c != nil && above != nil && c.Instance == above.Instance && c.Epoch() <= above.Epoch {
		v.vouched = c.Top.Find(v.level, v.number)
	}
}

// unvouched are the slots that no epoch that this leader tells of was without.
func (n *Node) unvouched() (b Bitmap) {
	l, v := &n.lead, n.below
	if v == nil || v.top {
		return b
	}
	known := uint64(0)
	if g := v.vouched; g != nil && g.Generation == l.ballot.Generation() {
		known = g.Seq
	}
	for s := l.view.New.First(); s < FirstSeat; s = l.view.New.Next(s + 1) {
		if n.seatedSince(s) > known+1 {
			b.Set(s)
		}
	}
	return b
}

// seatedSince is the number of the view since which a slot is somebody's, as far as this lead knows.
func (n *Node) seatedSince(slot uint16) uint64 {
	if s, ok := n.lead.seated[slot]; ok {
		return s.view
	}
	return n.lead.took
}
