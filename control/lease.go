package control

// What a register knows of leases (doc.go has the rules): its own, and what its leader hands down of those above.

// time takes the beat's timing, extends the lease (lease rule 1) and remembers the
// echo that is about to leave. What the beat says remains of the lease of the level above counts
// from the same echo, since how long the beat was on its way nobody knows: the echo left before
// the leader said so. That costs a round, which is why leases above are longer (Config.Rounds).
func (r *Register) time(now Time, f *Frame) {
	a := &f.Ask
	r.SilenceUS = 0
	if r.BeatAt != 0 {
		r.SilenceUS = clampUS(now.Since(r.BeatAt))
	}
	if f.Ballot != r.BeatBallot {
		r.Echoed = [2]Echoed{}
		r.beginRails(f.Round)
	}
	r.BeatBallot, r.BeatRound, r.BeatAt, r.Key = f.Ballot, f.Round, now, f.Key
	r.newByRail(f)
	r.IntervalUS, r.LeaseUS, r.Rounds = a.IntervalUS, a.LeaseUS, uint32(a.Rounds)
	r.Heard = a.Heard1.Or(a.Heard2)
	behind := r.behind(now, a)
	if !behind {
		r.Epoch, r.EpochDigest = a.Epoch, a.EpochDigest
	}
	if f.Flags&FlagAway != 0 {
		r.Away, r.Accused = 1, a.Stale
	} else {
		r.Away, r.Accused, r.Stale = 0, Bitmap{}, a.Stale
	}
	if a.UpperUS == NoUpper {
		r.UpperUntil = MaxTime
	}
	if r.State == RegisterMember && r.abreast(f) {
		at := Time(0)
		if a.Heard1.Has(r.Slot) {
			at = r.echoedAt(f.Round - 1)
		}
		if at == 0 && a.Heard2.Has(r.Slot) {
			at = r.echoedAt(f.Round - 2)
		}
		if until := at + Time(a.LeaseUS)*1000; at != 0 && r.LeaseUntil < until {
			r.LeaseUntil = until
		}
		if at != 0 && a.UpperUS != NoUpper && !behind {
			r.UpperUntil = at + Time(a.UpperUS)*1000
		}
	}
	r.Echoed[1] = r.Echoed[0]
	r.Echoed[0] = Echoed{Round: f.Round, At: now}
}

// behind reports whether a leader tells of an earlier epoch than was told with the lease from above that still runs,
// as one does that has no place above yet. That lease vouches for views of the later epoch alone, so until it ends
// neither changes.
func (r *Register) behind(now Time, a *Ask) bool {
	return a.UpperUS != NoUpper && r.UpperUntil != MaxTime && now < r.UpperUntil && a.Epoch < r.Epoch
}

// abreast reports whether the register knows the last view that the beat tells to be decided. One that does not may be
// out of that view, and its slot another's, whom the beat says it heard.
func (r *Register) abreast(f *Frame) bool {
	return r.Committed.Seq >= f.Ask.Committed && r.Committed.Ballot.Generation() == f.Ballot.Generation()
}

func (r *Register) echoedAt(round uint64) Time {
	for _, e := range r.Echoed {
		if e.Round == round {
			return e.At
		}
	}
	return 0
}

// Valid reports whether the register's leases, its own and what it knows of those above,
// still run.
func (r *Register) Valid(now Time) bool { return r.Leased(now) && now < r.UpperUntil }

// Leased reports whether the register's own lease still runs: its group has a leader, whatever
// became of the levels above.
func (r *Register) Leased(now Time) bool { return r.State == RegisterMember && now < r.LeaseUntil }

// Outdates reports whether beats told of a later epoch than that one, or of another content for it.
func (r *Register) Outdates(epoch, digest uint64) bool {
	return r.Epoch > epoch || r.Epoch == epoch && r.EpochDigest != digest && r.EpochDigest != 0
}

// RemainingUS is what is left of the register's leases, in the form in which a beat hands it
// down to the level below.
func (r *Register) RemainingUS(now Time) uint32 {
	switch until := min(r.LeaseUntil, r.UpperUntil); {
	case !r.Valid(now):
		return 0
	case until == MaxTime:
		return NoUpper
	default:
		return min(clampUS(until.Since(now)), NoUpper-1)
	}
}
