package scale

import (
	"time"

	"rollcall/control"
)

// Fault is something that happens to a standing cluster.
type Fault struct {
	Name  string
	Lasts time.Duration // where it ends by itself

	// Lingers is of one that no view of exactly those who are well ends: who answers at all stays (G5).
	Lingers bool

	Begin  func(w *World) (struck []*host)
	During func(w *World, struck []*host) // called at once
	End    func(w *World, struck []*host)
}

// Faults are those of the table, in its order.
var Faults = []Fault{
	{Name: "one crash", Begin: func(w *World) []*host { return w.some(1) }, During: crash, End: boot},
	{Name: "10 at once", Begin: func(w *World) []*host { return w.some(10) }, During: crash, End: boot},
	{Name: "1 % at once", Begin: percent, During: crash, End: boot},
	{Name: "a rack", Begin: func(w *World) []*host { return w.rack(false) }, During: crash, End: boot},
	{Name: "the root's rack", Begin: func(w *World) []*host { return w.rack(true) }, During: crash, End: boot},
	{Name: "1 % deaf, 20 s of 40, twice", Lasts: 2 * 2 * deafFor, Begin: percent, During: flip, End: heal},
	{Name: "1 % lose 80 % of what they send", Lasts: time.Minute, Lingers: true, Begin: percent, During: lose, End: heal},
}

func percent(w *World) []*host { return w.some(max(1, len(w.hosts)/100)) }

// some are so many hosts by chance.
func (w *World) some(n int) (l []*host) {
	for _, i := range w.rng.Perm(len(w.hosts))[:n] {
		l = append(l, &w.hosts[i])
	}
	return l
}

// rack is all hosts of a group: of the root's, or of one that neither root nor seat is in.
func (w *World) rack(roots bool) (l []*host) {
	root := w.root()
	if root == nil {
		return nil
	}
	g := root.group
	for i := range w.rng.Perm(len(w.groups)) {
		if o := &w.groups[i]; !roots && o != root.group && !o.seated() {
			g = o
			break
		}
	}
	for i := range g.hosts {
		l = append(l, &g.hosts[i])
	}
	return l
}

// seated reports whether a host of the group votes above.
func (g *group) seated() bool {
	for i := range g.hosts {
		if h := &g.hosts[i]; h.above != nil && (h.above[3].State != 0 || h.above[5].State != 0) {
			return true
		}
	}
	return false
}

func crash(_ *World, struck []*host) {
	for _, h := range struck {
		h.crash()
	}
}

func boot(_ *World, struck []*host) {
	for _, h := range struck {
		h.boot()
	}
}

const deafFor = 20 * time.Second

// flip has hosts receive nothing, then all, for equally long, and once more.
func flip(w *World, struck []*host) {
	deafen := func() {
		for _, h := range struck {
			h.disturb(1, 0)
		}
	}
	deafen()
	w.At(deafFor, func() { heal(w, struck) })
	w.At(2*deafFor, deafen)
	w.At(3*deafFor, func() { heal(w, struck) })
}

func lose(_ *World, struck []*host) {
	for _, h := range struck {
		h.disturb(0, 0.8)
	}
}

func heal(_ *World, struck []*host) {
	for _, h := range struck {
		h.disturb(0, 0)
	}
}

// disturb has a host's network lose so much of what it receives, and of what it sends.
func (h *host) disturb(in, out float32) {
	h.group.wake()
	h.group.news()
	h.lossIn, h.lossOut = in, out
	h.w.watch.expect(h, in+out == 0)
}

// readmit has the operator let those struck back in who were removed too often.
func (w *World) readmit(struck []*host) {
	for _, h := range struck {
		for i := range h.group.hosts {
			if o := &h.group.hosts[i]; !o.struck && o.up && o.reg.State == control.RegisterMember {
				o.readmits = append(o.readmits, h.peer.Name)
				o.poke()
				break
			}
		}
	}
}
