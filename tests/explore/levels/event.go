package levels

import (
	"fmt"
	"slices"

	"rollcall/control"
	"rollcall/tests/explore/search"
)

// What happens in walks only, beside what a search knows.
const (
	pass  = search.Kinds + iota // time passes at all hosts: a quarter of an interval
	cut                         // a host is cut off from all others
	heal                        // and reached again
	kinds                       // how many there are
)

// Events lists what may happen now.
func (w *World) Events(to []search.Event) []search.Event {
	to = to[:0]
	for i, p := range w.parcels {
		if h := w.hosts[p.to]; !h.cut && h.Takes(p) {
			to = append(to, search.Event{Kind: p.Kind(), At: i})
		}
	}
	for i, h := range w.hosts {
		for _, k := range h.May() {
			// Who says goodbye has given its lease up, whatever its clock still says.
			alone := k == search.Tick || k == search.Beat || k == search.Sleep || k == search.Leave
			if !alone || !w.abreast {
				to = append(to, search.Event{Kind: k, At: i})
			}
		}
		if h.cut {
			to = append(to, search.Event{Kind: heal, At: i})
		} else {
			to = append(to, search.Event{Kind: cut, At: i})
		}
	}
	if w.abreast {
		to = append(to, search.Event{Kind: pass})
	}
	return to
}

// May lists what may happen to a host by itself.
func (h *host) May() []search.Kind {
	if !h.up {
		return []search.Kind{search.Boot}
	}
	l := []search.Kind{search.Sleep, search.Crash, search.Restart}
	if h.due() {
		l = append(l, search.Look)
	}
	if h.asks() {
		l = append(l, search.Tick)
	}
	if h.beats() != control.MaxTime {
		l = append(l, search.Beat)
	}
	switch h.regs[0].State {
	case control.RegisterMember:
		l = append(l, search.Leave)
	case control.RegisterVacant:
		l = append(l, search.Back)
	}
	return l
}

// asks reports whether the host leads or wants to, at any level.
func (h *host) asks() bool {
	for level := range uint8(branches) {
		r := &h.regs[control.SeatAt(level)]
		if r.State != control.RegisterVacant && r.Promised != 0 && r.Promised.Slot() == r.Slot {
			return true
		}
	}
	return false
}

// Do lets an event happen; with keep, what is delivered or read stays on its way.
func (w *World) Do(e search.Event, keep bool) {
	if w.trace != nil {
		w.trace(w.describe(e))
	}
	if e.Kind == search.Deliver || e.Kind == search.Read {
		p := w.parcels[e.At]
		if !keep {
			w.parcels = append(w.parcels[:e.At], w.parcels[e.At+1:]...)
		}
		h := w.own(p.to)
		switch {
		case !h.Takes(p):
		case p.frame != nil:
			w.receive(h, p)
		default:
			m := *p.letter
			w.step(h, control.HostInput{Message: &m})
		}
		w.attend(p.to)
	} else {
		w.happen(e.Kind, e.At)
		w.attend(e.At)
	}
	if w.abreast {
		w.fence()
	}
}

// looksMost is how often a prompt agent looks at most before something else happens.
const looksMost = 5

// attend has a prompt agent look at what it was woken for.
func (w *World) attend(i int) {
	for n := 0; n < looksMost && w.prompt && w.hosts[i].due() && w.Violation() == nil; n++ {
		w.step(w.own(i), control.HostInput{})
	}
}

// happen is what may happen to a host, or with pass to all.
func (w *World) happen(k search.Kind, i int) {
	if k == pass {
		for i := range w.hosts {
			h := w.own(i)
			h.clock = h.clock.Add(interval / 4)
			if !h.clock.Before(h.beats()) {
				w.beatAll(h)
			}
		}
		return
	}
	h := w.own(i)
	switch k {
	case search.Look:
		w.step(h, control.HostInput{})
	case search.Tick:
		h.clock = h.clock.Add(interval)
		w.step(h, control.HostInput{})
		w.beatAll(h)
	case search.Beat:
		h.clock = h.clock.Add(interval)
		w.beatAll(h)
	case search.Sleep:
		h.clock = h.clock.Add(nap)
		w.step(h, control.HostInput{})
		w.beatAll(h)
	case search.Leave:
		w.step(h, control.HostInput{Order: control.OrderLeave})
	case search.Back:
		w.step(h, control.HostInput{Order: control.OrderJoin})
	case search.Crash:
		w.crash(h)
	case search.Boot:
		w.boot(h)
	case search.Restart:
		h.shown.number = min(h.shown.number, h.known())
		w.forget(h)
		w.start(h)
	case cut, heal:
		h.cut = k == cut
	}
}

// beatAll has the beats leave that are due, the highest level's first, since those below hand down
// what it says.
func (w *World) beatAll(h *host) {
	for level := top; level >= 0; level-- {
		w.beat(h, uint8(level))
	}
}

// Lose takes from the network what was sent first, of frames and of letters more than so many.
func (w *World) Lose(most int) {
	frames, letters := 0, 0
	for i := len(w.parcels) - 1; i >= 0; i-- {
		n := &letters
		if w.parcels[i].frame != nil {
			n = &frames
		}
		if *n++; *n > most {
			w.parcels = slices.Delete(w.parcels, i, i+1)
		}
	}
}

func (w *World) describe(e search.Event) string {
	switch e.Kind {
	case search.Deliver:
		p := &w.parcels[e.At]
		f := p.frame
		return fmt.Sprintf("deliver kind %d level %d of %v round %d (seq %d, committed %d) from n%d to n%d", f.Kind, f.Level, f.Ballot, f.Round,
			max(f.Ask.Seq, f.Reply.Accepted.Seq), max(f.Ask.Committed, f.Reply.Committed), p.from, p.to)
	case search.Read:
		p := &w.parcels[e.At]
		return fmt.Sprintf("read %s of level %d, group %d, from n%d at n%d", p.letter.Kind, p.letter.Level, p.letter.Group, p.from, p.to)
	case pass:
		return "time passes"
	case cut:
		return fmt.Sprintf("cut off n%d", e.At)
	case heal:
		return fmt.Sprintf("heal n%d", e.At)
	}
	return fmt.Sprintf("%s n%d", e.Kind, e.At)
}
