package dataplane

import (
	"cmp"
	"errors"
	"fmt"
	"sync/atomic"

	"rollcall/control"
)

// beat builds a place's beat that is due or ordered; the order says whether there is one, and to
// whom. The bytes, ready to be sent, are valid until the next order.
func (c *channel) beat(p control.Place) ([]byte, order, error) {
	clear(c.in[orderLen:])
	back, err := c.run(opBeat, p, 2*FrameLen)
	if err != nil {
		return nil, order{}, fmt.Errorf("build a beat: %w", err)
	}
	return c.out[orderLen : orderLen+FrameLen], back, nil
}

// due is when this thread has to send a beat of some level next.
func (k *Kernel) due() control.Time {
	at := control.MaxTime
	for level := range k.pages.tallies {
		at = min(at, k.dueAt(level))
	}
	return at
}

// dueAt is control.Tally.Due of a tally that the kernel writes; what the kernel's clock sends is
// not due here, unless it was ordered.
func (k *Kernel) dueAt(level int) control.Time {
	a := &k.pages.tallies[level].Asking
	switch {
	case atomic.LoadUint32(&a.Beating) == 0:
		return control.MaxTime
	case atomic.LoadUint32(&a.Ordered) != 0:
		return 0
	case k.clock != nil && k.clock.ticking(Now()):
		return control.MaxTime
	}
	return control.Time(atomic.LoadUint64((*uint64)(&a.DueAt)))
}

// beatWhatIsDue sends the beats whose time has come.
func (k *Kernel) beatWhatIsDue(now control.Time) {
	for level := range k.pages.tallies {
		if now >= k.dueAt(level) {
			k.beat(control.SeatAt(uint8(level)))
			k.keepPace()
		}
	}
}

// beat sends a leader's beat that is due or ordered, if one is.
func (k *Kernel) beat(p control.Place) {
	signed, o, err := k.channel.beat(p)
	k.pending[p] |= control.Wake(o.wake)
	if o.sent != 0 {
		k.beaten[p.Level()].Add(1)
		k.beatOn.note()
		o.to.Clear(k.pages.registers[p].Slot) // it has voted
		err = k.sendBeat(p, signed, o.to)
	}
	k.trouble[p.Level()] = err
}

// sendBeat sends a beat on. Above level 0 it is for other own registers, too, and for each seat
// in a frame of its own.
func (k *Kernel) sendBeat(p control.Place, signed []byte, to control.Bitmap) error {
	asked := k.pages.tallies[p.Level()].Asking
	if p.Level() == 0 && asked.Doubtful.Empty() {
		return k.transport.Send(0, signed, to)
	}
	f, why := ParseFrame(signed, k.opt.Keys)
	if why != control.ReasonNone {
		return fmt.Errorf("send a beat of level %d: it is %v", p.Level(), why)
	}
	var errs []error
	for _, a := range addressed(&control.Outgoing{Place: p, To: to, Frame: f}, k.pages.registers) {
		errs = append(errs, k.send(p, &a))
	}
	return errors.Join(append(errs, retry(k.transport, &asked, f, k.opt.Keys))...)
}

// Trouble implements Plane.
func (k *Kernel) Trouble() error { return cmp.Or(k.trouble[:]...) }
