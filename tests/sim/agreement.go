package sim

import (
	"rollcall/control"
	"rollcall/view"
)

// Agreement (G1): nodes never install different content under one number.

// oneProposal looks at a vote: a ballot proposes one thing under one number.
func (l *ledger) oneProposal(h *host, v *vote) bool {
	if a := &h.reg.Accepted; v.proposal != *a {
		l.w.fail("G1", "%v/%d is two proposals: %+v and, at %s, %+v", a.Ballot, a.Seq, v.proposal, h.name, *a)
		return false
	}
	return true
}

// oneDecision looks at a proposal that has its votes though its number was decided before.
func (l *ledger) oneDecision(c *choice, p *control.Proposal) {
	if c.proposal.New != p.New || c.proposal.Digest != p.Digest {
		l.w.fail("G1", "instance %d seq %d was decided as %s under %v and as %s under %v",
			c.instance, p.Seq, slots(c.proposal.New), c.proposal.Ballot, slots(p.New), p.Ballot)
	}
}

// believed looks at what a register takes for decided.
func (l *ledger) believed(h *host) {
	r := &h.reg
	c := l.chosen[viewKey{r.Instance, r.Accepted.Ballot.Generation(), r.Committed.Seq}]
	if c == nil {
		l.w.fail("G1", "%s takes instance %d seq %d for decided, which it is not", h.name, r.Instance, r.Committed.Seq)
	} else if c.proposal.New != r.Committed.Members {
		l.w.fail("G1", "%s holds %s for the members of seq %d, decided were %s",
			h.name, slots(r.Committed.Members), r.Committed.Seq, slots(c.proposal.New))
	}
}

// sameContent looks at a view that a node publishes.
func (l *ledger) sameContent(h *host, k viewKey, v *view.View) {
	hash := v.Hash()
	if c, ok := l.contents[k]; !ok {
		l.contents[k] = content{hash, h.id, v.Members}
	} else if c.hash != hash {
		l.w.fail("G1", "%s installs %+v with hash %x, %s installed it with %x: %s",
			h.name, k, hash, l.w.hosts[c.host].name, c.hash, names(v.Members))
	}
	c := l.chosen[k]
	if c == nil {
		l.w.fail("G1", "%s installs %+v, which is not decided", h.name, k)
		return
	}
	var members control.Bitmap
	for _, m := range v.Members {
		members.Set(m.Slot)
	}
	if members != c.proposal.New {
		l.w.fail("G1", "%s installs %+v with slots %s, decided were %s", h.name, k, slots(members), slots(c.proposal.New))
	}
}
