package control

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// orphans are the nodes that ask to be let into groups that have no leader in the group above
// which this host leads.
//
// A node whose group has no leader that it knows asks whoever it knows: of that group, the
// contacts, the founders. Each sends it on to its own leader, up to where the group would have its
// slot. If that slot is taken, the leader of the group is known, and the orphan asks there. If it is
// free (the group was never formed, or its leader lost its quorum or died with the group and was
// removed, so that its lease is over), one of the orphans is appointed (Host.appoint): it forms the
// group in a new generation.
type orphans struct {
	list      []orphan // by level, group and name
	next      Time     // when to look after them again
	askSelfAt Time     // when this host is to ask itself again
}

type orphan struct {
	level    uint8
	group    uint16 // that lacks a leader
	peer     Peer
	standing Standing
	since    Time // when it asked first
	at       Time // when it asked last
}

const (
	orphanFor   = 5 * time.Second // how long one is taken to be where it was
	orphansMax  = 4096
	gatherEvery = 10 * time.Millisecond // thousands ask within an instant while a cluster boots
	lostWait    = time.Second           // for others of a group that had been formed, so that they go on together
)

// orphaned takes in one that asks for a group below one that this host leads, and reports whether
// it did.
func (h *Host) orphaned(m *Message) bool {
	group := m.Group
	for level := m.Level; level < h.cfg.Top; level++ {
		parent, slot := Parent(group)
		n := h.leads(level + 1)
		if n == nil || parent != h.groupAt(level+1) {
			group = parent
			continue
		}
		r, _ := n.lead.newest()
		if n.lead.inView().Or(n.lead.adm.joiners).Has(slot) {
			leader := r.At(slot)
			if leader == nil || leader.RPC == m.From.RPC {
				return true // it is about to lead
			}
			if leader.RPC == h.cfg.Self.RPC && h.leads(level) == nil {
				return true // this host is about to
			}
			h.letter(m.From.RPC, m.Level, m.Group, Message{
				Kind: MessageAnswer, Instance: h.in.Registers[0].Instance, Seat: m.Seat, Answer: &Answer{Status: AnswerRedirect, Leader: leader.RPC},
			})
			return true
		}
		why := h.spent(n, slot)
		if why == "" {
			why = "its group is about to be formed"
			h.adopt(orphan{level: level, group: group, peer: m.From, standing: *m.Standing, since: h.now, at: h.now})
		}
		h.letter(m.From.RPC, m.Level, m.Group, Message{
			Kind: MessageAnswer, Instance: n.reg.Instance, Seat: m.Seat, Answer: &Answer{Status: AnswerWaiting, Why: why},
		})
		return true
	}
	return false
}

// adopt notes an orphan.
func (h *Host) adopt(o orphan) {
	l := &h.orphans.list
	i := sort.Search(len(*l), func(i int) bool { return !(*l)[i].before(&o) })
	if i < len(*l) && !o.before(&(*l)[i]) {
		o.since = (*l)[i].since
		(*l)[i] = o
		return
	}
	if len(*l) < orphansMax {
		*l = slices.Insert(*l, i, o)
		h.wakeAt(h.now.Add(h.cfg.JoinWindow))
	}
}

func (o *orphan) before(p *orphan) bool {
	return cmp.Or(cmp.Compare(o.level, p.level), cmp.Compare(o.group, p.group), cmp.Compare(o.peer.Name, p.peer.Name)) < 0
}

// gather looks after the orphans: it forgets those that did not ask again, and appoints one of
// each group when it is time.
func (h *Host) gather() {
	h.adoptSelf()
	l := &h.orphans
	if len(l.list) == 0 {
		return
	}
	if h.now.Before(l.next) {
		h.wakeAt(l.next)
		return
	}
	l.next = h.now.Add(gatherEvery)
	l.list = slices.DeleteFunc(l.list, func(o orphan) bool { return h.now.Since(o.at) > orphanFor || h.formed(o.level, o.group) })
	for rest := l.list; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].level == rest[0].level && rest[n].group == rest[0].group {
			n++
		}
		h.appoint(rest[:n])
		rest = rest[n:]
	}
}

// formed reports whether a group has a leader in the group above, where this host leads, and told of
// what it decided: who asked before has it to turn to. Kept, they would form it anew as soon as
// its leader is out of reach.
func (h *Host) formed(level uint8, group uint16) bool {
	n := h.leads(level + 1)
	if n == nil {
		return false
	}
	_, slot := Parent(group)
	seat, g := n.lead.roster.At(slot), h.vectors[level+1].use(slot)
	return n.lead.inView().Has(slot) && seat != nil && g != nil && g.Generation >= seat.Below.Generation()
}

