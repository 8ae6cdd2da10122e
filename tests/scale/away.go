package scale

import (
	"time"

	"rollcall/control"
	"rollcall/view"
)

// An agent that is put away is no more in memory: of its host there is what the kernel holds, the
// rosters, and the view that it shows. So a million hosts fit into one process. It is put away when its
// group is idle, it has no part above and nothing to do, and called back by whatever has an agent
// act: it then goes on with the registers and rosters as after an upgrade, knowing the
// view that it showed. What it forgets is what no other host was told: whom it saw removed before.
//
// Not called back for: a view of its group, which it would only note, and a letter with an epoch
// that follows the one it shows, which its host shows from when the agent would have.

// putAway does so if it may.
func (h *host) putAway() {
	if h.w.PutAway && h.lead == nil && h.record == nil && h.view != nil && h.view.Epoch() >= h.reg.Epoch {
		h.agent = nil
	}
}

// callBack has the agent go on. Its first step reads what it knew.
func (h *host) callBack() {
	h.start()
	h.newcomer = false
	if h.view == nil {
		return
	}
	m := &control.Message{Kind: control.MessageContent, Cluster: cluster, Level: h.w.Top(), Instance: h.view.Instance, From: h.peer}
	m.Content = &control.Content{Seq: h.view.Epoch(), Parts: 1, Root: h.view.Leader, Body: h.w.contents.known(h.view.Instance, h.view.Top)}
	h.inbox = append([]*control.Message{m}, h.inbox...)
}

// catchUp calls those agents back whose hosts show an earlier epoch than beats tell: their housekeeping
// would have found out.
func (g *group) catchUp() {
	for i := range g.hosts {
		if h := &g.hosts[i]; h.up && h.agent == nil && h.view != nil && h.view.Epoch() < g.leader.reg.Epoch {
			h.poke()
		}
	}
}

// telling is one letter to all those agents of a group that are put away.
type telling struct {
	from  *host
	at    time.Duration
	m     *control.Message
	size  int
	to    []*host
	base  *view.Group       // what most of them show …
	shown *view.ClusterView // … and will
	first *view.ClusterView // what newcomers will
	whole int               // bytes of that as a letter
}

// tell sends a letter with an epoch to an agent that is put away, and reports whether it did.
func (h *host) tell(to *host, m *control.Message) bool {
	w := h.w
	if to.agent != nil || !to.up || m.Kind != control.MessageContent || m.Level != w.Top() || h.lossIn+h.lossOut+to.lossIn+to.lossOut > 0 {
		return false
	}
	t := w.telling
	if t == nil || t.from != h || t.at != w.now || &t.m.Content.Body[0] != &m.Content.Body[0] {
		t = &telling{from: h, at: w.now, m: m, size: w.size(m)}
		w.telling = t
		w.after(letterTake+wakeTakes, event{kind: kindTold, of: t})
	}
	w.meter.letter(h, to, t.size, m.Kind)
	t.to = append(t.to, to)
	return true
}

// told has the letters arrive.
func (w *World) told(t *telling) {
	d, err := w.contents.Unpack(t.m.Content.Body)
	for _, h := range t.to {
		if !h.up || h.agent == nil && err == nil && h.shows(t, d) {
			continue
		}
		h.inbox = append(h.inbox, t.m)
		h.poke()
	}
}

// shows has the host show the epoch that d leads to, as its agent would, and reports whether it
// need not be called back.
func (h *host) shows(t *telling, d *view.Delta) bool {
	if h.newcomer {
		h.showsFirst(t, h.w.contents.leadsTo(t.m.Content.Body))
		return true
	}
	old := h.view.Top
	switch {
	case old.Digest == d.Digest:
		return true
	case old.Digest != d.Base:
		return false
	case old != t.base:
		g, err := h.w.contents.Apply(d, old)
		if err != nil {
			return false
		}
		t.base = old
		t.shown = &view.ClusterView{Cluster: cluster, Instance: d.Instance, Leader: t.m.Content.Root, Top: g}
	}
	if !h.in(t.shown) {
		return false
	}
	h.w.watch.installed(h, t.shown)
	h.view = t.shown
	return true
}
