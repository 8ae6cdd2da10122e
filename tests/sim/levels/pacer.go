package levels

import "rollcall/control"

// pace schedules the next beat of a level. A thread of the agent keeps the time, or the kernel.
func (h *host) pace(level uint8) {
	h.pacing[level]++
	pacing, due := h.pacing[level], h.tallies[level].Due()
	if due == control.MaxTime || !h.paces() {
		return
	}
	h.w.after(h.until(due), func() {
		if pacing == h.pacing[level] && h.paces() {
			h.beat(level)
		}
	})
}

// paces reports whether whoever keeps the time does.
func (h *host) paces() bool { return h.up && (h.w.Kernel || h.agent != nil && !h.stopped) }

// beat sends the beat of a level that is due or ordered, if one is.
func (h *host) beat(level uint8) {
	p := control.SeatAt(level)
	r := &h.regs[p]
	var upper *control.Register
	if level+1 < control.Levels {
		upper = &h.regs[control.PlaceOf(level+1, 0)]
	}
	was := h.mark(p)
	f, to, wake, sent := h.tallies[level].Beat(h.clock(), r, upper)
	if sent {
		h.served(p, was)
		to.Clear(r.Slot) // it has voted
		h.ask(&control.Outgoing{Place: p, To: to, Frame: f})
		h.askAgain(level, f)
	}
	h.wake(p, wake)
	h.pace(level)
}

// askAgain sends a beat that has just left once more to those in doubt.
func (h *host) askAgain(level uint8, beat control.Frame) {
	if h.w.Unaided {
		return
	}
	for _, again := range h.tallies[level].Retries(beat) {
		h.sendTo(again.Hop(), again)
	}
}
