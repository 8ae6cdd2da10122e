package levels

import (
	"fmt"

	"rollcall/control"
	"rollcall/view"
)

// numbered is what a view is known by.
type numbered struct {
	instance   uint32
	level      uint8
	group      uint16
	generation uint16
	seq        uint64
}

// epoch is what a cluster view is known by.
type epoch struct {
	instance uint32
	number   uint64
}

// sighting is one thing that a host did and that the guarantees are about. What it says depends
// on that host alone; what it means depends on what others did, and that the ledger knows.
type sighting struct {
	what sight
	host int
	view numbered

	proposal control.Proposal // accepted
	slot     uint16           // of who accepted
	votes    bool             // and whether the roster gives it that slot
	roster   *control.Roster  // that names the slots, where it is held
	members  control.Bitmap   // of a view believed to be decided
	hash     uint64           // of what was published
	cluster  *view.ClusterView
	before   epoch    // published before
	gone     []uint64 // incarnations of registers

	guarantee string // that the host broke all by itself
	how       string
}

type sight uint8

const (
	accepted  sight = iota // a register accepted a proposal
	believed               // a register takes a view for decided
	grouped                // an agent published a view of its group
	installed              // an agent published an epoch
	recorded               // a founder wrote down who votes in an epoch; the group is its own
	forgot                 // a host lost registers, and what its agent knew of their ends
	broke                  // a guarantee is broken without anybody else
)

func broken(h *host, guarantee, format string, args ...any) sighting {
	return sighting{what: broke, host: h.id, guarantee: guarantee, how: fmt.Sprintf(format, args...)}
}

// changed looks at what an ask did to a register.
func (w *World) changed(h *host, p control.Place, was *control.Register) {
	r := &h.regs[p]
	if r.Promised < was.Promised || r.Accepted.Less(was.Accepted.Ballot, was.Accepted.Seq) {
		w.see(broken(h, "G9", "register %d of n%d went back: promised %v to %v, accepted %v/%d to %v/%d", p, h.id,
			was.Promised, r.Promised, was.Accepted.Ballot, was.Accepted.Seq, r.Accepted.Ballot, r.Accepted.Seq))
	}
	if g, b := r.Committed.Ballot.Generation(), was.Committed.Ballot.Generation(); g < b || g == b && r.Committed.Seq < was.Committed.Seq {
		w.see(broken(h, "G9", "register %d of n%d forgot a decision", p, h.id))
	}
	if r.Accepted != was.Accepted {
		w.see(h.vote(r, p))
	}
	if r.Committed != was.Committed {
		w.tell(h, "  level %d group %d: takes view %d of generation %d for decided, members %x", r.Level, r.Group, r.Committed.Seq, r.Committed.Ballot.Generation(), r.Committed.Members)
		w.see(sighting{what: believed, host: h.id, view: numberOf(r, r.Committed.Ballot, r.Committed.Seq), members: r.Committed.Members})
	}
}

// vote is what a register just accepted, and whether that counts: who has a slot says the roster.
func (h *host) vote(r *control.Register, p control.Place) sighting {
	s := sighting{what: accepted, host: h.id, view: numberOf(r, r.Accepted.Ballot, r.Accepted.Seq), proposal: r.Accepted, slot: r.Slot}
	for _, held := range h.held[p] {
		if held.Version() == r.Accepted.Roster {
			s.roster = held
			seat := held.At(r.Slot)
			s.votes = seat != nil && seat.Incarnation == r.Incarnation
		}
	}
	return s
}

func numberOf(r *control.Register, b control.Ballot, seq uint64) numbered {
	return numbered{r.Instance, r.Level, r.Group, b.Generation(), seq}
}

// formed is a view of its group that a host publishes.
func formed(h *host, v *view.View) sighting {
	return sighting{what: grouped, host: h.id, view: numbered{v.Instance, 0, v.Group, v.Generation, v.Epoch}, hash: v.Hash()}
}

// install looks at an epoch that a host publishes.
func (w *World) install(h *host, v *view.ClusterView) {
	w.tell(h, "  shows epoch %d of instance %d, %d members", v.Epoch(), v.Instance, v.Top.Len())
	w.see(sighting{
		what: installed, host: h.id, view: numbered{v.Instance, v.Top.Level, v.Top.Number, v.Top.Generation, v.Epoch()},
		hash: v.Hash(), cluster: v, before: h.shown,
	})
	h.shown = epoch{v.Instance, v.Epoch()}
}
