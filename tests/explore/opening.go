package explore

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
		{Name: "two stand", build: func() *World { return standing(2, 1) }},
		{Name: "three stand", build: func() *World { return standing(3, 1) }},
		{Name: "four stand", build: func() *World { return standing(4, 1) }},
		{Name: "five stand", build: func() *World { return standing(5, 3) }},
		{Name: "three, one is being removed", build: func() *World { return removing(3) }},
		{Name: "four, one is being removed", build: func() *World { return removing(4) }},
		{Name: "three, the third comes in", build: joining},
		{Name: "three, a candidate stands", build: candidate},
		{Name: "three, two stand while one is being removed", build: contested},
		{Name: "three, the leader slept while one was replaced", build: replaced},
		{Name: "three, the leader hands over while another stands", build: handover},
		{Name: "three found, the third comes late", build: founding},
		{Name: "four, two stand", build: func() *World { return rivals(4) }},
		{Name: "five, two stand", build: func() *World { return rivals(5) }},
		{Name: "four, one comes in while one is removed", build: crossing},
		{Name: "five, the founders lost their memory", build: forgotten},
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

// standing is a group of all hosts, led by the first, at rest.
func standing(n, founders int) *World {
	w := New(n, founders)
	most := founders/2 + 1
	for i := range w.hosts {
		if i == most {
			w.settle(func() bool { return w.agreed(most) })
		}
		w.happen(search.Boot, i)
	}
	w.settle(func() bool { return w.agreed(n) })
	w.frames, w.letters = nil, nil
	return w
}

// removing has the leader propose the view without the last host, which is off.
func removing(n int) *World {
	w := standing(n, 1)
	w.happen(search.Crash, n-1)
	w.settle(func() bool { return w.hosts[0].reg.Accepted.Seq > w.hosts[0].reg.Committed.Seq })
	return w
}

// joining has the leader of two propose the view with a third in it.
func joining() *World {
	w := New(3, 1)
	w.happen(search.Boot, 0)
	w.happen(search.Boot, 1)
	w.settle(func() bool { return w.agreed(2) })
	w.happen(search.Boot, 2)
	w.settle(func() bool { return w.hosts[0].reg.Accepted.New.Has(2) })
	return w
}

// candidate has the second stand, who takes the leader for dead.
func candidate() *World {
	w := standing(3, 1)
	w.prompt = true
	w.happen(search.Sleep, 1)
	w.hosts[2].clock = w.hosts[2].clock.Add(nap)
	return w
}

// contested has the leader propose the view without the third, while the others, who take it for
// dead, both stand.
func contested() *World {
	w := standing(3, 1)
	w.happen(search.Leave, 2)
	w.settle(func() bool { return len(w.letters) == 0 })
	w.prompt = true
	w.happen(search.Tick, 0)
	w.happen(search.Sleep, 1)
	w.happen(search.Sleep, 2)
	w.letters = nil
	return w
}

// replaced has the second lead alone, and let the third in again as another incarnation, while
// the first, who heard nothing of it, takes itself for the leader of all three.
func replaced() *World {
	w := standing(3, 1)
	second, third := w.hosts[1], w.hosts[2]
	is := func(members ...uint16) func() bool {
		return func() bool {
			return second.reg.Committed.Members == control.Of(members...) && second.last.epoch == second.reg.Committed.Seq
		}
	}
	w.settle(is(1, 2), 0)
	w.happen(search.Leave, 2)
	w.settle(is(1), 0)
	w.settle(func() bool { return third.reg.State == control.RegisterVacant }, 0)
	w.happen(search.Back, 2)
	w.settle(func() bool { return third.reg.State == control.RegisterJoining }, 0)
	return w
}

// handover has the leader leave and ask the second to stand, while the third, who takes it for dead,
// stands by itself.
func handover() *World {
	w := standing(3, 1)
	w.prompt = true
	w.happen(search.Sleep, 2)
	w.happen(search.Leave, 0)
	w.happen(search.Tick, 0)
	w.settle(func() bool {
		return slices.ContainsFunc(w.frames, func(p packet) bool { return p.frame.Kind == control.KindHandOver })
	}, 1, 2)
	return w
}

