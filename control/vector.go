package control

import (
	"time"

	"rollcall/view"
)

// vector is what a group above level 0 decides about: the contents of the groups below, of those
// whose leaders are its members. The digest of a proposal covers it, so one round decides
// it, and the seq of the top group is the epoch.
//
// A content is never older in a later view than in an earlier one. Who composed the last view
// knows what it held. A new leader may have to propose again, or to go on from, a digest
// whose content it does not know and nobody may: that view is decided and skipped, and the
// next holds of every group what its leader told under the new leader's own ballot. Leaders tell
// only what is decided, so that is no older than what any earlier view held.
type vector struct {
	cluster   string
	level     uint8
	number    uint16
	top       bool
	instance  uint32                 // of which all of this is; 0: of the first that is told
	held      [FirstSeat]*view.Group // the newest known of each group below, by slot
	asked     [FirstSeat]Time        // when the content of each was asked for
	gone      Bitmap                 // whose leaders are no members: what is held is of no use until they tell it again
	base      *view.Group            // what the last decided view holds; nil: not known
	vouched   *view.Group            // below the top, what the epoch told last holds (vouch.go); nil: not known
	next      *view.Group            // what the view under vote holds; nil: not known
	decidedAt Time
}

// epochPace is how much time at least lies between a view and one that only adds to it: while a
// cluster boots, groups grow for a while. What is gone is told at once, and what goes within an
// interval after that in one more: groups that many of the same failures are in find them out one
// after the other.
const epochPace = time.Second

// offer takes the content of a group below, if it is news.
func (v *vector) offer(g *view.Group) bool {
	parent, slot := Parent(g.Number)
	if g.Level+1 != v.level || parent != v.number {
		return false
	}
	if old := v.held[slot]; !g.Newer(old) {
		if old.Digest == g.Digest {
			v.gone.Clear(slot)
		}
		return false
	}
	v.held[slot] = g
	v.gone.Clear(slot)
	return true
}

// enter is for what is of an instance: nothing that is known of an earlier one is true of it, though numbers may be the
// same.
func (v *vector) enter(instance uint32) {
	if v.instance != 0 && v.instance != instance {
		v.forget()
	}
	v.instance = instance
}

// forget is for a group that decided nothing yet.
func (v *vector) forget() {
	v.held, v.gone = [FirstSeat]*view.Group{}, Bitmap{}
	v.base, v.next, v.vouched, v.decidedAt = nil, nil, nil, 0
}

// begin is for one that begins anew: with nothing, or by decree from what is known. Below the top seats learn nothing
// of what others decided there, so what this one knows may be older than what the last view held.
func (v *vector) begin(members Bitmap, r *Roster) {
	if !v.top {
		v.held, v.base = [FirstSeat]*view.Group{}, nil
	}
	v.keep(members, r)
	if v.next = nil; v.base == nil {
		v.base = &view.Group{Level: v.level, Number: v.number}
	}
}

// adopt goes on from the proposal that a new leader takes over; content is known if it was
// offered before by know.
func (v *vector) adopt(p *Proposal, r *Roster, decided bool) {
	v.keep(p.New, r)
	v.next = nil
	if v.base != nil && v.base.Digest == p.Digest {
		v.next = v.base
	}
	if v.base = nil; decided {
		v.base = v.next
	}
}

// keep forgets what is held of groups that have no slot in a view, or have it by another generation: others led this
// group meanwhile, and that content went with the slot.
func (v *vector) keep(members Bitmap, r *Roster) {
	for s, g := range v.held {
		if g == nil {
			continue
		}
		if seat := r.At(uint16(s)); !members.Has(uint16(s)) || seat == nil || seat.Below.Generation() != g.Generation {
			v.held[s] = nil
		}
	}
}

// know keeps a decided content of this group that is learnt of otherwise, for the case that this
// node has to go on from it.
func (v *vector) know(instance uint32, g *view.Group) {
	v.enter(instance)
	if g == nil || g.Level != v.level || g.Number != v.number || !g.Newer(v.base) {
		return
	}
	v.base = g
	for _, o := range g.Below {
		v.offer(o)
	}
}

