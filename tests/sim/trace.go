package sim

import (
	"fmt"
	"strings"

	"rollcall/control"
	"rollcall/view"
)

var kindNames = [...]string{"?", "beat", "echo", "prepare", "promise", "probe", "answer", "handover"}

// frame tells of a frame that arrived.
func (w *World) frame(to *host, fl *flight, why control.Reason) {
	if w.trace == nil {
		return
	}
	f := &fl.frame
	kind := kindNames[0]
	if k := int(f.Kind); k < len(kindNames) {
		kind = kindNames[k]
	}
	w.tell(to.id, kind, "from %-5s %-10v round %-5d %s", fl.from.name, f.Ballot, f.Round, why)
}

// describe shows what a host holds.
func (h *host) describe() string {
	r := &h.reg
	return fmt.Sprintf("agent %s, register %d.%d of instance %d slot %d: promised %v accepted %v/%d %s committed %d %s lease %v",
		agentStateNames[h.agent.state], r.State, r.Incarnation%1000, r.Instance, r.Slot, r.Promised, r.Accepted.Ballot, r.Accepted.Seq,
		slots(r.Accepted.New), r.Committed.Seq, slots(r.Committed.Members), r.Valid(h.now()))
}

// Describe shows every host, a line each, for whoever reads why a run failed.
func (w *World) Describe() string {
	var b strings.Builder
	for _, h := range w.hosts {
		if !h.up {
			fmt.Fprintf(&b, "%s off\n", h.name)
			continue
		}
		fmt.Fprintf(&b, "%s %s", h.name, h.describe())
		if h.agent.state != agentDead {
			r := h.reg
			s := h.agent.node.Status(h.now(), &r)
			fmt.Fprintf(&b, "; %s, leader %q, awaiting %q", s.Role, s.Leader, s.Awaiting)
		}
		if v := h.agent.view; v != nil {
			fmt.Fprintf(&b, "; view %d/%d %s", v.Instance, v.Epoch, names(v.Members))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func slots(b control.Bitmap) string {
	var s []string
	for i := b.First(); i < control.Slots; i = b.Next(i + 1) {
		s = append(s, fmt.Sprint(i))
	}
	return "{" + strings.Join(s, " ") + "}"
}

func names(ms []view.Identity) string {
	var s []string
	for _, m := range ms {
		s = append(s, fmt.Sprintf("%d:%s", m.Slot, m.Name))
	}
	return "{" + strings.Join(s, " ") + "}"
}

func describeRoster(r *control.Roster) string {
	var s []string
	for i := range r.Seats {
		s = append(s, fmt.Sprintf("%d:%s.%d", r.Seats[i].Slot, r.Seats[i].Name, r.Seats[i].Incarnation%1000))
	}
	return fmt.Sprintf("%x {%s}", r.Version(), strings.Join(s, " "))
}

func describeMessage(m *control.Message) string {
	s := fmt.Sprintf("%s instance %d", m.Kind, m.Instance)
	if m.Version != 0 {
		s += fmt.Sprintf(" version %x", m.Version)
	}
	if m.Roster != nil {
		s += " roster " + describeRoster(m.Roster)
	}
	if a := m.Answer; a != nil {
		s += fmt.Sprintf(" %s %s %s", a.Status, a.Leader, a.Why)
	}
	if x := m.State; x != nil {
		s += fmt.Sprintf(" register of %d, quiet %d ms, record %+v", x.Register, x.QuietMS, x.Record)
	}
	return s
}

func describeCommand(c *control.Command) string {
	switch c.Kind {
	case control.CommandVacate:
		return fmt.Sprintf("vacate, now %x", c.Incarnation)
	case control.CommandJoin:
		return fmt.Sprintf("join instance %d slot %d", c.Instance, c.Slot)
	case control.CommandHold:
		return fmt.Sprintf("hold %x", c.Rosters)
	case control.CommandAsk:
		return fmt.Sprintf("ask %v/%d preparing %d new %s old %s window %d", c.Ballot, c.Seq, c.Preparing, slots(c.New), slots(c.Old), c.WindowNS)
	case control.CommandBeat:
		return fmt.Sprintf("beat %v/%d committed %d new %s old %s now %d silent %s stale %s", c.Ballot, c.Seq, c.Beats.Committed, slots(c.New), slots(c.Old), c.Now, slots(c.Silent), slots(c.Stale))
	}
	return fmt.Sprint(c.Kind)
}

func describeEvent(e *control.Event) string {
	s := fmt.Sprintf("%s seq %d to %d by %v, %d rounds", e.Kind, e.From, e.To, e.Ballot, e.Rounds)
	if len(e.Joined) > 0 {
		s += fmt.Sprintf(", joined %v", e.Joined)
	}
	if len(e.Removed) > 0 {
		s += fmt.Sprintf(", removed %v", e.Removed)
	}
	if e.Why != "" {
		s += ": " + e.Why
	}
	return s
}

func clip(b []byte) string {
	if len(b) > 300 {
		return string(b[:300]) + "…"
	}
	return string(b)
}
