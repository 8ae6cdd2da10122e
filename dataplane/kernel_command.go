package dataplane

import (
	"cmp"
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"

	"rollcall/control"
)

// order is struct rc_order of bpf/order.h, the head of what is given to program rc_command.
type order struct {
	op     uint32
	level  uint32
	seat   uint32
	reason uint32
	wake   uint32
	sent   uint32
	to     control.Bitmap
}

const (
	opCommand = 1
	opDeliver = 2
	opWatch   = 3
	opBeat    = 4

	orderLen = int(unsafe.Sizeof(order{}))
)

// channel runs program rc_command: the agent's way to have the kernel do something under
// the lock that keeps frames out.
type channel struct {
	program *ebpf.Program
	in, out [orderLen + 2*FrameLen]byte
}

// run gives an order to a place, of which n bytes in c.in follow the head, and returns the order as it
// comes back; what followed it is in c.out.
func (c *channel) run(op uint32, p control.Place, n int) (order, error) {
	*(*order)(unsafe.Pointer(&c.in)) = order{op: op, level: uint32(p.Level()), seat: uint32(p.Seat())}
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
	if _, err := c.run(opCommand, cmd.Place(), n); err != nil {
		return fmt.Errorf("apply command %d: %w", cmd.Kind, err)
	}
	return nil
}

// deliver hands an own ask to the register of a place and the level's tally, and returns it
// stamped and signed; the bytes are valid until the next order.
func (c *channel) deliver(p control.Place, f *control.Frame, keys *Keys) ([]byte, control.Wake, error) {
	AppendFrame(c.in[:orderLen], f, keys)
	clear(c.in[orderLen+FrameLen:])
	back, err := c.run(opDeliver, p, 2*FrameLen)
	if err != nil {
		return nil, 0, fmt.Errorf("deliver an ask to the own register: %w", err)
	}
	return c.out[orderLen : orderLen+FrameLen], control.Wake(back.wake), nil
}

// watch starts the silence timer, also one that runs already: with this program's callback.
func (c *channel) watch(p control.Place) error {
	clear(c.in[orderLen : orderLen+8])
	if _, err := c.run(opWatch, p, 8); err != nil {
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
	p := c.Place()
	if c.Kind == control.CommandVacate {
		c.Incarnation = newIncarnation()
	}
	if c.Kind == control.CommandVacate && p == 0 {
		if err := k.transport.LeaveGroup(); err != nil {
			return fmt.Errorf("leave group: %w", err)
		}
	}
	if c.Kind == control.CommandJoin && p == 0 {
		if err := k.takePart(c.Group); err != nil {
			return err
		}
	}
	if err := k.channel.apply(c); err != nil {
		return err
	}
	switch {
	case c.Kind == control.CommandJoin:
		k.unwatched[p] = true
		k.watch()
	case c.Kind == control.CommandBeat:
		if c.Now != 0 {
			k.beat(p)
		}
		k.keepPace()
	}
	return nil
}

// takePart lets the transport and the programs take part in a group of level 0.
func (k *Kernel) takePart(group uint16) error {
	if err := k.transport.SetGroup(group); err != nil {
		return fmt.Errorf("join group %d: %w", group, err)
	}
	return k.answerFor(group)
}

// watch starts the silence timers that do not run.
func (k *Kernel) watch() {
	for p := range k.unwatched {
		k.unwatched[p] = k.unwatched[p] && k.channel.watch(control.Place(p)) != nil
	}
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
		for _, a := range addressed(&out[i], k.pages.registers) {
			keep(k.send(out[i].Place, &a))
		}
	}
	return first
}

func (k *Kernel) send(from control.Place, a *parcel) error {
	var signed []byte
	var first error
	if a.own {
		b, wake, err := k.channel.deliver(a.at, &a.frame, k.opt.Keys)
		k.pending.delivered(from, a.at, wake)
		signed, first = b, err
	}
	if a.to.Empty() {
		return first
	}
	if signed == nil {
		a.frame.Sent = cmp.Or(a.frame.Sent, Now())
		signed = AppendFrame(k.scratch[:0], &a.frame, k.opt.Keys)
	}
	if err := k.transport.Send(from.Level(), signed, a.to); first == nil {
		first = err
	}
	return first
}

// Name implements Plane.
func (k *Kernel) Name(level uint8, r *control.Roster) error {
	for slot := range k.pages.members[level] {
		m := &k.pages.members[level][slot]
		var name [64]byte
		var expected uint64
		if s := r.At(uint16(slot)); s != nil {
			copy(name[:len(name)-1], s.Name)
			expected = s.Incarnation
		}
		store(&m.Expected, expected)
		m.Name = name
	}
	k.rosters[level] = r
	k.transport.SetPeers(level, r)
	for _, rail := range k.rails {
		if err := rail.peers.name(level, r); err != nil {
			return err
		}
	}
	return nil
}
