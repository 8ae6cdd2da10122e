package control

import "time"

// How long a leader may be silent, by the timing of its last beat.

// Calm is how long after a beat a prepare is refused: k+1 intervals.
func (r *Register) Calm() time.Duration { return time.Duration(r.Rounds+1) * r.Interval() }

// SilentAfter is how long after a beat the silence of its leader is suspicious: ceil(k/2) intervals.
func (r *Register) SilentAfter() time.Duration {
	return time.Duration(half(int(r.Rounds))) * r.Interval()
}

// LostAfter is how long after a beat its leader is looked for elsewhere.
func (r *Register) LostAfter() time.Duration { return 2*r.Calm() + time.Second }
