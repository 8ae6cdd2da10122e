package control

// A rail is one of the networks that all nodes are on: rail 0 of every node shares one, rail 1
// another. Every ask leaves by each rail that its addressee has as well, and is answered by the
// rail that it came by. One answer is enough, by whichever: a rail that is dead removes nobody.
//
// Frames do not name their rail; they are the same on all. The rail is the one to whose address a
// frame came. A register answers each copy of the last beat, the first by each rail, with the same
// echo; a tally takes the first echo of a round as the answer, and of the others no more than by
// which rail they came. What travelled through another member says nothing of rails.
//
// Rails are judged as members are, by rounds: a rail is lost to a member when the member answered by
// others while it missed k rounds by this one. It is told, and changes nothing else.

// noRail as Frame.Rail is by which an ask of this host's own comes to it.
const noRail = RailsMax

// beginRails is for the first beat of a ballot, whose rounds have nothing to do with those before:
// no rail has missed any.
func (r *Register) beginRails(round uint64) {
	for i := range r.BeatRails {
		r.BeatRails[i] = round - 1
	}
}

// newByRail notes that a beat of the last round came by its rail, and reports whether it is the first
// that did.
func (r *Register) newByRail(f *Frame) bool { return newByRail(&r.BeatRails, f) }

// newByRail notes that an echo came by its rail, and reports whether it is the first of its round
// that did, or of a later one.
func (h *Heard) newByRail(f *Frame) bool { return newByRail(&h.Rails, f) }

func newByRail(rails *[RailsMax]uint64, f *Frame) bool {
	if f.Rail == noRail || f.Flags&FlagRelay != 0 || int64(f.Round-rails[f.Rail]) <= 0 {
		return false
	}
	rails[f.Rail] = f.Round
	return true
}
