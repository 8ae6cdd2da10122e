package sim

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
