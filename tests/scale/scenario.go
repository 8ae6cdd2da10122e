package scale

import (
	"fmt"
	"time"
)

// Result is what became of one fault.
type Result struct {
	Fault   string
	Took    time.Duration // until the last host that is well showed a view of exactly those; negative: not in time
	Views   int           // distinct views that anybody showed
	Wronged int           // hosts that are well and were left out of one
	Window  time.Duration // in which was counted:
	All     load          // what everybody sent
	Largest load          // what one host sent and received at most
	Cost    time.Duration // of this process's time
	Steps   uint64
}

const patienceMax = 120 * time.Second

// measure lets something happen, and waits for its end, at least for so long.
func (w *World) measure(name string, lasts time.Duration, do func()) Result {
	w.Run(time.Duration(w.rng.Int64N(int64(interval))), nil)
	w.watch.reset()
	w.read()
	clear(w.meter.kinds)
	began, at := time.Now(), w.now
	do()
	r := Result{Fault: name, Took: -1}
	if !w.watch.standing && w.Run(max(lasts, patienceMax), func() bool { return w.watch.standing }) {
		r.Took = w.watch.since - at
	}
	w.Run(max(at+lasts-w.now, time.Second), nil)
	r.Steps = w.meter.steps
	r.Window = w.now - at
	r.All, r.Largest = w.read()
	r.Views, r.Wronged = len(w.watch.seen), len(w.watch.missed)
	r.Cost = time.Since(began)
	return r
}

// Start is the cold start of everything: all hosts are switched on within a second.
func (w *World) Start() Result {
	r := w.measure("cold start of everything", 0, func() {
		for i := range w.hosts {
			w.At(time.Duration(w.rng.Int64N(int64(time.Second))), w.hosts[i].boot)
		}
	})
	w.settleDown()
	return r
}

// settleDown waits for seats to be filled, and for the cluster to be quiet.
func (w *World) settleDown() {
	seats := min(7, w.Branches*w.Groups)
	if w.Branches > 1 {
		seats = min(7, w.Branches)
	}
	for end := w.now + patienceMax; !w.watch.standing || w.seats() < seats; w.Run(interval, nil) {
		if w.now > end || w.failure != nil {
			w.fail("%d seats of %d, %d of %d hosts agree\n%s", w.seats(), seats, w.watch.most(), w.watch.wanted, w.describe())
			return
		}
	}
	w.Run(5*time.Second, nil)
}

// Rest is a time in which nothing happens.
func (w *World) Rest() Result { return w.measure("none", 10*time.Second, func() {}) }

// Strike has a fault happen, measures it, and mends it.
func (w *World) Strike(f *Fault) Result {
	struck := f.Begin(w)
	for _, h := range struck {
		h.struck = true
	}
	r := w.measure(f.Name, f.Lasts, func() { f.During(w, struck) })
	if w.failure == nil {
		for _, h := range struck {
			h.struck = false
		}
		f.End(w, struck)
		w.settleDown()
	}
	return r
}

// All has every fault happen, one after the other, and gives what was measured: the start, the
// rest, and the faults.
func (w *World) All() (l []Result, err error) {
	l = append(l, w.Start(), w.Rest())
	for i := range Faults {
		if w.failure != nil {
			break
		}
		l = append(l, w.Strike(&Faults[i]))
	}
	return l, w.failure
}

// String is the result as text for those who look at one run.
func (r *Result) String() string {
	return fmt.Sprintf("%-32s %8.2f rounds %2d views %3d wronged, %v: %d messages %d bytes, largest %d %d; cost %v, %d steps", r.Fault, float64(r.Took)/float64(interval),
		r.Views, r.Wronged, r.Window, r.All.messages, r.All.bytes, r.Largest.messages, r.Largest.bytes, r.Cost.Round(time.Millisecond), r.Steps)
}

// describe tells of some of the hosts that do not show what most do.
func (w *World) describe() (s string) {
	var most uint64
	for k, n := range w.watch.holds {
		if n == w.watch.most() {
			most = k
		}
	}
	n := 0
	for i := range w.hosts {
		h := &w.hosts[i]
		if !h.up || h.view != nil && h.view.Hash() == most {
			continue
		}
		if n++; n > 5 {
			break
		}
		st := h.agent.Status(h.clock(), h.registers())
		s += fmt.Sprintf("%s %s state %d slot %d of %d, leader %q, ballot %v, beat %v ago, idle %v, awaits %q\n", h.peer.Name, st.Group.Role, h.reg.State, h.reg.Slot, h.group.number, st.Group.Leader, h.reg.Promised,
			h.clock().Since(h.reg.BeatAt), h.group.idle, st.Group.Awaiting)
	}
	return s
}