// compose gives the digest of the view with these members, and keeps its content; false while
// some content may be older than what an earlier view held. What the leader of a group below told
// under the own ballot says told, nil for nothing.
func (v *vector) compose(instance uint32, generation uint16, seq uint64, members Bitmap, told func(slot uint16) *Report) (uint64, bool) {
	var below []*view.Group
	for s := members.First(); s < FirstSeat; s = members.Next(s + 1) {
		g := v.use(s)
		if v.base == nil {
			if r := told(s); r == nil || g == nil || g.Generation < r.Generation || g.Generation == r.Generation && g.Seq < r.Seq {
				return 0, false
			}
		}
		if g != nil {
			below = append(below, g)
		}
	}
	v.next = view.Compose(v.cluster, instance, v.level, v.number, generation, seq, below)
	return v.next.Digest, true
}

// use is what is held of a group whose leader is a member, or nil.
func (v *vector) use(slot uint16) *view.Group {
	if v.gone.Has(slot) {
		return nil
	}
	return v.held[slot]
}

// decide notes that the view under vote, of these members, is decided.
func (v *vector) decide(now Time, members Bitmap) {
	v.base, v.next, v.decidedAt = v.next, nil, now
	for s := range v.held {
		if v.held[s] != nil && !members.Has(uint16(s)) {
			v.gone.Set(uint16(s))
		}
	}
}

// changed reports whether the next view of these members would hold something else, and whether
// something that the last one held is gone from it. After a view whose content is not known
// the next is due whatever it holds.
func (v *vector) changed(members Bitmap) (changed, less bool) {
	if v.base == nil {
		return true, true
	}
	for s := members.First(); s < FirstSeat; s = members.Next(s + 1) {
		g := v.use(s)
		if g == nil {
			continue
		}
		old := v.base.Of(g.Number)
		if old != nil && old.Digest == g.Digest {
			continue
		}
		changed = true
		less = less || old != nil && lacks(g, old)
	}
	return changed, less
}

// lacks reports whether some member of the old content is not in the new one.
func lacks(g, old *view.Group) bool {
	now := g.Members // by slot, as the old ones
	for i := range old.Members {
		m := &old.Members[i]
		for len(now) > 0 && now[0].Slot < m.Slot {
			now = now[1:]
		}
		if len(now) == 0 || now[0] != *m {
			return true
		}
	}
	for _, o := range old.Below {
		if now := g.Of(o.Number); now == nil || now != o && lacks(now, o) {
			return true
		}
	}
	return false
}

// recompose proposes the next view when groups below have changed.
func (n *Node) recompose() {
	l := &n.lead
	if n.below == nil || !l.decided {
		return
	}
	changed, less := n.below.changed(l.view.New)
	if !changed {
		return
	}
	pace := epochPace
	if less {
		pace = n.cfg.Interval
	}
	if n.keepsPace(pace) {
		n.propose(l.view.New, l.roster, Event{})
	}
}

// keepsPace reports whether the last view was decided so long ago, and else has this node look again when
// it was.
func (n *Node) keepsPace(pace time.Duration) bool {
	due := n.below.decidedAt.Add(pace)
	if n.below.decidedAt == 0 || !n.now.Before(due) {
		return true
	}
	n.wakeAt(due)
	return false
}

// caughtUp reports whether nothing is left to learn of the groups below: their leaders answered under
// this lead, tell of the generations for which they have their slots, and the last view holds what is known.
func (n *Node) caughtUp() bool {
	if n.below == nil {
		return true
	}
	l, t := &n.lead, n.tally
	for s := l.view.New.First(); s < FirstSeat; s = l.view.New.Next(s + 1) {
		seat := l.roster.At(s)
		if seat == nil || t.Heard[s].Answered == 0 || t.Members[s].Below.Generation < seat.Below.Generation() {
			return false
		}
	}
	changed, _ := n.below.changed(l.view.New)
	return !changed
}

// speaksFor reports whether it is for that node to tell of the group below, in that generation: it has the slot, or is
// about to. The new leader of a branch may know what a group decided only from who has yet to succeed there.
func (n *Node) speaksFor(slot uint16, name string, generation uint16) bool {
	next, _ := n.lead.newest()
	for _, r := range []*Roster{n.lead.roster, next} {
		if seat := r.At(slot); seat != nil && seat.Name == name && seat.Below.Generation() == generation {
			return true
		}
	}
	return false
}

// reported is what the leader of a group below told under this leader's ballot, or nil.
func (n *Node) reported(slot uint16) *Report {
	if m := &n.tally.Members[slot]; n.tally.Heard[slot].Answered != 0 && m.Below.Seq != 0 {
		return &m.Below
	}
	return nil
}
