package dataplane

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Pacing tells who keeps the beat of a leader, and how well the kernel's clock does.
type Pacing struct {
	Pacer    string        // kernel | thread
	Refused  string        // why it is not the kernel
	Ticking  bool          // the clock runs: this node leads
	CPU      int           // that ticked last
	Ticks    uint64        // so far
	Interval time.Duration // between ticks
	Late     time.Duration // by how much more than that the last tick came after the one before
	Latest   time.Duration // the worst since the clock was started
}

// openPacer makes the clock, or finds it, unless the options want the thread.
func (k *Kernel) openPacer() error {
	if k.opt.Pacer == PacerThread {
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
	p.Pacer = PacerThread
	if k.clock == nil {
		return
	}
	at := k.clock.pace
	p.Ticking = k.clock.ticking(Now())
	switch beating := atomic.LoadUint32(&k.pages.tallies[0].Asking.Beating) != 0; {
	case p.Refused != "":
	case beating && !p.Ticking && atomic.LoadUint64(&at.IntervalNS) != 0: // this node leads, and the thread keeps the beat meanwhile
		p.Refused = "its clock does not tick"
	default:
		p.Pacer = PacerKernel
	}
	p.CPU, p.Ticks = int(atomic.LoadUint32(&at.CPU)), atomic.LoadUint64(&at.Ticks)
	p.Interval = time.Duration(atomic.LoadUint64(&at.IntervalNS))
	p.Late, p.Latest = time.Duration(atomic.LoadUint64(&at.LateNS)), time.Duration(atomic.LoadUint64(&at.LatestNS))
}

// pace has the clock tick at an interval, when this node begins to lead or its beats change.
func (k *Kernel) pace(interval time.Duration) {
	if k.clock == nil {
		return
	}
	if err := k.clock.set(interval); err != nil {
		k.pacing(err)
		return
	}
	k.keepPace()
}

// keepPace keeps the clock going while this node leads. Where that fails this thread keeps the beat,
// and the clock is tried again.
func (k *Kernel) keepPace() {
	if k.clock == nil || atomic.LoadUint32(&k.pages.tallies[0].Asking.Beating) == 0 {
		return
	}
	if err := k.clock.run(Now()); err != nil || k.clock.ticking(Now()) {
		k.pacing(err)
	}
}
