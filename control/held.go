package control

// heldRoster is a roster with its version, which takes a hash to compute.
type heldRoster struct {
	*Roster
	version uint64
}

// rosterOf returns the held roster of a version, or nil.
func (n *Node) rosterOf(version uint64) *Roster {
	for _, r := range n.rosters {
		if r.version == version {
			return r.Roster
		}
	}
	return nil
}

// hold makes r the newest roster held.
func (n *Node) hold(r *Roster) {
	version := r.Version()
	if len(n.rosters) > 0 && n.rosters[0].version == version && n.reg.Rosters[0] == version {
		return
	}
	kept := []heldRoster{{r, version}}
	keep := func(needed bool) {
		for _, o := range n.rosters {
			is := o.version == n.reg.Accepted.Roster || o.version == n.reg.Committed.Roster
			if is == needed && o.version != version && len(kept) < HeldRosters {
				kept = append(kept, o)
			}
		}
	}
	keep(true) // the views in force rest on these, however many came since
	keep(false)
	n.rosters = kept
	c := Command{Kind: CommandHold}
	for i, o := range kept {
		c.Rosters[i] = o.version
	}
	n.command(c)
	n.out.Rosters = nil
	for _, o := range kept {
		n.out.Rosters = append(n.out.Rosters, o.Roster)
	}
}

// nameOf returns the node in a slot by the newest roster that names it.
func (n *Node) nameOf(slot uint16) string {
	for _, r := range n.rosters {
		if s := r.At(slot); s != nil {
			return s.Name
		}
	}
	return ""
}

func (n *Node) rpcOf(slot uint16) string {
	for _, r := range n.rosters {
		if s := r.At(slot); s != nil {
			return s.RPC
		}
	}
	return ""
}

// names lists the nodes in the slots of b.
func (n *Node) names(b Bitmap) []string {
	var l []string
	for s := b.First(); s < Slots; s = b.Next(s + 1) {
		l = append(l, n.nameOf(s))
	}
	return l
}
