package control

import (
	"cmp"
	"slices"
	"time"

	"rollcall/view"
)

// lookAfter is what a leader above level 0 does for the groups below it, beside deciding: it asks
// for what they decided where no letter told, tells those it appointed to begin, and invites to
// seats that are free.
func (h *Host) lookAfter() {
	for level := uint8(1); level <= h.cfg.Top; level++ {
		n := h.leads(level)
		if n == nil {
			continue
		}
		h.compare(level, n)
		if !n.lead.decided || h.now.Before(h.pushAt) {
			h.wakeAt(max(h.pushAt, h.now.Add(n.cfg.Interval)))
			continue
		}
		if h.decree(level, n) || h.invite(level, n) {
			h.pushAt = h.now.Add(pushEvery)
			h.wakeAt(h.pushAt)
		}
	}
}

// compare looks whether the groups below told of more, in their leaders' echoes, than is known.
func (h *Host) compare(level uint8, n *Node) {
	v, t := h.vectors[level], h.in.Tallies[level]
	if t == nil {
		return
	}
	for s := n.lead.view.New.First(); s < FirstSeat; s = n.lead.view.New.Next(s + 1) {
		r, g := &t.Members[s].Below, v.held[s]
		if r.Seq == 0 || g != nil && !v.gone.Has(s) && (g.Generation > r.Generation || g.Generation == r.Generation && g.Seq >= r.Seq) {
			continue
		}
		if g != nil && g.Digest == r.Digest { // it was gone, and is back as it was
			v.gone.Clear(s)
			h.hurry(level)
			continue
		}
		if level == 1 && g != nil && v.offer(without(h.cfg.Cluster, n.reg.Instance, g, r)) {
			h.hurry(level)
			continue
		}
		if at := v.asked[s].Add(wantEvery); v.asked[s] != 0 && h.now.Before(at) {
			h.wakeAt(at)
			continue
		}
		v.asked[s] = h.now
		h.wakeAt(h.now.Add(wantEvery))
		h.want(n.rpcOf(s), level-1, n.cfg.Group*PerBranch+s, nil)
	}
}

// without is the content of a group from which members went, made from the report alone; it is g
// itself where the report tells of anything else.
func without(cluster string, instance uint32, g *view.Group, r *Report) *view.Group {
	if r.Members.Len() > len(g.Members) {
		return g
	}
	v := &view.View{Cluster: cluster, Instance: instance, Group: g.Number, Generation: r.Generation, Epoch: r.Seq}
	for _, m := range g.Members {
		if r.Members.Has(m.Slot) {
			v.Members = append(v.Members, m)
		}
	}
	if len(v.Members) != r.Members.Len() {
		return g
	}
	if made := view.Leaf(v); made.Digest == r.Digest {
		return made
	}
	return g
}

// decree tells those who were appointed to form a group, and did not tell of it yet, to begin.
func (h *Host) decree(level uint8, n *Node) (told bool) {
	t := h.in.Tallies[level]
	for s := n.lead.view.New.First(); s < FirstSeat; s = n.lead.view.New.Next(s + 1) {
		seat := n.lead.roster.At(s)
		if seat == nil || seat.Below.Term() != 0 || t == nil || t.Heard[s].Answered == 0 || t.Members[s].Below.Generation >= seat.Below.Generation() {
			continue
		}
		group := n.cfg.Group*PerBranch + s
		with, seq := &Roster{}, uint64(0)
		for i := range h.orphans.list {
			o := &h.orphans.list[i]
			if o.level != level-1 || o.group != group {
				continue
			}
			seq = max(seq, o.standing.Seq)
			if o.standing.Ballot != 0 && o.standing.Ballot.Generation() < seat.Below.Generation() && o.standing.Slot < Slots {
				with = with.With(Seat{Slot: o.standing.Slot, Peer: o.peer})
			}
		}
		h.letter(seat.RPC, level-1, group, Message{
			Kind: MessageDecree, Instance: n.reg.Instance, Version: uint64(seat.Below.Generation()), Epoch: seq, Roster: with,
		})
		told = true
	}
	return told
}

// inviteAfter is how long seats are left free after one was lost, for a founder that comes back and asks for
// it by itself, and for what is known of the groups to settle.
const inviteAfter = 3 * time.Second

// invite asks leaders of groups of whose members none has a seat to take one, as many as are free: the
// seats are to be in different groups, those preferred first.
func (h *Host) invite(level uint8, n *Node) bool {
	l := &n.lead
	taken := Voters(level, l.inView())
	free, lost := n.seats()-taken.Len(), h.seatsTaken[level].Minus(taken)
	if h.seatsTaken[level] = taken; free <= 0 {
		h.vacantSince[level] = 0
		return false
	}
	if h.vacantSince[level] == 0 || !lost.Empty() {
		h.vacantSince[level] = h.now
	}
	if wait := h.vacantSince[level].Add(inviteAfter); l.adm.roster != nil || h.now.Before(wait) {
		h.wakeAt(max(wait, h.now.Add(n.cfg.Interval)))
		return false
	}
	var guests []*Seat
	for s := l.view.New.First(); s < FirstSeat; s = l.view.New.Next(s + 1) {
		seat, g := l.roster.At(s), h.vectors[level].use(s)
		if seat != nil && g != nil && !h.seated(n, g, seat.Name) {
			guests = append(guests, seat)
		}
	}
	slices.SortStableFunc(guests, func(a, b *Seat) int { return cmp.Compare(h.liking(a.Name), h.liking(b.Name)) })
	for _, seat := range guests[:min(free, len(guests))] {
		h.letter(seat.RPC, level, n.cfg.Group, Message{Kind: MessageInvite, Instance: n.reg.Instance})
	}
	return len(guests) > 0
}

// seated reports whether a member of the group, or its leader, has a seat.
func (h *Host) seated(n *Node, g *view.Group, leader string) bool {
	seats := Voters(n.cfg.Level, n.lead.inView())
	for s := seats.First(); s < Slots; s = seats.Next(s + 1) {
		seat := n.lead.roster.At(s)
		if seat == nil {
			continue
		}
		if seat.Name == leader {
			return true
		}
		for m := range g.All() {
			if m.Name == seat.Name {
				return true
			}
		}
	}
	return false
}
