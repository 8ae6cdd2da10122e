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
	tick                // an interval passes at a host, and its agent looks
	sleep               // a long while passes at a host, and its agent looks
	leave               // an operator takes a node out
	back                // and lets it come back
	crash               // a host loses its power
	boot                // and has it back
	restart             // an agent is killed and started
	kinds               // how many there are
)

var kindNames = [kinds]string{"deliver", "read", "look", "tick", "sleep", "leave", "back", "crash", "boot", "restart"}

// Event is one thing that may happen: to a frame, a letter or a host.
type Event struct {
	kind kind
	at   int // index of the frame, the letter or the host
}

// Limits say how often each kind of event may happen in one run.
type Limits [kinds]uint8

// always, as a limit, is none.
const always = 255

// events lists what may happen now, within the limits.
func (w *World) events(to []Event) []Event {
	to = to[:0]
	add := func(k kind, at int) {
		if w.left[k] > 0 {
			to = append(to, Event{k, at})
		}
	}
	for i := range w.frames {
		if h := w.hosts[w.frames[i].to]; h.up && h.reg.State != control.RegisterVacant {
			add(deliver, i)
		}
	}
	for i := range w.letters {
		if w.hosts[w.letters[i].to].node != nil {
			add(read, i)
		}
	}
	for i := range w.hosts {
		h := w.hosts[i]
		if !h.up {
			add(boot, i)
			continue
		}
		if h.wakes != 0 {
			add(look, i)
		}
		if h.asks() {
			add(tick, i)
		}
		add(sleep, i)
		if h.reg.State == control.RegisterMember {
			add(leave, i)
		}
		if h.reg.State == control.RegisterVacant {
			add(back, i)
		}
		add(crash, i)
		add(restart, i)
	}
	return to
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
	if w.left[e.kind] != always {
		w.left[e.kind]--
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
	case sleep:
		h.clock = h.clock.Add(nap)
		w.step(h, control.Input{})
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
			w.ledger.forgot |= 1 << h.id // it has no disk either
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
	return fmt.Sprintf("%s n%d", kindNames[e.kind], e.at)
}
