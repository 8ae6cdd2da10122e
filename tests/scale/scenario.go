package scale

import (
	"fmt"
	"syscall"
	"time"

	"rollcall/control"
)

// Result is what became of one fault.
type Result struct {
	Fault   string
	Lingers bool                // of the fault
	Took    time.Duration       // until the last host that is well showed a view of exactly those; negative: not in time
	Struck  int                 // hosts
	Led     [control.Levels]int // of those, how many led a group of each level
	Out     int                 // … that are no members at the end
	Views   int                 // distinct views that anybody showed
	Sizes   int                 // … of so many different numbers of members
	Wronged int                 // hosts that are well and were left out of one
	Window  time.Duration       // in which was counted:
	All     load                // what everybody sent
	Largest load                // what one host sent and received at most
	Cost    time.Duration       // of this process's processor time
	Steps   uint64
}

const patienceMax = 120 * time.Second

// measure lets something happen, and waits for its end, at least for so long. What is shown before
// from does not end it.
func (w *World) measure(name string, from, lasts time.Duration, lingers bool, do func()) Result {
	w.Run(time.Duration(w.rng.Int64N(int64(w.Interval))), nil)
	w.watch.reset()
	w.read()
	clear(w.meter.kinds)
	began, at := spent(), w.now
	do()
	r := Result{Fault: name, Lingers: lingers, Took: -1}
	w.Run(from, nil)
	if !w.watch.standing && !lingers {
		w.Run(max(lasts, patienceMax), func() bool { return w.watch.standing })
	}
	if w.watch.standing {
		r.Took = w.watch.since - at
	}
	w.Run(max(at+lasts-w.now, time.Second), nil)
	r.Steps = w.meter.steps
	r.Window = w.now - at
	r.All, r.Largest = w.read()
	r.Views, r.Sizes, r.Wronged = len(w.watch.seen), len(w.watch.sizes), len(w.watch.missed)
	r.Cost = spent() - began
	return r
}

// spent is the processor time that this process took so far.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Start is the cold start of everything: all hosts are switched on within a second. With PutAway it is
// the first of each group, and once these stand one rack after the other, as fast as contacts answer: all
// that nodes do before is to ask, and of a million that takes longer to simulate than all else.
func (w *World) Start() Result {
	name, from := "cold start of everything", time.Second
	racks := time.Duration(len(w.groups)) * rackEvery
	if w.PutAway {
		from = firstStand + racks + time.Second
		name = fmt.Sprintf("cold start, one of each group %v before the first rack, racks in %v", firstStand, racks)
	}
	w.starting = true
	r := w.measure(name, from, 0, false, func() {
		for i := range w.groups {
			later := time.Duration(0)
			if w.PutAway {
				later = firstStand + time.Duration(i)*rackEvery
			}
			for j := range w.groups[i].hosts {
				h, after := &w.groups[i].hosts[j], time.Duration(w.rng.Int64N(int64(time.Second)))
				switch {
				case j > 0 && w.Newcomer:
					w.At(later+after/8, h.arrive)
				case j > 0:
					w.At(later+after, h.boot)
				default:
					w.At(after, h.boot)
				}
			}
		}
	})
	w.starting = false
	w.settleDown()
	return r
}

const (
	firstStand = 25 * time.Second
	rackEvery  = 2 * time.Millisecond
)

// settleDown waits for seats to be filled, and for the cluster to be quiet.
func (w *World) settleDown() {
	seats := min(7, w.Branches*w.Groups)
	if w.Branches > 1 {
		seats = min(7, w.Branches)
	}
	for end := w.now + patienceMax; !w.watch.standing || w.seats() < seats; w.Run(w.Interval, nil) {
		if w.now > end || w.failure != nil {
			w.fail("%d seats of %d, %d of %d hosts agree\n%s", w.seats(), seats, w.watch.most(), w.watch.wanted, w.describe())
			return
		}
	}
	w.Run(50*w.Interval, nil)
}

// Rest is a time in which nothing happens.
func (w *World) Rest() Result { return w.measure("none", 0, 10*time.Second, false, func() {}) }

// Strike has a fault happen and measures it. Who was struck is to be mended.
func (w *World) Strike(f *Fault) (r Result, struck []*host) {
	struck = f.Begin(w)
	var led [control.Levels]int
	for _, h := range struck {
		h.struck = true
		for level := range led {
			if h.leads(uint8(level)) {
				led[level]++
			}
		}
	}
	r = w.measure(f.Name, 0, f.Lasts, f.Lingers, func() { f.During(w, struck) })
	r.Struck, r.Led = len(struck), led
	for _, h := range struck {
		if h.reg.State != control.RegisterMember {
			r.Out++
		}
	}
	return r, struck
}

// mend ends a fault, and has the cluster settle.
func (w *World) mend(f *Fault, struck []*host) {
	f.End(w, struck)
	w.readmit(struck)
	for _, h := range struck {
		h.struck = false
	}
	w.settleDown()
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
		if h.agent == nil && h.view != nil {
			s += fmt.Sprintf("%s put away: epoch %d of %d\n", h.peer.Name, h.view.Epoch(), h.reg.Epoch)
			continue
		}
		st := h.agent.Status(h.clock(), h.registers())
		s += fmt.Sprintf("%s %s state %d slot %d of %d, leader %q, ballot %v, beat %v ago, idle %v, awaits %q\n", h.peer.Name, st.Group.Role, h.reg.State, h.reg.Slot, h.group.number, st.Group.Leader, h.reg.Promised,
			h.clock().Since(h.reg.BeatAt), h.group.idle, st.Group.Awaiting)
	}
	return s
}
