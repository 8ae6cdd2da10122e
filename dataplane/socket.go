package dataplane

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// Socket is the plane without a kernel program: the thread that calls Wait answers the
// frames, by the rules of package control. Its register lives and dies with it, so that every
// opening is a new incarnation, and it answers only while the agent gets CPU time.
type Socket struct {
	registers [control.Places]control.Register
	tallies   [control.Levels]control.Tally
	relays    [control.Levels]control.Relays
	keys      *Keys
	out       rails
	ears      []ear
	bell      *bell
	pending   Wakes                        // what the next Wait has to tell
	told      [control.Places]control.Time // the BeatAt whose silence was told
	trouble   [control.Levels]error        // with sending the last beats
	beatOn    processor                    // the last of them
	stats     [control.Reasons]atomic.Uint64
	shared    *page // the register of level 0, for readers
	view      *page
	desc      Description
	heard     [frameRoom]byte
	frame     []byte // room to sign in
}

var _ Plane = (*Socket)(nil)

// OpenSocket opens a socket plane. It needs no privilege for udp; CAP_NET_RAW and
// CAP_NET_ADMIN for ether.
func OpenSocket(opt Options) (*Socket, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Socket{keys: opt.Keys}
	s.desc = Description{Plane: "socket", Attach: AttachSocket, Transport: opt.Transport, Pacing: Pacing{Pacer: PacerThread, Refused: "the socket plane has no clock"}}
	if err := s.open(&opt); err != nil {
		s.Close()
		return nil, err
	}
	for p := range s.registers {
		s.registers[p].Incarnation = newIncarnation()
	}
	if err := s.tellKeys(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Socket) open(opt *Options) (err error) {
	for rail := range opt.Rails {
		r := &opt.Rails[rail]
		link, err := FindLink(r.Interface)
		if err != nil {
			return err
		}
		if opt.usesUDP() && !r.Address.IsValid() {
			if r.Address, err = localAddress(link, r.Address); err != nil {
				return err
			}
		}
		t, err := s.openRail(opt, rail)
		if err != nil {
			return err
		}
		s.out = append(s.out, t)
		s.desc.Rails = append(s.desc.Rails, onRail(opt, rail, link))
	}
	if s.bell, err = newBell(); err != nil {
		return err
	}
	if s.shared, err = newPage("rollcall-register", os.Getpagesize()); err != nil {
		return err
	}
	s.view, err = newPage("rollcall-view", opt.ViewSize)
	return err
}

// openRail opens the transport of a rail, and its ears.
func (s *Socket) openRail(opt *Options, rail int) (Transport, error) {
	var u *udpTransport
	var e *etherTransport
	var err error
	if opt.usesUDP() {
		if u, err = openUDP(opt, rail); err != nil {
			return nil, err
		}
		s.ears = append(s.ears, u)
		if err := enlarge(u.socket); err != nil {
			u.Close()
			return nil, err
		}
		if opt.Transport == TransportUDP {
			return u, nil
		}
	}
	if e, err = s.openEther(opt, rail); err != nil {
		if u != nil {
			u.Close()
		}
		return nil, err
	}
	if u == nil {
		return e, nil
	}
	return &mixedTransport{e, u}, nil
}

func (s *Socket) openEther(opt *Options, rail int) (*etherTransport, error) {
	e, err := openEther(opt, rail)
	if err != nil {
		return nil, err
	}
	in, err := openEtherEar(e, opt.EtherType)
	if err != nil {
		e.Close()
		return nil, err
	}
	s.ears = append(s.ears, in)
	if err := enlarge(in.socket); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Now implements Plane.
func (s *Socket) Now() control.Time { return Now() }

// Interrupt implements Plane.
func (s *Socket) Interrupt() { s.bell.ring() }

// Snapshot implements Plane.
func (s *Socket) Snapshot(p control.Place, r *control.Register, t *control.Tally, of control.Bitmap) {
	*r = s.registers[p]
	if t == nil {
		return
	}
	from := &s.tallies[p.Level()]
	t.Asking, t.Heard = from.Asking, from.Heard
	for m := of.First(); m < control.Slots; m = of.Next(m + 1) {
		t.Members[m] = from.Members[m]
	}
}

// Apply implements Plane.
func (s *Socket) Apply(c control.Command) error {
	p := c.Place()
	r := &s.registers[p]
	if c.Kind == control.CommandJoin && p == 0 && r.State == control.RegisterVacant {
		if err := s.out.SetGroup(c.Group); err != nil {
			return fmt.Errorf("join group %d: %w", c.Group, err)
		}
	}
	if c.Kind == control.CommandVacate {
		if p == 0 {
			if err := s.out.LeaveGroup(); err != nil {
				return fmt.Errorf("vacate: %w", err)
			}
		}
		c.Incarnation = newIncarnation()
		s.told[p] = 0
	}
	control.Apply(&c, r, &s.tallies[p.Level()])
	s.beatWhatIsDue(0)
	s.publish()
	return nil
}

// SetKeys implements Plane.
func (s *Socket) SetKeys(keys *Keys) error {
	for p := range s.registers {
		if err := keys.mayReplace(&s.registers[p]); err != nil {
			return err
		}
	}
	s.keys = keys
	return s.tellKeys()
}

func (s *Socket) tellKeys() error {
	for p := range s.registers {
		if err := s.Apply(s.keys.command(control.Place(p))); err != nil {
			return err
		}
	}
	return nil
}

// Name implements Plane.
func (s *Socket) Name(level uint8, r *control.Roster) error {
	members := &s.tallies[level].Members
	for slot := range members {
		m := &members[slot]
		m.Expected, m.Name = 0, [64]byte{}
	}
	for i := range r.Seats {
		seat := &r.Seats[i]
		m := &members[seat.Slot]
		m.Expected = seat.Incarnation
		copy(m.Name[:], seat.Name)
	}
	s.out.SetPeers(level, r)
	return nil
}

// Send implements Plane.
func (s *Socket) Send(out []control.Outgoing) error {
	var first error
	for i := range out {
		if err := s.send(&out[i]); err != nil && first == nil {
			first = err
		}
	}
	s.publish()
	return first
}

func (s *Socket) send(out *control.Outgoing) error {
	var first error
	level := out.Place.Level()
	for _, a := range addressed(out, &s.registers) {
		a.frame.Sent = cmp.Or(a.frame.Sent, Now())
		if a.own {
			wake := control.Deliver(a.frame.Sent, &s.registers[a.at], &s.tallies[level], a.frame).Wake
			s.pending.delivered(out.Place, a.at, wake)
		}
		s.frame = AppendFrame(s.frame[:0], &a.frame, s.keys)
		if err := s.out.Send(level, s.frame, a.to); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Stamp implements Plane.
func (s *Socket) Stamp(health uint16) {
	now := Now()
	for p := range s.registers {
		s.registers[p].AgentAt, s.registers[p].Health = now, uint32(health)
	}
	s.publish()
}

// Show implements Plane.
func (s *Socket) Show(states *[control.Slots]uint32) {
	for slot, state := range states {
		s.tallies[0].Members[slot].State = state
	}
}

// Stats implements Plane.
func (s *Socket) Stats() (counts [control.Reasons]uint64) {
	for i := range counts {
		counts[i] = s.stats[i].Load()
	}
	return counts
}

// Describe implements Plane.
func (s *Socket) Describe() Description {
	d := s.desc
	d.Pacing.CPU = s.beatOn.last()
	return d
}

// Pages implements Plane.
func (s *Socket) Pages() Pages {
	return Pages{View: s.view.fd, ViewPage: s.view.bytes, Register: s.shared.fd, RegisterSize: len(s.shared.bytes)}
}

// publish brings the page that readers map up to the register.
func (s *Socket) publish() {
	publishWords((*control.Register)(unsafe.Pointer(&s.shared.bytes[0])), &s.registers[0])
}

// Close implements Plane. The group address of an Ethernet interface stays joined.
func (s *Socket) Close() error {
	var errs []error
	for _, e := range s.ears {
		errs = append(errs, e.close())
	}
	errs = append(errs, s.out.Close())
	if s.bell != nil {
		s.bell.close()
	}
	for _, p := range []*page{s.shared, s.view} {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close socket plane: %w", err)
	}
	return nil
}

// enlarge makes room for the echoes of a whole group that arrive while the thread is kept
// from its work.
func enlarge(fd int) error {
	const room = 4 << 20
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) == nil {
		return nil
	}
	// Without the privilege the kernel gives what its limit allows.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, room); err != nil {
		return fmt.Errorf("set receive buffer: %w", err)
	}
	return nil
}
