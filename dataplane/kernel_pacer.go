package dataplane

import (
	"fmt"
	"sync/atomic"
	"time"

	"rollcall/control"
)

// Pacing tells who keeps the beat of a leader, and how well the kernel's clock does.
type Pacing struct {
	Pacer    string        // kernel | thread
	Refused  string        // why it is not the kernel
	Ticking  bool          // the clock runs: this node leads
	CPU      int           // where the clock ticked last, or the thread sent a beat; -1: it never did
	Ticks    uint64        // so far
	Interval time.Duration // between ticks
	Late     time.Duration // by how much more than that the last tick came after the one before
	Latest   time.Duration // the worst since the clock was started
	Lost     uint64        // clock frames that were lost, and replaced by this agent
	Levels   []PacedLevel  // that this node leads
}

// PacedLevel tells how many beats of a level left, whether or not this node led all the time.
type PacedLevel struct {
	Level    uint8
	Interval time.Duration
	Kernel   uint64 // by the kernel's clock, since the register was made
	Thread   uint64 // by the thread, ordered ones among them, since it was started
}

// ByConfiguration is Pacing.Refused where the options want the thread.
const ByConfiguration = "by configuration"

// openPacer makes the clock, or finds it, unless the options want the thread.
func (k *Kernel) openPacer() error {
	if k.opt.Pacer == PacerThread {
		k.describe(func(d *Description) { d.Pacing.Refused = ByConfiguration })
		return nil
	}
	err := k.oneLength()
	if err == nil {
		k.clock, err = newClock(k.coll, k.about.PinDir, k.rails[0].host.transports, k.opt.EtherType, k.opt.Interval)
	}
	k.pacing(err)
	if err != nil && k.opt.Pacer == PacerKernel {
		return fmt.Errorf("pacer %s: %w", PacerKernel, err)
	}
	return nil
}

// pacing notes what keeps the kernel from keeping the beat; nil: nothing does.
func (k *Kernel) pacing(err error) {
	refused := ""
	if err != nil {
		refused = err.Error()
	}
	k.describe(func(d *Description) { d.Pacing.Refused = refused })
}

// paced fills in what the clock did.
func (k *Kernel) paced(p *Pacing) {
	p.Pacer, p.CPU = PacerThread, k.beatOn.last()
	for level := range k.pages.tallies {
		interval := k.beats(level)
		if interval == 0 {
			continue
		}
		l := PacedLevel{Level: uint8(level), Interval: interval, Thread: k.beaten[level].Load()}
		if k.clock != nil {
			l.Kernel = atomic.LoadUint64(&k.clock.pace.Beats[level])
		}
		p.Levels = append(p.Levels, l)
	}
	if k.clock == nil {
		return
	}
	at := k.clock.pace
	p.Ticking = k.clock.ticking(Now())
	switch {
	case p.Refused != "":
	case len(p.Levels) > 0 && !p.Ticking && atomic.LoadUint64(&at.IntervalNS) != 0: // the thread keeps the beat meanwhile
		p.Refused = "its clock does not tick"
	default:
		p.Pacer, p.CPU = PacerKernel, -1
		if atomic.LoadUint64(&at.Ticks) > 0 {
			p.CPU = int(atomic.LoadUint32(&at.CPU))
		}
	}
	p.Ticks = atomic.LoadUint64(&at.Ticks)
	p.Interval, p.Lost = time.Duration(atomic.LoadUint64(&at.IntervalNS)), k.clock.lost.Load()
	p.Late, p.Latest = time.Duration(atomic.LoadUint64(&at.LateNS)), time.Duration(atomic.LoadUint64(&at.LatestNS))
}

// beats is how often this node beats at a level; 0: it does not lead there.
func (k *Kernel) beats(level int) time.Duration {
	a := &k.pages.tallies[level].Asking
	if atomic.LoadUint32(&a.Beating) == 0 {
		return 0
	}
	return time.Duration(atomic.LoadUint32(&a.IntervalUS)) * time.Microsecond
}

// keepPace keeps the clock going while this node leads, at the pace of the level with the shortest
// rounds. Where that fails this thread keeps the beat, and the clock is tried again.
func (k *Kernel) keepPace() {
	if k.clock == nil {
		return
	}
	var shortest time.Duration
	for level := range control.Levels {
		if i := k.beats(level); i > 0 && (shortest == 0 || i < shortest) {
			shortest = i
		}
	}
	if shortest == 0 {
		return
	}
	err := k.clock.set(shortest)
	if err == nil {
		err = k.clock.run(Now())
	}
	if err != nil || k.clock.ticking(Now()) {
		k.pacing(err)
	}
}
