package sim

import "rollcall/control"

// routes tell which host is in each slot.
type routes [control.Slots]*host

// pace puts the next beat into the queue. Where the kernel keeps the time, it leaves whatever the
// agent does; a thread of the agent is starved, stopped and killed with it, and does nothing
// while it carries out what a step decided.
func (h *host) pace() {
	h.pacing++
	due := h.tally.Due()
	if due == control.MaxTime || !h.keepsTime() {
		return
	}
	at := max(h.clock.when(due), h.w.now)
	if !h.w.Kernel {
		at = max(at, h.agent.stall)
	}
	at += Instant(h.w.upto(h.w.Tick))
	h.w.queue.push(event{at: at, kind: eventBeat, host: uint16(h.id), arg: h.pacing})
}

// keepsTime reports whether there is anybody now who keeps the time, if not starved.
func (h *host) keepsTime() bool {
	return h.up && (h.w.Kernel || h.agent.state == agentRunning && !h.agent.busy)
}

// beatDue sends the beat whose time has come.
func (h *host) beatDue(token uint32) {
	switch {
	case token != h.pacing || !h.keepsTime():
	case !h.w.Kernel && h.agent.stall > h.w.now:
		h.pace()
	case h.w.Kernel:
		h.beat(&h.peers)
	default:
		h.beat(&h.agent.routes)
	}
}

// askAgain sends a beat that has just left once more to those in doubt.
func (h *host) askAgain(f control.Frame, by *routes) {
	if h.w.Unaided {
		return
	}
	for _, again := range h.tally.Retries(f) {
		if other := by[again.Hop()]; other != nil {
			h.w.net.send(h, other, again)
		}
	}
}

// beat sends the beat that is due or ordered, if one is.
func (h *host) beat(by *routes) {
	now, before, asked := h.now(), h.mark(), h.tally.Asking
	f, to, wake, sent := h.tally.Beat(now, &h.reg, nil)
	if sent {
		h.led.sent(&f, to, &h.reg, now, asked.Interval())
		if f.Flags&control.FlagAway != 0 {
			h.accuse(&f)
		}
		h.changed(before)
		h.watch()
		to.Clear(h.reg.Slot)
		h.send(f, to, by)
		h.askAgain(f, by)
	} else if asked.Beating != h.tally.Beating {
		h.w.tell(h.id, "silent", "beats end after round %d", asked.Round)
	}
	h.wake(wake)
	h.pace()
}
