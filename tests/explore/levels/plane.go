package levels

import (
	"fmt"
	"slices"

	"rollcall/control"
)

// index is where a host keeps a slot.
func index(slot uint16) int {
	i, found := slices.BinarySearch(slots[:], slot)
	if !found {
		panic(fmt.Sprintf("explore: nobody should have slot %d", slot))
	}
	return i
}

// tally lays the few slots out as an agent and a kernel expect them.
func (h *host) tally(level uint8, t *control.Tally) *control.Tally {
	kept := &h.tallies[level]
	t.Asking = kept.asking
	for i, s := range slots {
		t.Heard[s], t.Members[s] = kept.heard[i], kept.members[i]
	}
	return t
}

func (h *host) took(level uint8, t *control.Tally) {
	kept := &h.tallies[level]
	kept.asking = t.Asking
	for i, s := range slots {
		kept.heard[i], kept.members[i] = t.Heard[s], t.Members[s]
	}
}

// route tells the kernel who has the slots of a level.
func (h *host) route(level uint8, r *control.Roster) {
	t := &h.tallies[level]
	for i := range t.routes {
		t.routes[i], t.members[i].Expected = -1, 0
	}
	for i := range r.Seats {
		s := &r.Seats[i]
		t.routes[index(s.Slot)], t.members[index(s.Slot)].Expected = int8(number(s.Name)), s.Incarnation
	}
}

// beat has the next beat of a level leave, if one is due or ordered.
func (w *World) beat(h *host, level uint8) {
	if h.tallies[level].asking.Beating == 0 {
		return
	}
	p := control.SeatAt(level)
	var upper *control.Register
	if level < top {
		upper = &h.regs[control.PlaceOf(level+1, 0)]
	}
	t, was := h.tally(level, &w.scratch[2]), h.regs[p]
	f, to, wake, sent := t.Beat(h.clock, &h.regs[p], upper)
	h.took(level, t)
	h.wakes[p] |= wake
	if sent {
		w.changed(h, p, &was)
		to.Clear(h.regs[p].Slot) // it has voted
		w.ask(h, &control.Outgoing{Place: p, To: to, Frame: f})
	}
}

// ask delivers an ask to the host's own registers and puts it on its way to others.
func (w *World) ask(h *host, o *control.Outgoing) {
	level := o.Place.Level()
	var regs [control.Places]control.Register
	copy(regs[:], h.regs[:])
	t := h.tally(level, &w.scratch[3])
	own, to := o.Own(&regs, t)
	for _, p := range own {
		f, was := o.Frame, h.regs[p]
		f.To = h.regs[p].Slot
		out := control.Deliver(h.clock, &h.regs[p], t, f)
		h.took(level, t)
		h.wakes[p] |= out.Wake
		w.changed(h, p, &was)
	}
	for s := to.First(); s < control.Slots; s = to.Next(s + 1) {
		if at := h.tallies[level].routes[index(s)]; at >= 0 {
			f := o.Frame
			f.To = f.For(s)
			w.send(h, int(at), f)
		}
	}
}

func (w *World) send(h *host, to int, f control.Frame) {
	if h.cut || w.prompt && f.Kind == control.KindProbe {
		return
	}
	w.parcels = append(w.parcels, parcel{from: h.id, to: to, frame: &f})
}

func (w *World) post(h *host, l *control.Letter) {
	m := l.Message
	if err := m.Validate(); err != nil {
		w.see(broken(h, "contract", "n%d sends a bad message: %v", h.id, err))
	}
	if !h.cut {
		w.parcels = append(w.parcels, parcel{from: h.id, to: number(l.To), letter: &m})
	}
}

// receive is what the kernel of a host does with a frame.
func (w *World) receive(h *host, x parcel) {
	f := *x.frame
	p := control.PlaceOf(f.Level, f.To)
	r := &h.regs[p]
	switch f.Kind {
	case control.KindEcho, control.KindPromise, control.KindAnswer:
		if r.State == control.RegisterVacant || f.Instance != r.Instance || f.Group != r.Group || f.To != r.Slot {
			return
		}
		t := h.tally(f.Level, &w.scratch[2])
		o := t.Receive(h.clock, &f)
		h.took(f.Level, t)
		h.wakes[p] |= o.Wake
	default:
		was := *r
		o := r.Receive(h.clock, &f)
		h.wakes[p] |= o.Wake
		w.changed(h, p, &was)
		if o.Reply {
			w.send(h, x.from, f)
		}
	}
}

// due reports whether the agent has a reason to look.
func (h *host) due() bool {
	return h.agent != nil && (h.wakes != [control.Places]control.Wake{} || !h.clock.Before(h.agent.Deadline()))
}

// beats is when the next beat of the host should leave.
func (h *host) beats() control.Time {
	at := control.MaxTime
	for level := range h.tallies {
		t := control.Tally{Asking: h.tallies[level].asking}
		at = min(at, t.Due())
	}
	return at
}
