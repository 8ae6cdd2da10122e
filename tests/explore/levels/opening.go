package levels

import (
	"time"

	"rollcall/control"
	"rollcall/tests/explore/search"
)

// Opening is a state worth exploring from.
type Opening struct {
	Name  string
	build func() *World
	world *World
}

// World is the opening's state; whoever changes it takes a copy.
func (o *Opening) World() *World {
	if o.world == nil {
		o.world = o.build()
		o.world.prompt = false
	}
	return o.world
}

// Openings are the states from which walks begin, for one goroutine.
func Openings() []*Opening {
	return []*Opening{
		{Name: "two groups of one stand", build: func() *World { return standing(2, 1) }},
		{Name: "three groups of one stand", build: func() *World { return standing(3, 1) }},
		{Name: "two groups of two stand", build: func() *World { return standing(2, 2) }},
		{Name: "two groups of three stand", build: func() *World { return standing(2, 3) }},
		{Name: "three groups of two stand", build: func() *World { return standing(3, 2) }},
	}
}

// Named is the opening of a name.
func Named(name string) *Opening {
	for _, o := range Openings() {
		if o.Name == name {
			return o
		}
	}
	panic("no opening " + name)
}

// standing is a cluster of all hosts at rest, with a seat in each group.
func standing(groups, perGroup int) *World {
	w := New(groups, perGroup)
	for i := range w.hosts {
		w.happen(search.Boot, i)
	}
	w.settle(func() bool { return w.agreed() && w.seats() == groups })
	w.parcels = nil
	return w
}

// settle lets time pass as it does where all is well, until the condition holds. Hosts that
// are away take no part.
func (w *World) settle(holds func() bool, away ...int) {
	is := map[int]bool{}
	for _, i := range away {
		is[i] = true
	}
	for range 100000 {
		switch {
		case holds(), w.Violation() != nil: // whoever explores from here will see
			return
		case len(w.parcels) > 0:
			if p := w.parcels[0]; is[p.to] || is[p.from] {
				w.parcels = w.parcels[1:]
			} else {
				w.Do(search.Event{Kind: p.Kind()}, false)
			}
		default:
			w.idle(is)
		}
	}
	panic("the world does not settle")
}

// idle has the agents look that have a reason to, or else sets all clocks on to the next deadline or
// beat.
func (w *World) idle(away map[int]bool) {
	least := time.Hour
	for i := range w.hosts {
		h := w.hosts[i]
		if h.agent == nil || away[i] {
			continue
		}
		if h.due() {
			w.happen(search.Look, i)
			h = w.hosts[i]
		}
		least = min(least, h.agent.Deadline().Since(h.clock))
		if at := h.beats(); at != control.MaxTime {
			least = min(least, at.Since(h.clock))
		}
	}
	if len(w.parcels) > 0 {
		return
	}
	for i := range w.hosts {
		if away[i] {
			continue
		}
		h := w.own(i)
		h.clock = h.clock.Add(max(least, interval/1000))
		if !h.clock.Before(h.beats()) {
			w.beatAll(h)
		}
	}
}

// agreed reports whether all hosts show one epoch, whose members are exactly they.
func (w *World) agreed() bool {
	latest := w.ledger.latest
	if latest == nil || latest.Top.Len() != len(w.hosts) {
		return false
	}
	for _, h := range w.hosts {
		if h.shown != epochOf(latest) {
			return false
		}
	}
	return true
}

// seats counts the registers that vote at the top.
func (w *World) seats() (n int) {
	for _, h := range w.hosts {
		if h.regs[control.SeatAt(top)].State == control.RegisterMember {
			n++
		}
	}
	return n
}
