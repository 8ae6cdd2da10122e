package explore

import (
	"fmt"

	"rollcall/control"
	"rollcall/view"
)

// sighting is one thing that a host did and that the guarantees are about. What it says depends
// on that host alone; what it means depends on what others did, and that the ledger knows.
type sighting struct {
	what      sight
	host      int
	instance  uint32
	proposal  control.Proposal // accepted
	slot      uint16           // of who accepted
	votes     bool             // and whether the roster gives it that slot
	hosts     uint8            // of the proposed members, by the roster
	epoch     uint64           // believed to be decided, or installed
	members   control.Bitmap   // of that view
	hash      uint64           // of the view installed
	last      viewKey          // installed before
	guarantee string           // that the host broke all by itself
	how       string
}

type sight uint8

const (
	accepted  sight = iota // a register accepted a proposal
	believed               // a register takes a view for decided
	installed              // an agent published a view
	forgot                 // a host lost its register, and what its agent knew of its end
	broke                  // a guarantee is broken without anybody else
)

func broken(h *host, guarantee, format string, args ...any) sighting {
	return sighting{what: broke, host: h.id, guarantee: guarantee, how: fmt.Sprintf(format, args...)}
}

// changed looks at what an ask did to a register.
func (w *World) changed(h *host, was *control.Register) {
	r := &h.reg
	if r.Promised < was.Promised || r.Accepted.Less(was.Accepted.Ballot, was.Accepted.Seq) || r.Committed.Seq < was.Committed.Seq {
		w.see(broken(h, "G9", "the register of n%d went back: promised %v to %v, accepted %v/%d to %v/%d, committed %d to %d", h.id,
			was.Promised, r.Promised, was.Accepted.Ballot, was.Accepted.Seq, r.Accepted.Ballot, r.Accepted.Seq, was.Committed.Seq, r.Committed.Seq))
	}
	if r.Accepted != was.Accepted {
		w.see(h.vote())
	}
	if r.Committed.Seq != was.Committed.Seq {
		w.tell(h, "  takes view %d %v for decided", r.Committed.Seq, r.Committed.Members[0])
		w.see(sighting{what: believed, host: h.id, instance: r.Instance, epoch: r.Committed.Seq, members: r.Committed.Members})
	}
}

// vote is what the host just accepted, and whether that counts: who has a slot says the roster.
func (h *host) vote() sighting {
	r := &h.reg
	s := sighting{what: accepted, host: h.id, instance: r.Instance, proposal: r.Accepted, slot: r.Slot}
	names := h.holds(r.Accepted.Roster)
	seat := names.At(r.Slot)
	s.votes = seat != nil && seat.Incarnation == r.Incarnation
	for i := range names.Seats {
		if seat := &names.Seats[i]; r.Accepted.New.Has(seat.Slot) {
			s.hosts |= 1 << number(seat.Name)
		}
	}
	return s
}

// holds is the roster of a version that the host's agent holds, or an empty one.
func (h *host) holds(version uint64) *control.Roster {
	for _, r := range h.rosters {
		if r.Version() == version {
			return r
		}
	}
	return &control.Roster{}
}

// counted looks at an answer that a tally took: only the incarnation that the roster names
// has a voice.
func (w *World) counted(h *host, f *control.Frame, why control.Reason) {
	switch why {
	case control.ReasonEchoTaken, control.ReasonPromiseTaken, control.ReasonAnswerTaken:
		if f.From < slots && f.Reply.Incarnation != h.expected[f.From] {
			w.see(broken(h, "votes", "n%d counts incarnation %x in slot %d, where its roster names %x", h.id, f.Reply.Incarnation, f.From, h.expected[f.From]))
		}
	}
}

// install looks at a view that a host publishes.
func (w *World) install(h *host, v *view.View) {
	w.tell(h, "  installs view %d of instance %d, %d members", v.Epoch, v.Instance, len(v.Members))
	s := sighting{what: installed, host: h.id, instance: v.Instance, epoch: v.Epoch, hash: v.Hash(), last: h.last}
	for _, m := range v.Members {
		s.members.Set(m.Slot)
	}
	h.last = viewKey{v.Instance, v.Epoch}
	w.see(s)
}
