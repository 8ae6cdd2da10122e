package sim

import "rollcall/control"

// Restart (G9): whatever becomes of the agent, its host loses no promise. That agents who stop or
// are restarted remove nobody is looked at where somebody is removed (accuse.go).

// mark is what a register held before something happened to it.
type mark struct {
	incarnation uint64
	state       control.RegisterState
	promised    control.Ballot
	ballot      control.Ballot
	seq         uint64
	committed   uint64
	lease       control.Time
}

func (h *host) mark() mark {
	r := &h.reg
	return mark{r.Incarnation, r.State, r.Promised, r.Accepted.Ballot, r.Accepted.Seq, r.Committed.Seq, r.LeaseUntil}
}

// changed looks at what a frame or a command did to a register.
func (h *host) changed(was mark) {
	r, l := &h.reg, &h.w.ledger
	h.kept(was)
	if was.ballot != r.Accepted.Ballot || was.seq != r.Accepted.Seq {
		l.accepted(h)
	}
	if was.committed != r.Committed.Seq {
		l.believed(h)
	}
	if was.state != r.State || was.lease != r.LeaseUntil {
		l.outlived(h, was)
		h.fence(was)
	}
}

// kept looks whether a register forgot what it promised; only a new incarnation may.
func (h *host) kept(was mark) {
	r := &h.reg
	if r.Promised < was.promised || r.Committed.Seq < was.committed || r.Accepted.Less(was.ballot, was.seq) {
		h.w.fail("G9", "the register of %s went back from %+v to promised %v, accepted %v/%d, committed %d",
			h.name, was, r.Promised, r.Accepted.Ballot, r.Accepted.Seq, r.Committed.Seq)
	}
}

// recorded looks at what a founder writes down: it may not know less than before.
func (h *host) recorded(was, is *control.InstanceRecord) {
	if is.Instance < was.Instance || is.Instance == was.Instance && (is.Epoch < was.Epoch || is.Epoch == was.Epoch && was.Closed && !is.Closed) {
		h.w.fail("G9", "the record of %s went back from %+v to %+v", h.name, *was, *is)
	}
}
