package levels

import (
	"rollcall/control"
	"rollcall/view"
)

// ledger knows everything that no single node can know, of groups and of the cluster view. It
// checks agreement (G1), order (G2), that of instances and of sides of a partition one goes on (G3, primary.go),
// that whoever is removed has no lease (G4), and that no register goes back (G9).
type ledger struct {
	w       *World
	votes   map[proposal]*ballotBox
	chosen  map[number]*control.Proposal
	rosters map[uint64]*control.Roster
	groups  map[number]uint64 // hash of the group's view
	epochs  map[[2]uint64]uint64
	latest  *view.ClusterView
	members map[uint64]*host // by incarnation: who was in the latest epoch
	leftOut map[uint64]int   // by epoch, how many that ran and had been members it was without
	removed map[uint64]*host // who was in an earlier one and is not
	lives   map[uint32]*life
	head    *life           // the highest that decided an epoch
	ended   map[uint64]bool // incarnations of which nobody knows any more
}

type proposal struct {
	instance uint32
	level    uint8
	group    uint16
	ballot   control.Ballot
	seq      uint64
}

// number is what a decided view is known by.
type number struct {
	instance   uint32
	level      uint8
	group      uint16
	generation uint16
	seq        uint64
}

type ballotBox struct {
	control.Proposal
	voters control.Bitmap
}

func (l *ledger) start(w *World) {
	*l = ledger{
		w: w, rosters: map[uint64]*control.Roster{}, votes: map[proposal]*ballotBox{}, chosen: map[number]*control.Proposal{}, groups: map[number]uint64{},
		epochs: map[[2]uint64]uint64{}, members: map[uint64]*host{}, removed: map[uint64]*host{},
		leftOut: map[uint64]int{}, lives: map[uint32]*life{}, ended: map[uint64]bool{},
	}
}

// mark is what a register held before something happened to it.
type mark struct {
	promised  control.Ballot
	accepted  control.Ballot
	seq       uint64
	committed control.Commit
	beatAt    control.Time
}

func (h *host) mark(p control.Place) mark {
	r := &h.regs[p]
	return mark{r.Promised, r.Accepted.Ballot, r.Accepted.Seq, r.Committed, r.BeatAt}
}

// changed looks at what a frame did to a register.
func (l *ledger) changed(h *host, p control.Place, was mark) {
	r := &h.regs[p]
	if r.Promised < was.promised || r.Accepted.Less(was.accepted, was.seq) {
		l.w.fail("G9", "the register %d of %s went back", p, h.name)
	}
	if was.accepted != r.Accepted.Ballot || was.seq != r.Accepted.Seq {
		l.accepted(r, h)
	}
	if was.committed != r.Committed {
		k := number{r.Instance, r.Level, r.Group, r.Committed.Ballot.Generation(), r.Committed.Seq}
		if c := l.chosen[k]; c == nil {
			l.w.fail("G1", "%s takes %+v for decided, which it is not", h.name, k)
		} else if c.New != r.Committed.Members {
			l.w.fail("G1", "%s holds other members of %+v than were decided", h.name, k)
		}
	}
	l.fence(h)
	l.outlived(h)
}

// name keeps the rosters by which votes are counted.
func (l *ledger) name(rosters []*control.Roster) {
	for _, r := range rosters {
		l.rosters[r.Version()] = r
	}
}

// accepted counts a vote where it is cast, if the roster of the proposal names this incarnation.
func (l *ledger) accepted(r *control.Register, h *host) {
	k := proposal{r.Instance, r.Level, r.Group, r.Accepted.Ballot, r.Accepted.Seq}
	b := l.votes[k]
	if b == nil {
		b = &ballotBox{Proposal: r.Accepted}
		l.votes[k] = b
	}
	if b.Proposal != r.Accepted {
		l.w.fail("G1", "%+v is two proposals: %+v, and at %s %+v", k, b.Proposal, h.name, r.Accepted)
	}
	if seats := l.rosters[r.Accepted.Roster]; seats == nil || seats.At(r.Slot) == nil || seats.At(r.Slot).Incarnation != r.Incarnation {
		return
	}
	b.voters.Set(r.Slot)
	if !control.Decides(r.Level, b.voters, b.Old) || !control.Decides(r.Level, b.voters, b.New) {
		return
	}
	n := number{k.instance, k.level, k.group, k.ballot.Generation(), k.seq}
	if c := l.chosen[n]; c == nil {
		chosen := b.Proposal
		l.chosen[n] = &chosen
		l.follows(n, &chosen)
		if l.w.Decided != nil {
			l.w.Decided(k.level, chosen)
		}
		l.w.tell(nil, "decided", "level %d group %d, %v/%d digest %x", k.level, k.group, k.ballot, k.seq, b.Digest)
	} else if c.New != b.New || c.Digest != b.Digest {
		l.w.fail("G1", "%+v was decided twice: %+v and %+v", n, *c, b.Proposal)
	}
}

