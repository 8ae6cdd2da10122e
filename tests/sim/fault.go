package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"rollcall/control"
)

// Fault is something that goes wrong, or right again.
type Fault uint8

const (
	faultCrash   Fault = iota // power cut
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
	faultClog                 // a link that holds everything up for a while, and lets it go at once
	faultLossy                // a link that loses most, one way
	faultSwizzle              // some hosts clogged one by one, freed in another order
	faultHeal                 // all links work
	faultLeave                // an operator takes a node out
	faultJoin                 // and lets it come back
	faults                    // how many there are
)

var faultNames = [faults]string{
	"crash", "boot", "stop", "cont", "kill", "start", "stall", "oneway", "isolate", "split", "flip", "clog", "lossy", "swizzle", "heal", "leave", "join",
}

// String gives the fault's name as traces show it.
func (f Fault) String() string { return faultNames[f] }

// MarshalText and UnmarshalText write the fault's name into a stored run.
func (f Fault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads the name of a fault.
func (f *Fault) UnmarshalText(name []byte) error {
	for i := range faultNames {
		if faultNames[i] == string(name) {
			*f = Fault(i)
			return nil
		}
	}
	return fmt.Errorf("read fault: no fault is called %q", name)
}

// Mishap is a fault and all that chance has to do with it, so that one can be left out of a run
// without another becoming a different one.
type Mishap struct {
	At    time.Duration // since the safety phase began
	Fault Fault
	A, B  int     // hosts: the victim, and the other end of the link
	For   float64 // of the longest time, or of the most
	Which uint64  `json:",omitempty"` // a bit a host: the side of a split, or the victims
}

// String gives the mishap as traces show it.
func (m Mishap) String() string { return fmt.Sprintf("%v %s n%02d n%02d", m.At, m.Fault, m.A, m.B) }

// drawPlan draws what goes wrong in the safety phase.
func (o *Options) drawPlan() []Mishap {
	r := rand.New(rand.NewPCG(o.Seed, 0x6661756c7473))
	plan := []Mishap{}
	at := time.Duration(0)
	for {
		at += 1 + time.Duration(r.Int64N(max(2*int64(o.FaultEvery), 1)))
		if at >= time.Duration(o.Safety)*o.Interval {
			return plan
		}
		m := Mishap{At: at, Fault: o.drawFault(r), A: r.IntN(o.Hosts), B: r.IntN(o.Hosts), For: r.Float64()}
		if m.Fault == faultSplit || m.Fault == faultSwizzle {
			m.Which = r.Uint64()
		}
		plan = append(plan, m)
	}
}

func (o *Options) drawFault(r *rand.Rand) Fault {
	sum := 0.0
	for _, weight := range o.Faults {
		sum += weight
	}
	x := r.Float64() * sum
	for f, weight := range o.Faults {
		if x -= weight; x < 0 {
			return Fault(f)
		}
	}
	return faultHeal
}

// misfortune schedules what the plan says.
func (w *World) misfortune() {
	if w.Plan == nil {
		w.Plan = w.drawPlan()
	}
	for _, m := range w.Plan {
		w.after(m.At, func() { w.unlessOver(func() { w.inflict(m) }) })
	}
}

// inflict lets a mishap happen.
func (w *World) inflict(m Mishap) {
	h := w.hosts[m.A]
	part := func(most time.Duration) time.Duration { return max(1, time.Duration(m.For*float64(most))) }
	w.tell(m.A, "fault", "%v", m)
	switch m.Fault {
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
		h.starve(part(40 * w.Interval))
	case faultOneWay:
		w.cut(m.A, m.B, m.A != m.B)
	case faultIsolate:
		w.isolate(m.A, true)
	case faultSplit:
		w.split(m.Which)
	case faultFlip:
		w.net.some(m.A, m.B).flip = Instant(part(10 * w.Interval))
	case faultClog:
		w.clog(m.A, m.B, part(8*w.Interval))
	case faultLossy:
		w.lose(m.A, m.B, m.For)
	case faultSwizzle:
		w.swizzle(m.Which, part(10*w.Interval))
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
// what a majority forgot nobody can decide.
func (w *World) mayCrash(h *host) bool {
	c := w.ledger.head
	return c == nil || w.Forget || w.quorumWithout(c, h)
}

// unlessOver does what belongs to the safety phase, if that still lasts.
func (w *World) unlessOver(f func()) {
	if !w.over {
		f()
	}
}

// split cuts the hosts into two sides.
func (w *World) split(side uint64) {
	for i := range w.hosts {
		for j := range w.hosts {
			w.cut(i, j, (side>>i^side>>j)&1 == 1)
		}
	}
}

// lose has a link lose frames by chance, or all links to a host where both ends are one.
func (w *World) lose(from, to int, p float64) {
	for other := range w.hosts {
		if other == from || from == to {
			w.net.some(other, to).loss = p
		}
	}
}

// swizzle cuts some hosts off one after the other and lets them back in another order.
func (w *World) swizzle(victims uint64, longest time.Duration) {
	for id := range w.hosts {
		if victims>>id&1 == 1 {
			cut, back := w.upto(longest), longest+w.upto(longest)
			w.after(cut, func() { w.unlessOver(func() { w.isolate(id, true) }) })
			w.after(back, func() { w.unlessOver(func() { w.isolate(id, false) }) })
		}
	}
}
