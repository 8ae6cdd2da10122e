package sim

import "rollcall/control"

// fault is something that goes wrong, or right again.
type fault uint8

const (
	faultCrash   fault = iota // power cut
	faultBoot                 // power back
	faultStop                 // SIGSTOP
	faultCont                 // SIGCONT
	faultKill                 // agent dies
	faultStart                // agent comes back
	faultStall                // agent gets no CPU for a while
	faultOneWay               // one direction between two hosts cut
	faultIsolate              // a host cut off
	faultSplit                // two sides
	faultFlip                 // a link that works and does not, in turns
	faultClog                 // a link that holds everything up for a while
	faultSwizzle              // some hosts clogged one by one, freed in another order
	faultHeal                 // all links work
	faultLeave                // an operator takes a node out
	faultJoin                 // and lets it come back
	faults                    // how many there are
)

var faultNames = [faults]string{
	"crash", "boot", "stop", "cont", "kill", "start", "stall", "oneway", "isolate", "split", "flip", "clog", "swizzle", "heal", "leave", "join",
}

// String gives the fault's name as traces show it.
func (f fault) String() string { return faultNames[f] }

// misfortune schedules the next random fault, unless the faults have ended.
func (w *World) misfortune(until Instant) {
	d := w.upto(2 * w.FaultEvery)
	if w.now+Instant(d) >= until {
		return
	}
	w.after(d, func() {
		w.inflict(w.drawFault())
		w.misfortune(until)
	})
}

func (w *World) drawFault() fault {
	sum := 0.0
	for _, weight := range w.Faults {
		sum += weight
	}
	x := w.rng.Float64() * sum
	for f, weight := range w.Faults {
		if x -= weight; x < 0 {
			return fault(f)
		}
	}
	return faultHeal
}

// inflict does one fault to random victims.
func (w *World) inflict(f fault) {
	n := len(w.hosts)
	a, b := w.rng.IntN(n), w.rng.IntN(n)
	h := w.hosts[a]
	w.tell(a, "fault", "%s", f)
	switch f {
	case faultCrash:
		if w.mayCrash(h) {
			h.powerOff()
		}
	case faultBoot:
		for _, h := range w.hosts {
			if !h.up {
				h.powerOn()
				break
			}
		}
	case faultStop:
		h.stopAgent()
	case faultCont:
		for _, h := range w.hosts {
			h.contAgent()
		}
	case faultKill:
		h.killAgent()
	case faultStart:
		for _, h := range w.hosts {
			h.startAgent()
		}
	case faultStall:
		h.starve(w.upto(40 * w.Interval))
	case faultOneWay:
		if a != b {
			w.cut(a, b, true)
		}
	case faultIsolate:
		w.isolate(a, true)
	case faultSplit:
		w.split()
	case faultFlip:
		if a != b {
			w.net.link(a, b).flip = Instant(w.upto(10 * w.Interval))
		}
	case faultClog:
		if a != b {
			w.clog(a, b, w.upto(8*w.Interval))
		}
	case faultSwizzle:
		w.swizzle()
	case faultHeal:
		w.net.heal()
	case faultLeave:
		h.command(control.OrderLeave, 0)
	case faultJoin:
		for _, h := range w.hosts {
			if h.leaves {
				h.command(control.OrderJoin, 0)
			}
		}
	}
}

// mayCrash keeps most runs from losing their quorum for good: a register is memory, and
// what a majority forgot nobody can decide. One run in four may lose it.
func (w *World) mayCrash(h *host) bool {
	c := w.ledger.head
	if c == nil || w.Seed%4 == 0 {
		return true
	}
	return w.quorumWithout(c, h)
}

// split cuts the hosts into two sides.
func (w *World) split() {
	side := make([]bool, len(w.hosts))
	for i := range side {
		side[i] = w.rng.IntN(2) == 0
	}
	for i := range side {
		for j := range side {
			w.cut(i, j, side[i] != side[j])
		}
	}
}

// unlessOver does what belongs to the safety phase, if that still lasts.
func (w *World) unlessOver(f func()) {
	if !w.over {
		f()
	}
}

// swizzle cuts some hosts off one after the other and lets them back in another order.
func (w *World) swizzle() {
	var victims []int
	for i := range w.hosts {
		if w.rng.IntN(2) == 0 {
			victims = append(victims, i)
		}
	}
	for _, id := range victims {
		w.after(w.upto(10*w.Interval), func() { w.unlessOver(func() { w.isolate(id, true) }) })
		w.after(10*w.Interval+w.upto(10*w.Interval), func() { w.unlessOver(func() { w.isolate(id, false) }) })
	}
}
