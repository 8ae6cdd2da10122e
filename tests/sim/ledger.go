package sim

import (
	"rollcall/control"
	"rollcall/view"
)

// ledger knows everything that no single node can know: who accepted what and when, and so
// what was decided and since when. It checks agreement (G1), order (G2), that one side and
// one instance decide (G3), and that no promise is lost (G9).
type ledger struct {
	w        *World
	votes    map[proposalKey]*vote
	proposed map[viewKey][]control.Bitmap // contents proposed, under whatever ballot
	chosen   map[viewKey]*choice
	head     *choice            // the highest of the highest instance
	began    map[uint32]Instant // when an instance decided its first view
	contents map[viewKey]content
	order    map[int]viewKey // what a host last installed
	removals []removal
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
	hash uint64
	host int
}

// removal is a view change that took members out, for the tests that count them.
type removal struct {
	at     Instant
	seq    uint64
	gone   control.Bitmap
	rounds int // as the leader's event told; 0: not told
}

func (l *ledger) start(w *World) {
	*l = ledger{
		w: w, votes: map[proposalKey]*vote{}, proposed: map[viewKey][]control.Bitmap{},
		chosen: map[viewKey]*choice{}, began: map[uint32]Instant{}, contents: map[viewKey]content{}, order: map[int]viewKey{},
	}
}

// mark is what a register held before something happened to it.
type mark struct {
	incarnation uint64
	state       control.RegisterState
	promised    control.Ballot
	ballot      control.Ballot
	seq         uint64
	committed   uint64
	lease       control.Time
}

func (h *host) mark() mark {
	r := &h.reg
	return mark{r.Incarnation, r.State, r.Promised, r.Accepted.Ballot, r.Accepted.Seq, r.Committed.Seq, r.LeaseUntil}
}

// changed looks at what a frame did to a register.
func (h *host) changed(was mark) {
	r, l := &h.reg, &h.w.ledger
	if r.Promised < was.promised || r.Committed.Seq < was.committed || r.Accepted.Less(was.ballot, was.seq) {
		l.w.fail("G9", "the register of %s went back from %+v to promised %v, accepted %v/%d, committed %d",
			h.name, was, r.Promised, r.Accepted.Ballot, r.Accepted.Seq, r.Committed.Seq)
	}
	if was.ballot != r.Accepted.Ballot || was.seq != r.Accepted.Seq {
		l.accepted(h)
	}
	if was.committed != r.Committed.Seq {
		l.committed(h)
	}
	if was.state != r.State || was.lease != r.LeaseUntil {
		h.fence(was)
	}
}

// accepted counts a vote where it is cast.
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
	if v.proposal != *a {
		l.w.fail("G1", "%v/%d is two proposals: %+v and, at %s, %+v", a.Ballot, a.Seq, v.proposal, h.name, *a)
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
		if c.proposal.New != p.New || c.proposal.Digest != p.Digest {
			l.w.fail("G1", "instance %d seq %d was decided as %s under %v and as %s under %v",
				instance, p.Seq, slots(c.proposal.New), c.proposal.Ballot, slots(p.New), p.Ballot)
		}
		return
	}
	if before := l.chosen[viewKey{instance, k.generation, p.Seq - 1}]; before != nil && before.proposal.New != p.Old {
		l.w.fail("G3", "seq %d follows %s, but %s were its members", p.Seq, slots(p.Old), slots(before.proposal.New))
	}
	c := &choice{viewKey: k, at: l.w.now, proposal: *p}
	l.chosen[k] = c
	if _, ok := l.began[instance]; !ok {
		l.began[instance] = l.w.now
	}
	if l.head != nil && l.head.instance > instance {
		l.w.fail("G3", "instance %d decides seq %d while instance %d lives", instance, p.Seq, l.head.instance)
	}
	if l.head == nil || l.head.instance < instance || l.head.instance == instance && l.head.seq < p.Seq {
		l.head = c
	}
	l.w.Views++
	if gone := p.Old.Minus(p.New); !gone.Empty() {
		l.w.Removals += gone.Len()
		l.removals = append(l.removals, removal{at: l.w.now, seq: p.Seq, gone: gone})
	}
	l.w.tell(-1, "decided", "instance %d seq %d under %v: %s", instance, p.Seq, p.Ballot, slots(p.New))
	l.fenceAll(c)
}

// committed checks what a register believes to be decided.
func (l *ledger) committed(h *host) {
	r := &h.reg
	c := l.chosen[viewKey{r.Instance, r.Accepted.Ballot.Generation(), r.Committed.Seq}]
	if c == nil {
		l.w.fail("G1", "%s takes instance %d seq %d for decided, which it is not", h.name, r.Instance, r.Committed.Seq)
	} else if c.proposal.New != r.Committed.Members {
		l.w.fail("G1", "%s holds %s for the members of seq %d, decided were %s",
			h.name, slots(r.Committed.Members), r.Committed.Seq, slots(c.proposal.New))
	}
}

// installed checks a view that a node publishes.
func (l *ledger) installed(h *host, v *view.View) {
	k := viewKey{v.Instance, v.Generation, v.Epoch}
	hash := v.Hash()
	l.w.tell(h.id, "install", "instance %d epoch %d hash %x leader %s members %s", v.Instance, v.Epoch, hash, v.Leader, names(v.Members))

	last, again := l.order[h.id]
	if again && before(k, last) {
		l.w.fail("G2", "%s installs %+v after %+v", h.name, k, last)
	}
	l.order[h.id] = k

	if c, ok := l.contents[k]; !ok {
		l.contents[k] = content{hash, h.id}
	} else if c.hash != hash {
		l.w.fail("G1", "%s installs %+v with hash %x, %s installed it with %x: %s",
			h.name, k, hash, l.w.hosts[c.host].name, c.hash, names(v.Members))
	}
	c := l.chosen[k]
	if c == nil {
		l.w.fail("G1", "%s installs %+v, which is not decided", h.name, k)
		return
	}
	var members control.Bitmap
	for _, m := range v.Members {
		members.Set(m.Slot)
	}
	if members != c.proposal.New {
		l.w.fail("G1", "%s installs %+v with slots %s, decided were %s", h.name, k, slots(members), slots(c.proposal.New))
	}
}

func before(a, b viewKey) bool {
	if a.instance != b.instance {
		return a.instance < b.instance
	}
	if a.generation != b.generation {
		return a.generation < b.generation
	}
	return a.seq < b.seq
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
