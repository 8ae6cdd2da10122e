package sim

import (
	"rollcall/control"
	"rollcall/view"
)

// ledger knows everything that no single node can know: who accepted what and when, and so
// what was decided and since when. What guarantees make of that is in a file for each:
// agreement.go (G1), order.go (G2), primary.go (G3), fence.go (G4), accuse.go (G5), cuts.go (G6 and
// G7), progress.go (G8), restart.go (G9).
type ledger struct {
	w         *World
	rosters   map[uint64]*control.Roster // by version: whose votes count
	votes     map[proposalKey]*vote
	proposed  map[viewKey][]control.Bitmap // contents proposed, under whatever ballot
	chosen    map[viewKey]*choice
	head      *choice            // the highest of the highest instance
	began     map[uint32]Instant // when an instance decided its first view
	foundings map[proposer]*founding
	contents  map[viewKey]content
	order     map[int]viewKey // what a host last installed
	removals  []removal
}

// proposalKey names a proposal; its content is the same whoever holds it.
type proposalKey struct {
	instance uint32
	ballot   control.Ballot
	seq      uint64
}

// viewKey names a decided view.
type viewKey struct {
	instance   uint32
	generation uint16
	seq        uint64
}

type vote struct {
	proposal control.Proposal
	voters   control.Bitmap
}

// choice is a decided view and the moment from which it could not be undone.
type choice struct {
	viewKey
	at       Instant
	proposal control.Proposal
}

type content struct {
	hash    uint64
	host    int
	members []view.Identity
}

// removal is a view change that took members out, for the tests that count them.
type removal struct {
	at      Instant
	seq     uint64
	gone    control.Bitmap
	carried int // beats that carried it until it was decided
	rounds  int // as the leader's event told; 0: not told
}

func (l *ledger) start(w *World) {
	*l = ledger{
		w: w, rosters: map[uint64]*control.Roster{}, votes: map[proposalKey]*vote{}, proposed: map[viewKey][]control.Bitmap{},
		chosen: map[viewKey]*choice{}, began: map[uint32]Instant{}, foundings: map[proposer]*founding{}, contents: map[viewKey]content{}, order: map[int]viewKey{},
	}
}

// name keeps a roster, by which votes are counted.
func (l *ledger) name(r *control.Roster) { l.rosters[r.Version()] = r }

// accepted counts a vote where it is cast, if the roster of the proposal names this incarnation.
func (l *ledger) accepted(h *host) {
	a := &h.reg.Accepted
	key := proposalKey{h.reg.Instance, a.Ballot, a.Seq}
	v := l.votes[key]
	if v == nil {
		v = &vote{proposal: *a}
		l.votes[key] = v
		vk := viewKey{key.instance, a.Ballot.Generation(), a.Seq}
		l.proposed[vk] = append(l.proposed[vk], a.New)
		l.w.tell(h.id, "proposal", "%v/%d new %s old %s", a.Ballot, a.Seq, slots(a.New), slots(a.Old))
	}
	if !l.oneProposal(h, v) {
		return
	}
	if r := l.rosters[a.Roster]; r == nil || r.At(h.reg.Slot) == nil || r.At(h.reg.Slot).Incarnation != h.reg.Incarnation {
		return
	}
	v.voters.Set(h.reg.Slot)
	if control.Quorum(v.voters, a.Old) && control.Quorum(v.voters, a.New) {
		l.choose(key.instance, &v.proposal)
	}
}

// choose takes note of a decision.
func (l *ledger) choose(instance uint32, p *control.Proposal) {
	k := viewKey{instance, p.Ballot.Generation(), p.Seq}
	if c := l.chosen[k]; c != nil {
		l.oneDecision(c, p)
		return
	}
	c := &choice{viewKey: k, at: l.w.now, proposal: *p}
	l.chosen[k] = c
	if _, ok := l.began[instance]; !ok {
		l.began[instance] = l.w.now
		l.begins(c)
	}
	l.follows(c)
	if l.head == nil || l.head.instance < instance || l.head.instance == instance && l.head.seq < p.Seq {
		l.head = c
	}
	l.w.Views++
	if gone := p.Old.Minus(p.New); !gone.Empty() {
		l.w.Removals += gone.Len()
		l.removals = append(l.removals, removal{at: l.w.now, seq: p.Seq, gone: gone, carried: l.w.carried(p)})
	}
	l.w.tell(-1, "decided", "instance %d seq %d under %v: %s", instance, p.Seq, p.Ballot, slots(p.New))
	l.fenceAll(c)
}

// replaced reports whether the view has somebody else where the host's register has its slot: who was removed, or
// invited and never let in, may not know it, and its votes do not count. A view that nobody has shown replaces nobody.
func (l *ledger) replaced(h *host, c *choice) bool {
	for _, m := range l.contents[c.viewKey].members {
		if m.Slot == h.reg.Slot {
			return m.Incarnation != h.reg.Incarnation
		}
	}
	return false
}

// installed takes note of a view that a node publishes.
func (l *ledger) installed(h *host, v *view.View) {
	k := viewKey{v.Instance, v.Generation, v.Epoch}
	l.w.tell(h.id, "install", "instance %d epoch %d hash %x leader %s members %s", v.Instance, v.Epoch, v.Hash(), v.Leader, names(v.Members))
	l.forward(h, k)
	l.order[h.id] = k
	l.sameContent(h, k, v)
}

// happened takes what a node tells of itself.
func (l *ledger) happened(h *host, e *control.Event) {
	switch e.Kind {
	case control.EventElected:
		l.w.Elections++
	case control.EventMismatch:
		l.w.fail("G1", "%s: content does not match its digest: %s", h.name, e.Why)
	case control.EventInstalled:
		if len(e.Evidence) == 0 {
			return
		}
		for i := range l.removals {
			if r := &l.removals[i]; r.seq == e.To && r.rounds == 0 {
				r.rounds = e.Rounds
			}
		}
	}
}
