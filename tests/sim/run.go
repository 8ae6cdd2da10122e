package sim

import (
	"runtime/debug"
	"time"

	"rollcall/control"
)

// Outcome is the class of a run's end.
type Outcome string

// The outcomes.
const (
	Passed    Outcome = "passed"
	Excused   Outcome = "excused"     // no quorum was left, so no progress was owed
	Safety    Outcome = "safety"      // a guarantee was broken
	Liveness  Outcome = "liveness"    // a healthy core did not agree in time
	Crash     Outcome = "crash"       // the code panicked
	Uncovered Outcome = "not covered" // two instances live, in the way that control/doc.go says is not ruled out
)

// Result is what a run came to.
type Result struct {
	Options
	Stats
	Outcome   Outcome
	Violation *Violation
	Final     string        // every host at the end
	Took      time.Duration // true time of the liveness phase
	Simulated time.Duration
}

// Run does one random run.
func Run(o Options, newNode func(control.Config) Node, trace func(line string)) (res Result) {
	w := New(o, newNode, trace)
	res.Options, res.Outcome = o, Passed
	defer func() {
		if p := recover(); p != nil {
			w.fail(panicked, "%v\n%s", p, debug.Stack())
			res.Outcome = Crash
		}
		res.Stats, res.Violation, res.Simulated = w.Stats, w.failure, time.Duration(w.now)
		if w.failure != nil && w.failure.Guarantee == notCovered {
			res.Outcome, res.Violation = Uncovered, nil
		}
		if res.Outcome != Crash {
			res.Final = w.Describe()
		}
	}()
	w.tell(-1, "options", "%s", o)
	if o.Settle {
		w.Weather = Weather{}
	}
	for _, h := range w.hosts {
		w.after(w.upto(o.FoundWait), func() { w.unlessOver(h.powerOn) })
	}
	switch {
	case o.Settle && !w.Until(w.patience(), func() bool { return w.agreed(w.hosts) }):
		res.Outcome = w.verdict("no cluster was founded")
	case o.Class == Calm:
		res.Outcome = w.calm()
	default:
		w.Weather = o.Weather
		end := w.now + Instant(o.Safety)*Instant(o.Interval)
		w.misfortune()
		res.Options = w.Options
		if w.until(end, nil); w.failure != nil {
			res.Outcome = Safety
			break
		}
		began := w.now
		res.Outcome = w.recovery()
		res.Took = time.Duration(w.now - began)
	}
	return res
}
