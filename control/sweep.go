package control

import "math/bits"

// sweep is what the rounds so far show.
type sweep struct {
	over     uint64 // rounds that count and are over: bit i is round Round-i
	accusing uint64 // of those, the ones that accuse whoever did not answer them
	suspects Bitmap // missed ceil(k/2) of them since their last answer
	fallen   Bitmap // missed k
	accused  Bitmap // … and their leases have surely ended
	doubtful Bitmap // missed any
	quorumAt uint64 // last round that a quorum answered
	lost     bool   // k rounds and more came after it
}

// sweep judges the rounds that are over. Rounds, never seconds: a leader that was starved sent
// fewer rounds and accuses nobody. A round counts as missed once it is an interval old and
// another member answered it; one that nobody answered accuses nobody.
func (t *Tally) sweep(now Time, level uint8, self uint16) (s sweep) {
	others := t.New.Or(t.Old)
	others.Clear(self)
	answered := uint64(0)
	for m := others.First(); m < Slots; m = others.Next(m + 1) {
		if !t.Kin.Has(m) {
			answered |= t.Heard[m].aligned(t.Heard[m].Answered, t.Round)
		}
	}
	s.over = t.over(now)
	s.accusing = s.over
	if !t.alone(level, self) {
		s.accusing &= answered
	}
	k := int(t.Rounds)
	for m := others.First(); m < Slots; m = others.Next(m + 1) {
		if missed := t.missed(m, s.accusing); t.New.Has(m) {
			if missed > 0 {
				s.doubtful.Set(m)
			}
			if missed >= half(k) {
				s.suspects.Set(m)
			}
			if missed >= k {
				s.fallen.Set(m)
				if t.leaseOver(now, m) {
					s.accused.Set(m)
				}
			}
		}
	}
	t.quorate(level, self, others, &s)
	return s
}

// over is the set of rounds that count and are over.
func (t *Tally) over(now Time) (mask uint64) {
	ripe := ripe(t.Interval())
	for b := range uint64(64) {
		if t.Counted>>b&1 == 1 && now.Since(t.sentAt(t.Round-b)) >= ripe {
			mask |= 1 << b
		}
	}
	return mask
}

func (t *Tally) sentAt(round uint64) Time { return t.SentAt[round%uint64(len(t.SentAt))] }

// alone reports whether this node may judge without a third member's word: a group of two
// in which the lower slot goes on alone.
func (t *Tally) alone(level uint8, self uint16) bool {
	in := t.New
	if !t.decided() {
		in = in.Or(t.Old)
	}
	return Voters(level, in).Len() <= 2 && t.decides(level, Of(self))
}

// decides reports whether those in have could decide the view that comes next.
func (t *Tally) decides(level uint8, have Bitmap) bool {
	return Decides(level, have, t.New) && (t.decided() || Decides(level, have, t.Old))
}

// missed counts the rounds of the set since the member entered, or last answered.
func (t *Tally) missed(slot uint16, rounds uint64) int {
	h := &t.Heard[slot]
	return bits.OnesCount64(rounds & after(t.Round-max(h.Entered, h.Round)))
}

// after is the set of the last n rounds.
func after(n uint64) uint64 {
	if n > 63 {
		return ^uint64(0)
	}
	return 1<<n - 1
}

// quorate finds the last round that a quorum answered. Who follows a higher ballot answers, but
// not as a follower. The first members of all are waited for while they are still setting up.
func (t *Tally) quorate(level uint8, self uint16, others Bitmap, s *sweep) {
	s.quorumAt = t.QuorumAt
	newest := s.over & -s.over
	if newest == 0 || t.Seq == t.Began && !t.decided() {
		return
	}
	with := Of(self)
	for m := others.First(); m < Slots; m = others.Next(m + 1) {
		if h := &t.Heard[m]; h.Strayed == 0 && h.aligned(h.Answered, t.Round)&newest != 0 {
			with.Set(m)
		}
	}
	if t.decides(level, with) {
		s.quorumAt = t.Round - uint64(bits.TrailingZeros64(newest))
		return
	}
	s.lost = t.without(s) >= int(t.Rounds)
}

// without counts the rounds that are over and came after the last that a quorum answered.
func (t *Tally) without(s *sweep) int { return bits.OnesCount64(s.over & after(t.Round-s.quorumAt)) }
