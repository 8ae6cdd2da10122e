package explore

import (
	"fmt"

	"rollcall/control"
	"rollcall/tests/explore/search"
)

// Events lists what may happen now.
func (w *World) Events(to []search.Event) []search.Event {
	to = to[:0]
	for i := range w.frames {
		if w.hosts[w.frames[i].to].serves() {
			to = append(to, search.Event{Kind: search.Deliver, At: i})
		}
	}
	for i := range w.letters {
		if w.hosts[w.letters[i].to].node != nil {
			to = append(to, search.Event{Kind: search.Read, At: i})
		}
	}
	for i, h := range w.hosts {
		for _, k := range h.May() {
			to = append(to, search.Event{Kind: k, At: i})
		}
	}
	return to
}

// serves reports whether the host's kernel takes frames.
func (h *host) serves() bool { return h.up && h.reg.State != control.RegisterVacant }

// May lists what may happen to a host by itself.
func (h *host) May() []search.Kind {
	if !h.up {
		return []search.Kind{search.Boot}
	}
	l := []search.Kind{search.Sleep, search.Crash, search.Restart}
	if h.wakes != 0 {
		l = append(l, search.Look)
	}
	if h.asks() {
		l = append(l, search.Tick)
	}
	if h.asking.Beating != 0 {
		l = append(l, search.Beat)
	}
	switch h.reg.State {
	case control.RegisterMember:
		l = append(l, search.Leave)
	case control.RegisterVacant:
		l = append(l, search.Back)
	}
	return l
}

// asks reports whether the host leads or wants to, as far as its register knows.
func (h *host) asks() bool {
	return h.reg.State != control.RegisterVacant && h.reg.Promised != 0 && h.reg.Promised.Slot() == h.reg.Slot
}

// Do lets an event happen; with keep, what is delivered or read stays on its way.
func (w *World) Do(e search.Event, keep bool) {
	w.keep = keep
	if w.trace != nil {
		w.trace(w.describe(e))
	}
	switch e.Kind {
	case search.Deliver:
		p := w.frames[e.At]
		if !w.keep {
			w.frames = append(w.frames[:e.At], w.frames[e.At+1:]...)
		}
		w.receive(p)
		w.attend(p.to)
	case search.Read:
		l := w.letters[e.At]
		if !w.keep {
			w.letters = append(w.letters[:e.At], w.letters[e.At+1:]...)
		}
		if w.hosts[l.to].node != nil {
			m := *l.message
			w.step(w.own(l.to), control.Input{Message: &m})
		}
		w.attend(l.to)
	default:
		w.happen(e.Kind, e.At)
		w.attend(e.At)
	}
}

// attend has a prompt agent look at what it was woken for.
func (w *World) attend(i int) {
	for w.prompt && w.hosts[i].node != nil && w.hosts[i].wakes != 0 && w.Violation() == nil {
		w.step(w.own(i), control.Input{})
	}
}

// happen is what may happen to a host.
func (w *World) happen(k search.Kind, i int) {
	h := w.own(i)
	switch k {
	case search.Look:
		w.step(h, control.Input{})
	case search.Tick:
		h.clock = h.clock.Add(interval)
		w.step(h, control.Input{})
		w.beat(h)
	case search.Beat:
		h.clock = h.clock.Add(interval)
		w.beat(h)
	case search.Sleep:
		h.clock = h.clock.Add(nap)
		w.step(h, control.Input{})
		w.beat(h)
	case search.Leave:
		w.step(h, control.Input{Order: control.OrderLeave})
	case search.Back:
		w.step(h, control.Input{Order: control.OrderJoin})
	case search.Crash:
		w.crash(h)
	case search.Boot:
		w.boot(h)
	case search.Restart:
		if h.reg.State == control.RegisterVacant && h.id >= len(w.founders) {
			w.see(sighting{what: forgot, host: i}) // it has no disk either
		}
		w.start(h)
	}
}

func (w *World) describe(e search.Event) string {
	switch e.Kind {
	case search.Deliver:
		p := &w.frames[e.At]
		f := p.frame
		return fmt.Sprintf("deliver kind %d of %v round %d (seq %d, committed %d) from n%d to n%d", f.Kind, f.Ballot, f.Round,
			max(f.Ask.Seq, f.Reply.Accepted.Seq), max(f.Ask.Committed, f.Reply.Committed), p.from, p.to)
	case search.Read:
		l := &w.letters[e.At]
		return fmt.Sprintf("read %s from %s at n%d", l.message.Kind, l.message.From.Name, l.to)
	}
	return fmt.Sprintf("%s n%d", e.Kind, e.At)
}