// founding has two of three founders propose the first instance, when the third boots.
func founding() *World {
	w := New(3, 3)
	w.happen(search.Boot, 0)
	w.happen(search.Boot, 1)
	w.settle(w.proposed)
	w.happen(search.Boot, 2)
	return w
}

// rivals has the second and the third stand, who take the leader for dead, and promise others
// who would follow either.
func rivals(n int) *World {
	w := standing(n, 1)
	w.prompt = true
	w.happen(search.Sleep, 1)
	w.happen(search.Sleep, 2)
	for _, h := range w.hosts[3:] {
		h.clock = h.clock.Add(nap)
	}
	return w
}

// crossing has the leader of three propose the view without the third while a fourth asks to be
// let in.
func crossing() *World {
	w := New(4, 1)
	for i := range 3 {
		w.happen(search.Boot, i)
		w.settle(func() bool { return w.agreed(i + 1) })
	}
	w.happen(search.Boot, 3)
	w.settle(func() bool { return w.hosts[3].reg.State == control.RegisterJoining })
	w.happen(search.Leave, 2)
	w.settle(func() bool {
		a := &w.hosts[0].reg.Accepted
		return a.Seq > w.hosts[0].reg.Committed.Seq && !a.New.Has(2)
	})
	return w
}

// forgotten has three founders boot without registers, of five members, and hear nothing of the others until one
// proposes another instance.
func forgotten() *World {
	w := standing(5, 3)
	for i := range 3 {
		w.happen(search.Crash, i)
	}
	for i := range 3 {
		w.happen(search.Boot, i)
	}
	w.settle(w.proposed, 3, 4)
	return w
}

// proposed reports whether a founder's proposal is on its way.
func (w *World) proposed() bool {
	return slices.ContainsFunc(w.letters, func(l letter) bool { return l.message.Kind == control.MessagePropose })
}

// settle lets time pass as it does where all is well, until the condition holds. Hosts that
// are away take no part.
func (w *World) settle(holds func() bool, away ...int) {
	for range 10000 {
		switch {
		case holds(), w.Violation() != nil: // whoever explores from here will see
			return
		case len(w.letters) > 0:
			if l := w.letters[0]; slices.Contains(away, l.to) {
				w.letters = w.letters[1:]
			} else {
				w.Do(search.Event{Kind: search.Read}, false)
			}
		case len(w.frames) > 0:
			if p := w.frames[0]; slices.Contains(away, p.to) || slices.Contains(away, p.from) {
				w.frames = w.frames[1:]
			} else {
				w.Do(search.Event{Kind: search.Deliver}, false)
			}
		default:
			w.idle(away)
		}
	}
	panic("the world does not settle")
}

// idle has the agents look that were woken, or else sets all clocks on to the next deadline or beat.
func (w *World) idle(away []int) {
	woken := false
	least := time.Hour
	for i := range w.hosts {
		h := w.hosts[i]
		if h.node == nil || slices.Contains(away, i) {
			continue
		}
		if h.wakes != 0 {
			w.happen(search.Look, i)
			woken = true
		}
		least = min(least, h.node.Deadline().Since(h.clock))
		if due := h.due(); due != control.MaxTime {
			least = min(least, due.Since(h.clock))
		}
	}
	if woken {
		return
	}
	for i, h := range w.hosts {
		if slices.Contains(away, i) {
			continue
		}
		h.clock = h.clock.Add(max(least, time.Microsecond))
		if h.node != nil && !h.clock.Before(h.node.Deadline()) {
			w.happen(search.Look, i)
		}
		if !w.hosts[i].clock.Before(w.hosts[i].due()) {
			w.beat(w.own(i))
		}
	}
}

// agreed reports whether the first n hosts hold one decided view of themselves.
func (w *World) agreed(n int) bool {
	for i := range n {
		r := &w.hosts[i].reg
		if r.State != control.RegisterMember || r.Committed.Members.Len() != n || r.Committed.Seq != w.hosts[0].reg.Committed.Seq || w.hosts[i].last.epoch != r.Committed.Seq {
			return false
		}
	}
	return true
}