// adoptSelf notes this host's own groups where they have no leader. It asks itself no more often than others
// ask it: each answer is one more letter to read, before those that came since.
func (h *Host) adoptSelf() {
	waits := h.now.Before(h.orphans.askSelfAt)
	for level := range h.cfg.Top {
		p := LeaderAt(level)
		r, n := &h.in.Registers[p], h.nodes[p]
		if n == nil || r.Incarnation == 0 || h.leads(level) != nil || !n.leaderless(r) {
			continue
		}
		claim := h.claim(p)
		switch {
		case claim == nil:
		case waits:
			h.wakeAt(h.orphans.askSelfAt)
		default:
			h.orphans.askSelfAt = h.now.Add(askEvery)
			if to := h.upward(); to != "" { // the leader that another node of this host follows
				n.hint(to)
			}
			self := h.cfg.Self
			self.Incarnation = r.Incarnation
			h.orphaned(&Message{Level: level, Group: h.groupAt(level), From: self, Standing: claim})
		}
	}
}

// leaderless reports whether the node has no group, or has not heard its group's leader for long.
func (n *Node) leaderless(r *Register) bool {
	if r.State == RegisterVacant {
		return n.role == roleAbsent
	}
	return r.State == RegisterMember && n.now.Since(max(r.BeatAt, n.join.since)) > r.LostAfter()
}

// appoint has one of a group's orphans form it, where its slot is free.
func (h *Host) appoint(those []orphan) {
	level, group := those[0].level, those[0].group
	n := h.leads(level + 1)
	_, slot := Parent(group)
	if n == nil || !n.lead.decided || n.lead.adm.roster != nil || n.lead.inView().Has(slot) {
		return
	}
	best, since, formed := -1, h.now, false
	for i := range those {
		o := &those[i]
		since = min(since, o.since)
		formed = formed || o.standing.Ballot != 0
		if best < 0 || h.better(o, &those[best]) {
			best = i
		}
	}
	for i := range n.lead.adm.asked {
		if n.lead.adm.asked[i].slot == slot {
			return
		}
	}
	wait := h.cfg.JoinWindow
	if formed {
		wait = max(wait, lostWait)
	}
	if h.now.Before(since.Add(wait)) {
		h.wakeAt(since.Add(wait))
		return
	}
	o := those[best]
	o.peer.Incarnation = o.standing.Slots[level+1]
	n.appoint(o.peer, slot)
	h.wakeAt(h.now.Add(h.cfg.JoinWindow))
}

// better reports whether a should rather lead than b: who holds a register of the group's latest
// generation, then founders, those preferred, and those not avoided.
func (h *Host) better(a, b *orphan) bool {
	ga, gb := a.standing.Ballot.Generation(), b.standing.Ballot.Generation()
	if held := a.standing.Ballot != 0; held != (b.standing.Ballot != 0) {
		return held
	}
	if ga != gb {
		return ga > gb
	}
	if ra, rb := h.liking(a.peer.Name), h.liking(b.peer.Name); ra != rb {
		return ra < rb
	}
	return a.peer.Name < b.peer.Name
}

// liking orders names by who should lead; the lower the rather.
func (h *Host) liking(name string) int {
	liking := 2 * h.cfg.preferences[name]
	if liking == 0 && slices.Contains(h.cfg.Founders, name) {
		return -1
	}
	return liking
}

// appointed reports whether a decree is for this host: the roster that the level above decided
// gives it the slot of the group, in that generation, which it did not begin yet.
func (h *Host) appointed(m *Message) bool {
	p := LeaderAt(m.Level + 1)
	if p >= Places || h.nodes[p] == nil || h.in.Registers[p].State != RegisterMember {
		return false
	}
	reg := &h.in.Registers[p]
	r := h.nodes[p].rosterFor(&reg.Committed)
	if r == nil || m.Instance != reg.Instance || reg.Below.Generation >= uint16(m.Version) {
		return false
	}
	seat := r.At(reg.Slot)
	return seat != nil && seat.Incarnation == reg.Incarnation && seat.Below.Generation() == uint16(m.Version) && seat.Below.Term() == 0
}

// shutdown ends the instance here and on every host that this one knows, each of which does the
// same.
func (h *Host) shutdown(m *Message) {
	if m.Instance == h.instance() && m.Instance != 0 {
		h.in.Order = OrderShutdown
	}
}
