package sim

import (
	"slices"

	"rollcall/control"
)

// Primary (G3): one side of a partition goes on, and one instance of the cluster lives.

// follows looks at a decision: it must rest on the one before, in the one instance that lives.
func (l *ledger) follows(c *choice) {
	p := &c.proposal
	if last := l.chosen[viewKey{c.instance, c.generation, c.seq - 1}]; last != nil && last.proposal.New != p.Old {
		l.w.fail("G3", "seq %d follows %s, but %s were its members", c.seq, slots(p.Old), slots(last.proposal.New))
	}
	if l.head != nil && l.head.instance > c.instance {
		l.w.fail("G3", "instance %d decides seq %d while instance %d lives", c.instance, c.seq, l.head.instance)
	}
}

// outlived looks at a lease that a register extends: none may reach into the life of a later
// instance.
func (l *ledger) outlived(h *host, was mark) {
	r := &h.reg
	if l.head != nil && l.head.instance > r.Instance && r.LeaseUntil > was.lease && h.leaseEnd() > l.began[l.head.instance] {
		l.w.fail("G3", "%s extends its lease in instance %d while instance %d lives", h.name, r.Instance, l.head.instance)
	}
}

// notCovered is what ends a run that comes upon the one case of two instances of which control/doc.go says, under "What
// G3 does not cover", that it is not ruled out.
const notCovered = "not covered"

// begins looks at the first decision of an instance while an earlier one could go on. It is that case where every
// founder that voted knew voters out of date, most of whom hold no register any more, and nobody who is in the last
// view could tell it otherwise. Whatever else lets an instance begin is left to the checks that follow.
func (l *ledger) begins(instance uint32) {
	last := l.head
	if last == nil || last.instance >= instance {
		return
	}
	var holding control.Bitmap
	var members []*host
	for _, h := range l.w.hosts {
		r := &h.reg
		if h.up && r.State == control.RegisterMember && r.Instance == last.instance && last.proposal.New.Has(r.Slot) && !l.replaced(h, last) {
			holding.Set(r.Slot)
			members = append(members, h)
		}
	}
	if !control.Quorum(holding, last.proposal.New) {
		return // it is over
	}
	var known control.InstanceRecord
	for _, f := range l.w.hosts[:l.w.Founders] {
		r, voted := f.knew[instance]
		if !voted {
			continue
		}
		if r.Instance == last.instance && r.Epoch >= last.seq || slices.ContainsFunc(members, func(m *host) bool { return l.w.canTalk(m, f) }) {
			return
		}
		if r.Instance > known.Instance || r.Instance == known.Instance && r.Epoch > known.Epoch {
			known = r
		}
	}
	vacant := 0
	for _, v := range known.Voters {
		h := l.w.hosts[slices.IndexFunc(l.w.hosts, func(h *host) bool { return h.name == v.Name })]
		if !h.up || h.reg.State == control.RegisterVacant || h.reg.Instance != known.Instance {
			vacant++
		}
	}
	if 2*vacant > len(known.Voters) {
		l.w.fail(notCovered, "instance %d begins while %s could go on with instance %d", instance, slots(last.proposal.New), last.instance)
	}
}

// canTalk reports whether the agents of two hosts run and letters get through between them.
func (w *World) canTalk(a, b *host) bool {
	there, _ := w.net.way(a.id, b.id)
	return a == b || there != nil && a.agent.state == agentRunning && b.agent.state == agentRunning
}
