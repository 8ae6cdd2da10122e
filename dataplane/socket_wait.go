package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// ear is where frames arrive.
type ear interface {
	// number is that of the rail by which they do.
	number() int

	// descriptor is what to poll for input.
	descriptor() int

	// hear takes one frame into room, with the address to answer to. A reason other than
	// ReasonNone says why a frame is not for this host. EAGAIN: there is none.
	hear(room *[frameRoom]byte) (frame []byte, from unix.Sockaddr, why control.Reason, err error)

	// answer sends a frame back, without waiting.
	answer(frame []byte, to unix.Sockaddr) error

	// close lets go of what the transport does not close.
	close() error
}

// frameRoom is room for an Ethernet header, a frame, and a byte that shows it was too long.
const frameRoom = etherHeader + FrameLen + 1

// framesAtOnce is how many frames are served before the agent is heard again: four rounds of
// a full group. A flood must not keep the agent from its deadlines.
const framesAtOnce = 4 * control.Slots

// Wait implements Plane. Frames are served here and nowhere else, and beats that are due leave.
func (s *Socket) Wait(deadline control.Time) (Wakes, error) {
	fds := []unix.PollFd{{Fd: int32(s.bell.fd), Events: unix.POLLIN}}
	for _, e := range s.ears {
		fds = append(fds, unix.PollFd{Fd: int32(e.descriptor()), Events: unix.POLLIN})
	}
	for {
		until := min(deadline, s.silentAt(), s.due())
		if s.pending.Any() {
			until = 0
		}
		if err := pollUntil(until, fds); err != nil {
			return Wakes{}, fmt.Errorf("wait for frames: %w", err)
		}
		for i := range fds {
			if fds[i].Revents&unix.POLLNVAL != 0 {
				return Wakes{}, errors.New("wait for frames: the plane is closed")
			}
			if i > 0 && fds[i].Revents != 0 {
				if err := s.drain(s.ears[i-1]); err != nil {
					return Wakes{}, err
				}
			}
		}
		rung := fds[0].Revents != 0
		if rung {
			s.bell.clear()
		}
		now := Now()
		s.beatWhatIsDue(now)
		s.tellSilence(now)
		if s.pending.Any() || rung || now >= deadline {
			wakes := s.pending
			s.pending = Wakes{}
			return wakes, nil
		}
	}
}

// silentAt is when the first leader's silence becomes worth a wake.
func (s *Socket) silentAt() control.Time {
	at := control.MaxTime
	for p := range s.registers {
		at = min(at, s.silentOf(p))
	}
	return at
}

// silentOf is when the silence of a place's leader becomes worth a wake: ceil(k/2) intervals
// after its last beat, once for each beat that stays the last.
func (s *Socket) silentOf(place int) control.Time {
	r := &s.registers[place]
	if !r.Serves() || r.BeatAt == 0 || r.BeatAt == s.told[place] {
		return control.MaxTime
	}
	return r.BeatAt.Add(r.SilentAfter())
}

func (s *Socket) tellSilence(now control.Time) {
	for p := range s.registers {
		if now >= s.silentOf(p) {
			s.told[p] = s.registers[p].BeatAt
			s.pending[p] |= control.WakeSilent
		}
	}
}

// drain serves the frames that have arrived at an ear.
func (s *Socket) drain(at ear) error {
	defer s.publish()
	for range framesAtOnce {
		frame, from, why, err := at.hear(&s.heard)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN):
			continue // told once; when the link comes back, so do the frames
		case err != nil:
			return fmt.Errorf("receive frames: %w", err)
		case why != control.ReasonNone:
			s.stats[why].Add(1)
			continue
		}
		p, o, reply := serve(Now(), at.number(), &s.registers, &s.tallies, &s.relays, s.keys, frame, s.frame[:0])
		s.frame = reply
		switch {
		case o.Reply:
			at.answer(reply, from) // one that cannot leave is as one lost on the way
		case o.PassOn:
			if to := binary.BigEndian.Uint16(reply[atTo:]); errors.Is(s.out[at.number()].Send(reply[atLevel], reply, control.Of(to)), errNoAddress) {
				o.Reason = control.ReasonNoWay
			}
		}
		s.stats[o.Reason].Add(1)
		s.pending[p] |= o.Wake
	}
	return nil
}

// serve does with the bytes of a frame, which came by a rail, what the kernel's program does with them, at the place
// that it is addressed to, or that it travels through. When the outcome says so, what is to
// leave is appended to room: the reply, signed with the key of the ask, or the frame as it came.
func serve(now control.Time, rail int, registers *[control.Places]control.Register, tallies *[control.Levels]control.Tally, relays *[control.Levels]control.Relays,
	keys *Keys, frame, room []byte) (control.Place, control.Outcome, []byte) {
	f, why := ParseFrame(frame, keys)
	if why != control.ReasonNone {
		return 0, control.Outcome{Reason: why}, room
	}
	if f.Level >= control.Levels {
		return 0, control.Outcome{Reason: control.ReasonNotMember}, room
	}
	f.Rail = uint8(rail)
	if p := control.PlaceOf(f.Level, f.Via); registers[p].Passes(&f) {
		o := registers[p].PassOn(&relays[f.Level], &f)
		if o.PassOn {
			room = append(room, frame...)
		}
		return p, o, room
	}
	p := control.PlaceOf(f.Level, f.To)
	o := registers[p].Receive(now, &f)
	switch {
	case o.Reply:
		room = AppendFrame(room, &f, keys)
	case o.Reason == control.ReasonBadKind: // addressed to this register, but an answer
		o = tallies[f.Level].Receive(now, &f)
	}
	return p, o, room
}
