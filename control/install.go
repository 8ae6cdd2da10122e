package control

import "rollcall/view"

// Past is a former member.
type Past struct {
	Name  string
	State view.State // Gone, Left or Quarantined
}

// digest is that of a view to be proposed; false where it cannot be yet.
func (n *Node) digest(seq uint64, members Bitmap, r *Roster) (uint64, bool) {
	generation := n.lead.ballot.Generation()
	if n.below != nil {
		return n.below.compose(n.reg.Instance, generation, seq, members, n.reported)
	}
	v := n.viewOf(n.reg.Instance, generation, seq, members, r)
	if v == nil { // a member without a seat: a broken invariant, and no reason to decide it
		return 0, false
	}
	return v.Hash(), true
}

// viewOf composes the view that a proposal stands for.
func (n *Node) viewOf(instance uint32, generation uint16, seq uint64, members Bitmap, r *Roster) *view.View {
	v := &view.View{Cluster: n.cfg.Cluster, Instance: instance, Group: n.cfg.Group, Generation: generation, Epoch: seq}
	for s := members.First(); s < Slots; s = members.Next(s + 1) {
		seat := r.At(s)
		if seat == nil {
			return nil
		}
		v.Members = append(v.Members, view.Identity{Name: seat.Name, Group: n.cfg.Group, Slot: s, Incarnation: seat.Incarnation})
	}
	return v
}

// install publishes the view that the register knows to be decided, once it contains this
// node and its roster is at hand.
func (n *Node) install() {
	c := &n.reg.Committed
	if n.reg.State != RegisterMember || c.Seq == 0 {
		return
	}
	if n.cfg.Level > 0 {
		if n.record.Instance != n.reg.Instance || n.record.Epoch < c.Seq { // once: who is about to come in stays recorded
			n.recordDecided(c.Seq, c.Members)
		}
		return
	}
	leader := n.nameOf(n.reg.Leader())
	if n.current != nil && n.current.Instance == n.reg.Instance && n.current.Epoch == c.Seq && n.current.Generation == c.Ballot.Generation() {
		if leader != n.current.Leader && leader != "" {
			v := *n.current
			v.Leader = leader
			n.current = &v
			n.out.View = n.current
		}
		return
	}
	r := n.rosterFor(c)
	if r == nil {
		n.fetch(c.Roster)
		return
	}
	v := n.viewOf(n.reg.Instance, c.Ballot.Generation(), c.Seq, c.Members, r)
	if v == nil || c.Digest != 0 && v.Hash() != c.Digest {
		if n.join.mismatch != c.Seq {
			n.join.mismatch = c.Seq
			n.event(Event{Kind: EventMismatch, To: c.Seq, Why: "the content of the decided view is not what its digest says"})
		}
		n.fetch(c.Roster)
		return
	}
	v.Leader = leader
	n.installed(n.cfg.Contents.Share(v))
}

func (n *Node) installed(v *view.View) {
	at := max(n.now, n.reg.BeatAt) // the register was read after the clock was
	e := Event{Kind: EventInstalled, To: v.Epoch, Leader: v.Leader, Install: at}
	if n.role == roleLeader && n.lead.change.To == v.Epoch {
		e = n.lead.change
		e.Kind, e.Leader, e.Install = EventInstalled, v.Leader, at
	}
	var before []view.Identity
	if n.current != nil && n.current.Instance == v.Instance {
		before, e.From = n.current.Members, n.current.Epoch
	}
	joined, gone := changes(before, v.Members)
	e.Joined, e.Removed = joined, gone
	n.forget(joined, gone)
	n.current = v
	n.out.View = v
	n.event(e)
	n.recordDecided(v.Epoch, n.reg.Committed.Members, n.rosterFor(&n.reg.Committed))
}

// changes lists who is in b but not in a, and the other way round, as incarnations. Both are
// by slot.
func changes(a, b []view.Identity) (joined, gone []string) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Slot < b[0].Slot:
			gone, a = append(gone, a[0].Name), a[1:]
		case len(a) == 0 || b[0].Slot < a[0].Slot:
			joined, b = append(joined, b[0].Name), b[1:]
		default:
			if a[0] != b[0] {
				joined, gone = append(joined, b[0].Name), append(gone, a[0].Name)
			}
			a, b = a[1:], b[1:]
		}
	}
	return joined, gone
}

// forget keeps the list of former members: those gone enter, those back leave.
func (n *Node) forget(joined, gone []string) {
	drop := func(name string) {
		for i := range n.past {
			if n.past[i].Name == name {
				n.past = append(n.past[:i:i], n.past[i+1:]...)
				return
			}
		}
	}
	for _, name := range gone {
		drop(name)
		state := view.Left
		if n.role != roleLeader || !n.lead.saidGoodbye(name) {
			state = n.countRemoval(name)
		}
		n.past = append(n.past, Past{Name: name, State: state})
		if len(n.past) > Slots {
			n.past = n.past[1:]
		}
	}
	for _, name := range joined {
		drop(name)
		if n.quarantined(name) != "" { // the leader let it in all the same
			n.readmitted(name)
		}
	}
}

// rosterFor returns the roster that names the members of c. A register that learnt of the
// decision through the next proposal does not know the version, but every later roster
// names those members as well.
func (n *Node) rosterFor(c *Commit) *Roster {
	if c.Roster != 0 {
		return n.rosterOf(c.Roster)
	}
	return n.rosterOf(n.reg.Accepted.Roster)
}

// Status is what a node knows of itself and its group at this moment.
type Status struct {
	Role      string // absent | follower | deputy | candidate | leader | left
	Instance  uint32
	Level     uint8 // of the group, as Group
	Group     uint16
	Leader    string // name; empty: none known
	LeaderRPC string
	Slot      uint16
	Ballot    Ballot
	Awaiting  string // in words: what this node waits for, empty in a healthy group
	Roster    *Roster
	Members   Bitmap            // of the current view
	States    [Slots]view.State // of the slots of the current view
	Past      []Past            // nodes that were members and are not: newest state
	LostRails [RailsMax]Bitmap  // who lost the rail, as the leader hears; elsewhere of this node alone
}

// Status reports the node's state; now and the register are those of the moment.
func (n *Node) Status(now Time, r *Register) Status {
	s := Status{Role: roleNames[n.role], Instance: r.Instance, Level: n.cfg.Level, Group: n.cfg.Group, Slot: r.Slot, Ballot: r.Promised, Past: n.former(now), LostRails: n.rails.last()}
	if n.role == roleFollower && n.watch.on {
		s.Role = "deputy"
	}
	if len(n.rosters) > 0 {
		s.Roster = n.rosters[0].Roster
	}
	if r.State == RegisterMember && r.BeatBallot != 0 {
		s.Leader, s.LeaderRPC = n.nameOf(r.Leader()), n.rpcOf(r.Leader())
	}
	s.Awaiting = n.awaiting(now, r)
	members := r.Committed.Members
	s.Members = members
	for m := members.First(); m < Slots; m = members.Next(m + 1) {
		switch {
		case n.role == roleLeader && n.states != nil:
			s.States[m] = n.states[m]
		case m == r.Slot:
			s.States[m] = view.Alive
		case !r.Leased(now):
			s.States[m] = view.Unknown
		case r.Stale.Has(m):
			s.States[m] = view.Stale
		case !r.Heard.Empty() && !r.Heard.Has(m):
			s.States[m] = view.Suspect
		default:
			s.States[m] = view.Alive
		}
	}
	return s
}
