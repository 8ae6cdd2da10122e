package dataplane

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// ear is where frames arrive.
type ear interface {
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

// patience is how many frames are served before the agent is heard again: four rounds of
// a full group. A flood must not keep the agent from its deadlines.
const patience = 4 * control.Slots

// Wait implements Plane. Frames are served here and nowhere else.
func (s *Socket) Wait(deadline control.Time) (control.Wake, error) {
	fds := [...]unix.PollFd{
		{Fd: int32(s.ear.descriptor()), Events: unix.POLLIN},
		{Fd: int32(s.bell.fd), Events: unix.POLLIN},
	}
	for {
		until := min(deadline, s.silentAt())
		if s.pending != 0 {
			until = 0
		}
		if err := pollUntil(until, fds[:]); err != nil {
			return 0, fmt.Errorf("wait for frames: %w", err)
		}
		if (fds[0].Revents|fds[1].Revents)&unix.POLLNVAL != 0 {
			return 0, errors.New("wait for frames: the plane is closed")
		}
		if fds[0].Revents != 0 {
			if err := s.drain(); err != nil {
				return 0, err
			}
		}
		rung := fds[1].Revents != 0
		if rung {
			s.bell.clear()
		}
		now := Now()
		if now >= s.silentAt() {
			s.told = s.register.BeatAt
			s.pending |= control.WakeSilent
		}
		if s.pending != 0 || rung || now >= deadline {
			wake := s.pending
			s.pending = 0
			return wake, nil
		}
	}
}

// silentAt is when the leader's silence becomes worth a wake: ceil(k/2) intervals after its
// last beat, once for each beat that stays the last.
func (s *Socket) silentAt() control.Time {
	r := &s.register
	watching := r.State == control.RegisterJoining || r.State == control.RegisterMember
	if !watching || r.BeatAt == 0 || r.BeatAt == s.told {
		return control.MaxTime
	}
	return r.BeatAt.Add(time.Duration((r.Rounds+1)/2) * r.Interval())
}

// drain serves the frames that have arrived.
func (s *Socket) drain() error {
	defer s.publish()
	for range patience {
		frame, from, why, err := s.ear.hear(&s.heard)
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
		o, reply := serve(Now(), &s.register, &s.tally, s.keys, frame, s.frame[:0])
		s.frame = reply
		s.stats[o.Reason].Add(1)
		s.pending |= o.Wake
		if o.Reply {
			s.ear.answer(reply, from) // one that cannot leave is as one lost on the way
		}
	}
	return nil
}

// serve does with the bytes of a frame what the kernel's program does with them. When the
// outcome says so, the reply is appended to room, signed with the key of the ask.
func serve(now control.Time, r *control.Register, t *control.Tally, keys *Keys, frame, room []byte) (control.Outcome, []byte) {
	f, why := ParseFrame(frame, keys)
	if why != control.ReasonNone {
		return control.Outcome{Reason: why}, room
	}
	o := r.Receive(now, &f)
	switch {
	case o.Reply:
		room = AppendFrame(room, &f, keys)
	case o.Reason == control.ReasonBadKind: // addressed to this register, but an answer
		o = t.Receive(now, &f)
	}
	return o, room
}
