package control

// Who missed a round is not gone yet: its link may lose frames, the group's multicast may not
// reach it, or the way between it and the leader may be broken while others' are not. So from the
// first round that a member missed on, whoever sends the beat asks it again in the same round,
// directly and through others, until an echo has come directly once more. In a healthy group
// nobody is asked twice.
//
// How often is a matter of arithmetic. Where each frame of a member is lost with probability p, a round
// trip fails with q = 1 - (1-p)^2, also one through others, whose last leg is the lossy one. With n
// more tries a round it misses the first of k rounds with q and each of the others with q^(n+1), so
// that at a rounds a second it falls every
//
//	1 / (a * (1-q) * q * q^((n+1)(k-1)))   seconds.
//
// For p = 0.2, k = 5 and a round each 10 ms that is 2.6 seconds with n = 0, 2.6 minutes with 1, 2.5
// hours with 2, 6 days with 3, and with 4 about a year: one false removal a node and year. For
// p = 0.05 and a round each millisecond it is 2 minutes with n = 0, 16 days with 1, ages with 4.
const (
	retryHelpers = 3  // with the direct one, n = 4
	retryWhole   = 8  // so many are asked through all helpers; more of them through one each
	retryMost    = 32 // so many are asked again in one round, by turns
)

// Retries is the beat that has just left once more, for those in doubt: to the slot in To, or,
// with FlagRelay, to the one in Via, which passes it on. It is the same round, with the time at
// which that was sent.
func (a *Asking) Retries(beat Frame) (again []Frame) {
	doubtful := turn(a.Doubtful, beat.Round, retryMost)
	helpers := turn(a.Helpers, beat.Round, retryHelpers)
	if doubtful.Len() > retryWhole {
		helpers = turn(a.Helpers, beat.Round, 1)
	}
	for s := doubtful.First(); s < Slots; s = doubtful.Next(s + 1) {
		f := beat
		f.To = s
		again = append(again, f)
		for v := helpers.First(); v < Slots; v = helpers.Next(v + 1) {
			f.Flags, f.Via = beat.Flags|FlagRelay, v
			again = append(again, f)
		}
	}
	return again
}

// Hop is the slot that a frame leaves for.
func (f *Frame) Hop() uint16 {
	if f.Flags&FlagRelay != 0 {
		return f.Via
	}
	return f.To
}

// For is whom a frame that leaves for a slot is for.
func (f *Frame) For(hop uint16) uint16 {
	if f.Flags&FlagRelay != 0 {
		return f.To
	}
	return hop
}

// turn is the most of a set whose turn it is in a round: each round goes on where the last stopped.
func turn(all Bitmap, round uint64, most int) (some Bitmap) {
	n := uint64(all.Len())
	if n <= uint64(most) {
		return all
	}
	rank := n - round*uint64(most)%n // of the first slot, counted from where the turn begins
	for s := all.First(); s < Slots; s = all.Next(s + 1) {
		if rank%n < uint64(most) {
			some.Set(s)
		}
		rank++
	}
	return some
}
