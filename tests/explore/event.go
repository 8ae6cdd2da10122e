package explore

import (
	"fmt"

	"rollcall/control"
)

// kind names an event.
type kind uint8

const (
	deliver kind = iota // a frame reaches the kernel it is for
	read                // a letter reaches an agent
	look                // an agent that was woken looks
	tick                // an interval passes at a host, its agent looks, and its beat leaves
	beat                // an interval passes at a host, and its beat leaves
	sleep               // a long while passes at a host, and its agent looks
	leave               // an operator takes a node out
	back                // and lets it come back
	crash               // a host loses its power
	boot                // and has it back
	restart             // an agent is killed and started
	again               // what is delivered or read stays on its way: a limit, not an event
	kinds               // how many there are
)

var kindNames = [kinds]string{"deliver", "read", "look", "tick", "beat", "sleep", "leave", "back", "crash", "boot", "restart", "again"}

// String gives the kind as stories show it.
func (k kind) String() string { return kindNames[k] }

// Event is one thing that may happen: to a frame, a letter or a host.
type Event struct {
	kind kind
	at   int // index of the frame, the letter or the host
}

// events lists what may happen now.
func (w *World) events(to []Event) []Event {
	to = to[:0]
	for i := range w.frames {
		if w.hosts[w.frames[i].to].serves() {
			to = append(to, Event{deliver, i})
		}
	}
	for i := range w.letters {
		if w.hosts[w.letters[i].to].node != nil {
			to = append(to, Event{read, i})
		}
	}
	for i, h := range w.hosts {
		for _, k := range h.may() {
			to = append(to, Event{k, i})
		}
	}
	return to
}

// serves reports whether the host's kernel takes frames.
func (h *host) serves() bool { return h.up && h.reg.State != control.RegisterVacant }

// may lists what may happen to a host by itself.
func (h *host) may() []kind {
	if !h.up {
		return []kind{boot}
	}
	l := []kind{sleep, crash, restart}
	if h.wakes != 0 {
		l = append(l, look)
	}
	if h.asks() {
		l = append(l, tick)
	}
	if h.asking.Beating != 0 {
		l = append(l, beat)
	}
	switch h.reg.State {
	case control.RegisterMember:
		l = append(l, leave)
	case control.RegisterVacant:
		l = append(l, back)
	}
	return l
}

// asks reports whether the host leads or wants to, as far as its register knows.
func (h *host) asks() bool {
	return h.reg.State != control.RegisterVacant && h.reg.Promised != 0 && h.reg.Promised.Slot() == h.reg.Slot
}

// do lets an event happen.
func (w *World) do(e Event) {
	if w.trace != nil {
		w.trace(w.describe(e))
	}
	switch e.kind {
	case deliver:
		p := w.frames[e.at]
		if !w.keep {
			w.frames = append(w.frames[:e.at], w.frames[e.at+1:]...)
		}
		w.receive(p)
		w.attend(p.to)
	case read:
		l := w.letters[e.at]
		if !w.keep {
			w.letters = append(w.letters[:e.at], w.letters[e.at+1:]...)
		}
		if w.hosts[l.to].node != nil {
			m := *l.message
			w.step(w.own(l.to), control.Input{Message: &m})
		}
		w.attend(l.to)
	default:
		w.happen(e.kind, e.at)
		w.attend(e.at)
	}
}

// attend has a prompt agent look at what it was woken for.
func (w *World) attend(i int) {
	for w.prompt && w.hosts[i].node != nil && w.hosts[i].wakes != 0 && w.Violation() == nil {
		w.step(w.own(i), control.Input{})
	}
}

// happen is what may happen to a host.
func (w *World) happen(k kind, i int) {
	h := w.own(i)
	switch k {
	case look:
		w.step(h, control.Input{})
	case tick:
		h.clock = h.clock.Add(interval)
		w.step(h, control.Input{})
		w.beat(h)
	case beat:
		h.clock = h.clock.Add(interval)
		w.beat(h)
	case sleep:
		h.clock = h.clock.Add(nap)
		w.step(h, control.Input{})
		w.beat(h)
	case leave:
		w.step(h, control.Input{Order: control.OrderLeave})
	case back:
		w.step(h, control.Input{Order: control.OrderJoin})
	case crash:
		w.crash(h)
	case boot:
		w.boot(h)
	case restart:
		if h.reg.State == control.RegisterVacant && h.id >= len(w.founders) {
			w.see(sighting{what: forgot, host: i}) // it has no disk either
		}
		w.start(h)
	}
}

func (w *World) describe(e Event) string {
	switch e.kind {
	case deliver:
		p := &w.frames[e.at]
		f := p.frame
		return fmt.Sprintf("deliver kind %d of %v round %d (seq %d, committed %d) from n%d to n%d", f.Kind, f.Ballot, f.Round,
			max(f.Ask.Seq, f.Reply.Accepted.Seq), max(f.Ask.Committed, f.Reply.Committed), p.from, p.to)
	case read:
		l := &w.letters[e.at]
		return fmt.Sprintf("read %s from %s at n%d", l.message.Kind, l.message.From.Name, l.to)
	}
	return fmt.Sprintf("%s n%d", e.kind, e.at)
}
