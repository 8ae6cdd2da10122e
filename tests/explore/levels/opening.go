package levels

import (
	"slices"
	"time"

	"rollcall/control"
	"rollcall/tests/explore/search"
)

// Opening is a state worth exploring from.
type Opening struct {
	Name  string
	build func() *World
	apart bool // somebody's clock stood still on the way there: leases mean nothing
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
		{Name: "three groups, the root is lost and another begins", build: func() *World { return succeeding(search.Crash) }},
		{Name: "three groups, the root slept while another was elected", build: func() *World { return succeeding(search.Sleep) }, apart: true},
		{Name: "two groups of two, one is given to the other member when its leader comes back", build: decreeing},
		{Name: "two groups of three, the leader of one crashed", build: leaderless},
		{Name: "two groups of three, one member hears nobody of its group", build: orphaned},
		{Name: "three groups of two, one is cut off", build: severed},
		{Name: "four groups, the founder lost its memory", build: forgotten, apart: true},
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

// standing is a cluster of all hosts at rest, with a founder and a seat in each group.
func standing(groups, perGroup int) *World { return founded(groups, perGroup, groups) }

// founded is one with so many founders.
func founded(groups, perGroup, founders int) *World {
	w := New(groups, perGroup, founders)
	for i := range w.hosts {
		w.happen(search.Boot, i)
	}
	w.settle(func() bool { return w.agreed() && w.seats() == groups })
	w.parcels = nil
	return w
}

// succeeding has another seat lead, which tells nobody yet, instead of a root that crashed or slept.
func succeeding(what search.Kind) *World {
	w := standing(3, 1)
	if what == search.Crash {
		w.happen(search.Crash, 0)
	}
	w.settle(func() bool {
		return w.hosts[1].tallies[top].asking.Beating != 0 || w.hosts[2].tallies[top].asking.Beating != 0
	}, 0)
	return w
}

// decreeing has the root decide, while the leader of the second group is cut off, that its other member
// forms that anew; nobody was told, and the leader is reached again.
func decreeing() *World {
	w := standing(2, 2)
	w.happen(cut, 2)
	w.settle(func() bool {
		return slices.ContainsFunc(w.ledger.appointed, func(a appointment) bool { return a.group == 1 && a.generation == 2 })
	})
	w.happen(heal, 2)
	return w
}

// leaderless has the leader of the second group crash, and the others take it for silent.
func leaderless() *World {
	w := standing(2, 3)
	lead := w.leader(1)
	w.happen(search.Crash, lead)
	w.settle(func() bool {
		return slices.ContainsFunc(w.in(1), func(h *host) bool { return h.tallies[0].asking.Preparing != 0 })
	})
	return w
}

// orphaned has a member of the second group ask the root for help, who heard nobody for long and is
// heard by the root alone.
func orphaned() *World {
	w := standing(2, 3)
	orphan := w.in(1)[2]
	if w.leader(1) == orphan.id {
		orphan = w.in(1)[1]
	}
	w.happen(cut, orphan.id)
	from := w.hosts[0].clock
	w.settle(func() bool { return w.hosts[0].clock.Since(from) > nap && w.ledger.latest.Top.Len() == len(w.hosts)-1 })
	w.happen(heal, orphan.id)
	return w
}

// severed has a group cut off until the epoch is without it.
func severed() *World {
	w := standing(3, 2)
	w.happen(cut, 4)
	w.happen(cut, 5)
	w.settle(func() bool { return w.ledger.latest.Top.Of(2) == nil })
	w.happen(heal, 4)
	w.happen(heal, 5)
	return w
}

// forgotten has the founder boot without registers and hear nothing for long of three others, who are about to decide
// an epoch without it.
func forgotten() *World {
	w := founded(4, 1, 1)
	w.happen(search.Crash, 0)
	seat := control.SeatAt(top)
	w.settle(func() bool {
		return slices.ContainsFunc(w.hosts, func(h *host) bool {
			return h.regs[seat].Accepted.Seq != 0 && !h.regs[seat].Accepted.New.Has(control.FirstSeat)
		})
	}, 0)
	w.happen(search.Boot, 0)
	from := w.hosts[0].clock
	w.settle(func() bool { return w.hosts[0].clock.Since(from) > nap }, 1, 2, 3)
	return w
}

// leader is the host that leads a group of level 0.
func (w *World) leader(group uint16) int {
	for _, h := range w.in(group) {
		if h.tallies[0].asking.Beating != 0 {
			return h.id
		}
	}
	panic("nobody leads")
}

// settle lets time pass as it does where all is well, until the condition holds. Hosts that
// are away take no part, and no time passes for them.
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
			if p := w.parcels[0]; is[p.to] || is[p.from] || w.hosts[p.to].cut {
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
