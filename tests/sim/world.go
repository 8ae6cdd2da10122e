package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"rollcall/control"
)

// Node is what the simulator drives: *control.Node, or something simpler in the tests of
// the simulator itself.
type Node interface {
	Step(now control.Time, in control.Input) control.Output
	Deadline() control.Time
	Watch() control.Bitmap
	Status(now control.Time, r *control.Register) control.Status
}

// World is a group of hosts, the network between them and the checkers that watch them.
type World struct {
	Options
	Stats
	now     Instant
	queue   queue
	rng     *rand.Rand
	hosts   []*host
	net     network
	calls   slab[func()]
	letters slab[letter]
	newNode func(control.Config) Node
	ledger  ledger
	accused map[givenUp]control.Bitmap
	trace   func(line string)
	scratch control.Tally // what a step sees of a tally
	over    bool          // the safety phase is
	late    time.Duration // the longest that a frame of that phase may be on its way
	failure *Violation
}

// Stats count what happened in a run.
type Stats struct {
	Events, Steps, Frames, Letters int
	Views, Removals, Elections     int
	Unnamed                        int // asks to slots that the roster did not name
}

// Violation is a guarantee that a run broke, or a bound that it did not keep.
type Violation struct {
	Guarantee string // G1..G9, contract, crash, liveness
	At        time.Duration
	What      string
}

// Error tells which guarantee was broken, when and how.
func (v *Violation) Error() string {
	return fmt.Sprintf("%s at %v: %s", v.Guarantee, v.At, v.What)
}

// New makes a world of hosts that are all switched off.
func New(o Options, newNode func(control.Config) Node, trace func(line string)) *World {
	o.Rails = max(o.Rails, 1)
	w := &World{Options: o, newNode: newNode, trace: trace}
	w.rng = rand.New(rand.NewPCG(o.Seed, 0x776f726c64))
	w.net.start(w)
	w.ledger.start(w)
	for i := range o.Hosts {
		w.hosts = append(w.hosts, newHost(w, i))
	}
	return w
}

// panicked is no guarantee, but breaks whatever is looked for.
const panicked = "crash"

// fail records the first violation; the run ends with it.
func (w *World) fail(guarantee, format string, args ...any) {
	if w.failure == nil && (w.Only == "" || w.Only == guarantee || guarantee == panicked) {
		w.failure = &Violation{Guarantee: guarantee, At: time.Duration(w.now), What: fmt.Sprintf(format, args...)}
		w.tell(-1, "VIOLATION", "%s: %s", guarantee, w.failure.What)
	}
}

// tell writes one line of the trace: true time, host, what, details.
func (w *World) tell(host int, what, format string, args ...any) {
	if w.trace == nil {
		return
	}
	name := "-"
	if host >= 0 {
		name = w.hosts[host].name
	}
	w.trace(fmt.Sprintf("%13.6fms %-5s %-10s %s", float64(w.now)/1e6, name, what, fmt.Sprintf(format, args...)))
}

// after has f called when d has passed.
func (w *World) after(d time.Duration, f func()) {
	w.queue.push(event{at: w.now + Instant(d), kind: eventCall, arg: w.calls.put(f)})
}

// upto draws a duration of 1 ns to d.
func (w *World) upto(d time.Duration) time.Duration {
	return time.Duration(1 + w.rng.Int64N(max(int64(d), 1)))
}

// chance is true with the probability p.
func (w *World) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// Run lets the given time pass and reports whether no guarantee was broken so far.
func (w *World) Run(d time.Duration) bool {
	return w.until(w.now+Instant(d), nil)
}

// Until lets time pass until the condition holds, at most d, and reports whether it did.
// It asks once an interval.
func (w *World) Until(d time.Duration, holds func() bool) bool {
	end := w.now + Instant(d)
	for w.now < end && w.failure == nil {
		if holds() {
			return true
		}
		w.until(min(end, w.now+Instant(w.Interval)), nil)
	}
	return w.failure == nil && holds()
}

// until handles all events before end, or until stop says so after one of them.
func (w *World) until(end Instant, stop func() bool) bool {
	for w.failure == nil && w.queue.len() > 0 && w.queue.heap[0].at < end {
		e := w.queue.pop()
		w.now = e.at
		w.Events++
		w.handle(e)
		if stop != nil && stop() {
			return w.failure == nil
		}
	}
	if w.failure == nil {
		w.now = end
	}
	return w.failure == nil
}

func (w *World) handle(e event) {
	h := w.hosts[e.host]
	switch e.kind {
	case eventStep:
		h.turn(e.arg)
	case eventCarry:
		h.resume(e.arg)
	case eventFrame:
		fl := w.net.flights.take(e.arg)
		h.receive(&fl)
	case eventLetter:
		l := w.letters.take(e.arg)
		h.read(&l)
	case eventSilence:
		h.silence(e.arg)
	case eventStamp:
		h.stamp(e.arg)
	case eventBeat:
		h.beatDue(e.arg)
	case eventSaved:
		h.saved(e.arg)
	case eventCall:
		w.calls.take(e.arg)()
	}
}
