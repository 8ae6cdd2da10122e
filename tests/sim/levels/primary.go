package levels

import (
	"slices"

	"rollcall/control"
)

// Primary (G3): one side of a partition goes on, and one instance of the cluster lives.

// life is an instance of the cluster.
type life struct {
	instance   uint32
	generation uint16           // of the top: the operator may have it begin another
	decided    []electorate     // epochs
	recorded   map[*host]uint64 // the latest epoch that a founder's disk ever held of it
	forgotten  bool             // a later one was founded, and nobody who did could know of it
}

// electorate is who votes in an epoch, by incarnation.
type electorate struct {
	epoch    uint64
	voters   []uint64
	proposal control.Proposal
}

// life gives what is known of an instance.
func (l *ledger) life(instance uint32) *life {
	x := l.lives[instance]
	if x == nil {
		x = &life{instance: instance, recorded: map[*host]uint64{}}
		l.lives[instance] = x
	}
	return x
}

// follows looks at a decision: it must rest on the one before it in its group, and at the top be of the
// one instance, and of its one generation, that lives. A group below that is cut off may go on beside the
// one that was formed anew, but nobody there may trust its view (fence).
func (l *ledger) follows(n number, p *control.Proposal) {
	before := n
	before.seq--
	if last := l.chosen[before]; last != nil && last.New != p.Old {
		l.w.fail("G3", "%+v follows %x, but %x were its members", n, p.Old, last.New)
	}
	if n.level != l.w.Top {
		return
	}
	x := l.life(n.instance)
	switch {
	case l.head != nil && n.instance < l.head.instance && !x.forgotten:
		l.w.fail("G3", "%+v is decided while instance %d lives", n, l.head.instance)
	case n.generation < x.generation:
		l.w.fail("G3", "%+v is decided while generation %d lives", n, x.generation)
	}
	x.generation = max(x.generation, n.generation)
	x.decided = append(x.decided, electorate{n.seq, l.voters(p), *p})
	if l.head != nil && n.instance <= l.head.instance {
		return
	}
	l.head = x
	for _, other := range l.lives {
		if other.instance < n.instance && l.lost(other) {
			other.forgotten = true
		}
	}
	for _, h := range l.w.hosts {
		l.outlived(h)
	}
}

// voters lists the incarnations of those who vote at the top once a view is decided.
func (l *ledger) voters(p *control.Proposal) (is []uint64) {
	set := control.Voters(l.w.Top, p.New)
	for s := set.First(); s < control.Slots; s = set.Next(s + 1) {
		is = append(is, l.rosters[p.Roster].At(s).Incarnation)
	}
	return is
}

// lost reports whether founders may take an instance for dead that they can not know to go on: most of the voters of
// an epoch that may be the newest in the records of a majority of them know nothing of it any more. It
// may have gone on with those few that remained. Who is let in by the next epoch is on record before.
func (l *ledger) lost(x *life) bool {
	var records []uint64
	for _, h := range l.w.founders() {
		records = append(records, x.recorded[h])
	}
	slices.Sort(records)
	for i, e := range x.decided {
		grows := i+1 < len(x.decided) && len(x.decided[i+1].voters) > len(e.voters)
		if e.epoch >= records[len(records)/2] && l.gone(e) && (!grows || l.gone(x.decided[i+1])) {
			return true
		}
	}
	return false
}

// gone reports whether most of those voters are.
func (l *ledger) gone(e electorate) bool {
	gone := 0
	for _, v := range e.voters {
		if l.ended[v] {
			gone++
		}
	}
	return 2*gone > len(e.voters)
}

// outlived looks whether a host trusts a view of an instance while a later one lives.
func (l *ledger) outlived(h *host) {
	r := &h.regs[0]
	if l.head == nil || r.Instance >= l.head.instance || !h.trusts() {
		return
	}
	if l.life(r.Instance).forgotten {
		l.w.Beside = true
		return
	}
	l.w.fail("G3", "%s trusts a view of instance %d for another %v while instance %d lives",
		h.name, r.Instance, h.until(min(r.LeaseUntil, r.UpperUntil)), l.head.instance)
}

// forget takes note that registers are no more, and that nobody is left on their host who could say what
// became of them.
func (l *ledger) forget(incarnations ...uint64) {
	for _, i := range incarnations {
		l.ended[i] = true
	}
}
