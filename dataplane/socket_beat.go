package dataplane

import (
	"cmp"
	"errors"

	"rollcall/control"
)

// due is when a beat of some level has to leave next.
func (s *Socket) due() control.Time {
	at := control.MaxTime
	for level := range s.tallies {
		at = min(at, s.tallies[level].Due())
	}
	return at
}

// beatWhatIsDue sends the beats whose time has come, and those that were ordered.
func (s *Socket) beatWhatIsDue(now control.Time) {
	for level := range s.tallies {
		if now >= s.tallies[level].Due() {
			s.beat(uint8(level))
		}
	}
}

// beat sends the beat of a level that is due or ordered, if one is.
func (s *Socket) beat(level uint8) {
	p := control.SeatAt(level)
	r := &s.registers[p]
	var upper *control.Register
	if level+1 < control.Levels {
		upper = &s.registers[control.PlaceOf(level+1, 0)]
	}
	f, to, wake, sent := s.tallies[level].Beat(Now(), r, upper)
	s.pending[p] |= wake
	if !sent {
		return
	}
	s.beatOn.note()
	s.publish()
	to.Clear(r.Slot) // it has voted
	s.trouble[level] = errors.Join(s.send(&control.Outgoing{Place: p, To: to, Frame: f}), retry(s.out, &s.tallies[level].Asking, f, s.keys))
}

// Trouble implements Plane.
func (s *Socket) Trouble() error { return cmp.Or(s.trouble[:]...) }