// group checks a view of a group of level 0.
func (l *ledger) group(h *host, v *view.View) {
	k := number{v.Instance, 0, v.Group, v.Generation, v.Epoch}
	if hash, ok := l.groups[k]; ok && hash != v.Hash() {
		l.w.fail("G1", "%s installs another view %+v than others did", h.name, k)
	}
	l.groups[k] = v.Hash()
	if l.chosen[k] == nil {
		l.w.fail("G1", "%s installs view %+v, which is not decided", h.name, k)
	}
	l.w.tell(h, "group", "%d: generation %d, view %d of %d", v.Group, v.Generation, v.Epoch, len(v.Members))
}

// installed checks an epoch that a host publishes after another.
func (l *ledger) installed(h *host, before, v *view.ClusterView) {
	if before != nil && (v.Instance < before.Instance && !l.life(v.Instance).forgotten || v.Instance == before.Instance && v.Epoch() < before.Epoch()) {
		l.w.fail("G2", "%s goes from epoch %d of instance %d back to %d of %d", h.name, before.Epoch(), before.Instance, v.Epoch(), v.Instance)
	}
	l.w.tell(h, "install", "epoch %d, %d members, led by %s", v.Epoch(), v.Top.Len(), v.Leader)
	k := [2]uint64{uint64(v.Instance), v.Epoch()}
	if hash, ok := l.epochs[k]; ok && hash != v.Hash() {
		l.w.fail("G1", "%s installs another epoch %d than others did", h.name, v.Epoch())
	}
	l.epochs[k] = v.Hash()
	n := number{v.Instance, v.Top.Level, v.Top.Number, v.Top.Generation, v.Epoch()}
	if c := l.chosen[n]; c == nil || c.Digest != v.Hash() {
		l.w.fail("G1", "%s installs epoch %+v, which is not decided", h.name, n)
	}
	last := l.latest
	if last != nil && (v.Instance < last.Instance || v.Instance == last.Instance && v.Epoch() <= last.Epoch()) {
		return
	}
	beside := last != nil && v.Instance > last.Instance && l.life(last.Instance).forgotten // its members are for outlived
	l.latest = v
	l.w.Epochs++
	now := map[uint64]*host{}
	for m := range v.Top.All() {
		now[m.Incarnation] = l.w.named(m.Name)
	}
	for incarnation, other := range l.members {
		if now[incarnation] == nil && !beside {
			l.removed[incarnation] = other
		}
	}
	for incarnation := range now {
		delete(l.removed, incarnation)
	}
	l.members = now
	for incarnation, other := range l.removed {
		if other.up && other.regs[0].Incarnation == incarnation {
			l.leftOut[v.Epoch()]++
		}
	}
	for _, other := range l.w.hosts {
		l.fence(other)
	}
}

// trusts reports whether who asks on this host is told that its view is valid.
func (h *host) trusts() bool {
	r := &h.regs[0]
	return h.up && r.Valid(h.clock()) && h.view != nil && h.view.Instance == r.Instance && h.view.Epoch() >= r.Epoch
}

// fence looks whether a host that the latest epoch is without still takes its view for valid.
func (l *ledger) fence(h *host) {
	r := &h.regs[0]
	if l.removed[r.Incarnation] == h && h.trusts() {
		l.w.fail("G4", "%s is not in epoch %d, and its leases run for another %v and %v",
			h.name, l.latest.Epoch(), h.until(r.LeaseUntil), h.until(min(r.UpperUntil, r.LeaseUntil)))
	}
}

// happened takes what a host tells of itself.
func (l *ledger) happened(h *host, e *control.Event) {
	l.w.tell(h, "event", "level %d %v %d to %d: joined %v removed %v %s", e.Level, e.Kind, e.From, e.To, e.Joined, e.Removed, e.Why)
	if e.Kind == control.EventMismatch {
		l.w.fail("G1", "%s: %s", h.name, e.Why)
	}
}
