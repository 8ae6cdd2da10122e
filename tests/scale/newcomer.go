package scale

import (
	"rollcall/control"
	"rollcall/view"
)

// A newcomer is a host that is switched on without an agent: what an agent does to come
// in is done for it, as long as nothing but the usual happens. It asks the first host of its group, which
// leads it; takes its slot and the roster and says that it holds it; has the first epoch that it is
// in fetched, and shows it. Who lets it in is the leader's real agent, by letters and votes as ever, and
// the newcomer's register is as real. Anything else starts its agent.

// arrive switches a newcomer on.
func (h *host) arrive() {
	h.switchOn()
	h.newcomer = true
	m := control.Message{Kind: control.MessageJoin, Standing: &control.Standing{}}
	for level := range control.Levels {
		m.Standing.Slots[level] = h.vacant(control.LeaderAt(uint8(level))).Incarnation
	}
	h.say(h.group.contacts[0], m)
}

// say sends a letter about the group.
func (h *host) say(to string, m control.Message) {
	m.Cluster, m.Group, m.From = cluster, h.group.number, h.self()
	h.post(&control.Letter{To: to, Message: m})
}

func (h *host) self() control.Peer {
	p := h.peer
	p.Incarnation = h.reg.Incarnation
	return p
}

// takes reads a letter to a newcomer, and reports whether no agent has to.
func (h *host) takes(m *control.Message) bool {
	switch m.Kind {
	case control.MessageAnswer:
		return m.Answer.Status == control.AnswerWaiting || m.Answer.Status == control.AnswerMember
	case control.MessageRoster:
		self := h.self()
		seat := m.Roster.Held(&self)
		if seat == nil || m.Level > 0 {
			return false
		}
		h.order(&control.Command{Kind: control.CommandJoin, Cluster: clusterID, Instance: m.Instance, Group: m.Group, Slot: seat.Slot})
		version := h.w.version(m.Roster)
		if h.reg.Rosters[0] != version {
			h.held = append([]*control.Roster{m.Roster}, h.held[:min(len(h.held), control.HeldRosters-1)]...)
			c := control.Command{Kind: control.CommandHold}
			for i, r := range h.held {
				c.Rosters[i] = h.w.version(r)
			}
			h.order(&c)
			h.rosters[0] = m.Roster
		}
		h.say(m.From.RPC, control.Message{Kind: control.MessageHeld, Instance: m.Instance, Version: version})
		return true
	}
	return false
}

// order gives the kernel a command at level 0.
func (h *host) order(c *control.Command) {
	h.group.wake()
	h.group.news()
	control.Apply(c, &h.reg, &h.w.blank)
}

// version is that of a roster, which takes a hash to compute.
func (w *World) version(r *control.Roster) uint64 {
	if w.versioned != r {
		w.versioned, w.versionOf = r, r.Version()
	}
	return w.versionOf
}

// showsFirst has a newcomer fetch and show the epoch that a letter tells of, once it is in it.
func (h *host) showsFirst(t *telling, g *view.Group) {
	if t.first == nil {
		t.first = &view.ClusterView{Cluster: cluster, Instance: t.m.Instance, Leader: t.m.Content.Root, Top: g}
	}
	if !h.in(t.first) {
		return
	}
	want := control.Message{Kind: control.MessageWant, Cluster: cluster, Level: h.w.Top(), Instance: t.m.Instance, From: h.self()}
	h.w.meter.letter(h, t.from, h.w.size(&want), want.Kind)
	if t.whole == 0 {
		body, err := h.w.contents.Pack(cluster, t.m.Instance, nil, g)
		if err != nil {
			h.w.fail("%v", err)
			return
		}
		whole := *t.m
		content := *t.m.Content
		content.Body, whole.Content = body, &content
		t.whole = h.w.size(&whole)
	}
	h.w.meter.letter(t.from, h, t.whole, t.m.Kind)
	h.newcomer = false
	h.w.watch.installed(h, t.first)
	h.view = t.first
}

// in reports whether the host is in a view.
func (h *host) in(v *view.ClusterView) bool {
	g := v.Group(h.group.number)
	if g == nil {
		return false
	}
	m := g.Member(h.reg.Slot)
	return m != nil && m.Incarnation == h.reg.Incarnation
}
