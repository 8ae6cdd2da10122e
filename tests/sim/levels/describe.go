package levels

import (
	"fmt"
	"time"

	"rollcall/control"
)

// describe tells the state of a host.
func (h *host) describe() string {
	s := fmt.Sprintf("%s:", h.name)
	if !h.up {
		return s + " off"
	}
	for p := range h.regs {
		if r := &h.regs[p]; r.State != control.RegisterVacant {
			s += fmt.Sprintf(" place %d: instance %d state %d slot %d promised %v accepted %v/%d committed %d epoch %d, lease %v upper %v;", p, r.Instance, r.State, r.Slot, r.Promised,
				r.Accepted.Ballot, r.Accepted.Seq, r.Committed.Seq, r.Epoch, h.until(r.LeaseUntil), h.until(min(r.UpperUntil, h.clock().Add(time.Hour))))
		}
	}
	if h.agent != nil {
		st := h.agent.Status(h.clock(), &h.regs)
		st.Places[0] = st.Group
		for p, x := range st.Places {
			if x.Role != "" {
				s += fmt.Sprintf(" %d %s", p, x.Role)
			}
		}
		s += ", awaiting " + st.Group.Awaiting
	}
	if h.view != nil {
		s += fmt.Sprintf(", shows epoch %d of %d", h.view.Epoch(), h.view.Top.Len())
	}
	return s
}
