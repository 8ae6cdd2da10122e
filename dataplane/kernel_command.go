package dataplane

import (
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"

	"rollcall/control"
)

// order is struct rc_order of bpf/maps.h, the head of what is given to program rc_command.
type order struct {
	op     uint32
	level  uint32
	seat   uint32
	reason uint32
	wake   uint32
	_      uint32
}

const (
	opCommand = 1
	opDeliver = 2
	opWatch   = 3

	orderLen = int(unsafe.Sizeof(order{}))
)

// channel runs program rc_command: the agent's way to have the kernel do something under
// the lock that keeps frames out.
type channel struct {
	program *ebpf.Program
	in, out [orderLen + 2*FrameLen]byte
}

// run gives an order, of which n bytes in c.in follow the head, and returns the order as it
// comes back; what followed it is in c.out.
func (c *channel) run(op uint32, n int) (order, error) {
	*(*order)(unsafe.Pointer(&c.in)) = order{op: op}
	ret, err := c.program.Run(&ebpf.RunOptions{Data: c.in[:orderLen+n], DataOut: c.out[:]})
	if err != nil {
		return order{}, err
	}
	if ret != 0 {
		return order{}, fmt.Errorf("the kernel program could not carry out order %d", op)
	}
	return *(*order)(unsafe.Pointer(&c.out)), nil
}

// apply has a command carried out.
func (c *channel) apply(cmd control.Command) error {
	n := copy(c.in[orderLen:], bytesOf(&cmd))
	if _, err := c.run(opCommand, n); err != nil {
		return fmt.Errorf("apply command %d: %w", cmd.Kind, err)
	}
	return nil
}

// deliver hands an own ask to the own register and tally, and returns it stamped and
// signed; the bytes are valid until the next order.
func (c *channel) deliver(f *control.Frame, keys *Keys) ([]byte, control.Wake, error) {
	AppendFrame(c.in[:orderLen], f, keys)
	clear(c.in[orderLen+FrameLen:])
	back, err := c.run(opDeliver, 2*FrameLen)
	if err != nil {
		return nil, 0, fmt.Errorf("deliver an ask to the own register: %w", err)
	}
	return c.out[orderLen : orderLen+FrameLen], control.Wake(back.wake), nil
}

// watch starts the silence timer, also one that runs already: with this program's callback.
func (c *channel) watch() error {
	clear(c.in[orderLen : orderLen+8])
	if _, err := c.run(opWatch, 8); err != nil {
		return fmt.Errorf("start the silence timer: %w", err)
	}
	return nil
}

// bytesOf is the memory of a value without pointers.
func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// Apply implements Plane.
func (k *Kernel) Apply(c control.Command) error {
	switch c.Kind {
	case control.CommandVacate:
		c.Incarnation = newIncarnation()
		if err := k.transport.LeaveGroup(); err != nil {
			return fmt.Errorf("leave group: %w", err)
		}
	case control.CommandJoin:
		if err := k.transport.SetGroup(c.Level, c.Group); err != nil {
			return fmt.Errorf("join group %d: %w", c.Group, err)
		}
		if err := k.answerFor(c.Level, c.Group); err != nil {
			return err
		}
	}
	if err := k.channel.apply(c); err != nil || c.Kind != control.CommandJoin {
		return err
	}
	k.watched = k.channel.watch() == nil
	return nil
}

// Send implements Plane.
func (k *Kernel) Send(out []control.Outgoing) error {
	var first error
	keep := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	for i := range out {
		f, to := &out[i].Frame, out[i].To
		var signed []byte
		if r := k.pages.register; r.State != control.RegisterVacant && to.Has(r.Slot) {
			to.Clear(r.Slot)
			b, wake, err := k.channel.deliver(f, k.opt.Keys)
			k.pending |= wake
			keep(err)
			signed = b
		}
		if to.Empty() {
			continue
		}
		if signed == nil {
			own := *f
			own.Sent = Now()
			signed = AppendFrame(k.scratch[:0], &own, k.opt.Keys)
		}
		keep(k.transport.Send(signed, to))
	}
	return first
}

// Name implements Plane.
func (k *Kernel) Name(r *control.Roster) error {
	for slot := range k.pages.members {
		m := &k.pages.members[slot]
		var name [64]byte
		var expected uint64
		if s := r.At(uint16(slot)); s != nil {
			copy(name[:len(name)-1], s.Name)
			expected = s.Incarnation
		}
		store(&m.Expected, expected)
		m.Name = name
	}
	k.roster = r
	k.transport.SetPeers(r)
	return k.peers.name(r)
}
