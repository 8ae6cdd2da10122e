package sim

import "rollcall/control"

// leaseTruth is what the fencing checker (G4) knows of the membership of one incarnation.
type leaseTruth struct {
	since   uint64  // seq with which the register became a member; 0: it did not yet
	removed Instant // when a later view without it was decided; 0: none was
	seq     uint64  // of that view
}

// leaseEnd is the true time at which a host's lease ends if no beat extends it.
func (h *host) leaseEnd() Instant {
	if h.reg.State != control.RegisterMember {
		return 0
	}
	return h.clock.when(h.reg.LeaseUntil)
}

// fence looks at a register whose state or lease changed: whoever is removed must not hold
// a lease that runs beyond the decision.
func (h *host) fence(was mark) {
	r, t := &h.reg, &h.lease
	if r.State == control.RegisterMember && was.state != control.RegisterMember {
		t.since = r.Committed.Seq
		h.removedSince()
	}
	if t.removed != 0 && !h.farewell {
		if end := h.leaseEnd(); end > t.removed {
			h.w.fail("G4", "%s has a lease until %d, but seq %d without it was decided at %d", h.name, end, t.seq, t.removed)
		}
	}
}

// removedSince looks for decisions that were made before the register learnt that it was
// a member at all.
func (h *host) removedSince() {
	l := &h.w.ledger
	for seq := h.lease.since + 1; ; seq++ {
		c := l.chosen[viewKey{h.reg.Instance, h.reg.Accepted.Ballot.Generation(), seq}]
		if c == nil {
			return
		}
		if !c.proposal.New.Has(h.reg.Slot) {
			h.lease.removed, h.lease.seq = c.at, c.seq
			return
		}
	}
}

// fenceAll looks, when a view is decided, for leases of those who are not in it.
func (l *ledger) fenceAll(c *choice) {
	for _, h := range l.w.hosts {
		r := &h.reg
		if !h.up || r.State != control.RegisterMember {
			continue
		}
		older := r.Instance < c.instance
		if !older && (r.Instance != c.instance || c.proposal.New.Has(r.Slot) || c.seq <= h.lease.since) {
			continue
		}
		if h.lease.removed == 0 && !older {
			h.lease.removed, h.lease.seq = c.at, c.seq
		}
		if end := h.leaseEnd(); end > c.at && !h.farewell {
			guarantee := "G4"
			if older {
				guarantee = "G3"
			}
			l.w.fail(guarantee, "instance %d seq %d without %s is decided while its lease runs for another %v",
				c.instance, c.seq, h.name, end-c.at)
		}
	}
}
