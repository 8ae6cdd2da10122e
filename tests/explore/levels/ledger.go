package levels

import (
	"fmt"
	"slices"
	"unsafe"

	"rollcall/control"
	"rollcall/tests/explore/memory"
	"rollcall/view"
)

// ledger knows what no host can know: who accepted what, and so what was decided, at every level. It
// has its own idea of a majority and of who votes, so that it notices when that of package control
// is wrong.
type ledger struct {
	proposals []proposal
	decided   []decision
	appointed []appointment
	begun     []beginning
	groups    []published
	epochs    []published
	latest    *view.ClusterView // the highest epoch that anybody published
	founders  int
	lives     []life   // instances
	ended     []uint64 // incarnations of which nobody knows any more, ascending
	only      string   // the guarantee that is checked; empty: all
	violation error
}

// proposal is a view as it was accepted somewhere, and by whom.
type proposal struct {
	numbered
	control.Proposal
	voters control.Bitmap
}

// decision is a view that a majority accepted.
type decision struct {
	numbered
	members control.Bitmap
	digest  uint64
}

// appointment is a decision of the level above: that host, and nobody else, forms the group in that
// generation.
type appointment struct {
	instance   uint32
	group      uint16
	generation uint16
	host       int
}

// beginning is the first that was accepted in a generation of a group, and by which host's ballot.
type beginning struct {
	appointment
	digest uint64
}

// published is what a host published under a number.
type published struct {
	numbered
	hash    uint64
	cluster *view.ClusterView
}

// Clone copies what is known.
func (l *ledger) Clone() *ledger {
	c := *l
	c.proposals, c.decided, c.appointed = slices.Clone(l.proposals), slices.Clone(l.decided), slices.Clone(l.appointed)
	c.begun, c.groups, c.epochs = slices.Clone(l.begun), slices.Clone(l.groups), slices.Clone(l.epochs)
	c.lives = slices.Clone(l.lives)
	return &c
}

// Violation is the first guarantee that was broken, or nil.
func (l *ledger) Violation() error { return l.violation }

func (l *ledger) fail(guarantee, format string, args ...any) {
	if l.violation == nil && (l.only == "" || l.only == guarantee) {
		l.violation = fmt.Errorf("%s: %s", guarantee, fmt.Sprintf(format, args...))
	}
}

// majority reports whether have is more than half of the voters of the set, or the half with the
// lowest. Above level 0 leaders of groups have no vote.
func majority(level uint8, have, of control.Bitmap) bool {
	in, out, first := 0, 0, -1
	for _, s := range slots {
		switch {
		case !of.Has(s) || level > 0 && s < control.FirstSeat:
			continue
		case have.Has(s):
			in++
		default:
			out++
		}
		if first < 0 {
			first = int(s)
		}
	}
	return in > out || in == out && in > 0 && have.Has(uint16(first))
}

// Saw takes note of what a host did.
func (l *ledger) Saw(s *sighting) {
	switch s.what {
	case accepted:
		l.accepted(s)
	case believed:
		l.believed(s)
	case grouped:
		l.publish(&l.groups, s)
	case installed:
		l.installed(s)
	case recorded:
		x := l.life(s.view.instance)
		x.recorded[s.view.group] = max(x.recorded[s.view.group], s.view.seq)
	case forgot:
		l.forgets(s.gone)
	case broke:
		l.fail(s.guarantee, "%s", s.how)
	}
}

// believed looks at what a register takes for decided.
func (l *ledger) believed(s *sighting) {
	if d := l.find(s.view); d == nil {
		l.fail("G1", "n%d takes %v for decided, which no quorum accepted", s.host, s.view)
	} else if d.members != s.members {
		l.fail("G1", "n%d takes %x for the members of %v, decided were %x", s.host, s.members, s.view, d.members)
	}
}

// accepted counts a vote where it is cast, if it is one.
func (l *ledger) accepted(s *sighting) {
	a := &s.proposal
	l.begin(s)
	at := slices.IndexFunc(l.proposals, func(p proposal) bool { return p.numbered == s.view && p.Ballot == a.Ballot })
	if at < 0 {
		at = len(l.proposals)
		l.proposals = append(l.proposals, proposal{numbered: s.view, Proposal: *a})
	}
	p := &l.proposals[at]
	if p.Proposal != *a {
		l.fail("G1", "%v under %v is two proposals, %x with digest %x and %x with digest %x", s.view, a.Ballot, p.New, p.Digest, a.New, a.Digest)
	}
	if !s.votes {
		return
	}
	p.voters.Set(s.slot)
	if majority(s.view.level, p.voters, a.Old) && majority(s.view.level, p.voters, a.New) {
		l.decide(p, s.roster)
	}
}

// begin looks at the first ballot of a generation of a group at level 0: the level above decided,
// before anybody accepts anything in it, who begins it.
func (l *ledger) begin(s *sighting) {
	b := s.proposal.Ballot
	if s.view.level > 0 || b.Term() != 1 || s.slot != b.Slot() {
		return
	}
	is := beginning{appointment{s.view.instance, s.view.group, s.view.generation, s.host}, s.proposal.Digest}
	if !slices.Contains(l.appointed, is.appointment) {
		l.fail("generations", "n%d begins generation %d of group %d, which was not decided above", s.host, is.generation, is.group)
	}
	for _, o := range l.begun {
		if o.group == is.group && o.instance == is.instance && o.generation == is.generation {
			if o.host != is.host {
				l.fail("generations", "generation %d of group %d was given twice, to n%d and n%d", is.generation, is.group, o.host, is.host)
			}
			return
		}
	}
	l.begun = append(l.begun, is)
}

func (l *ledger) decide(p *proposal, roster *control.Roster) {
	if d := l.find(p.numbered); d != nil {
		if d.members != p.New || d.digest != p.Digest {
			l.fail("G1", "%v was decided as %x with digest %x, and under %v as %x with digest %x", p.numbered, d.members, d.digest, p.Ballot, p.New, p.Digest)
		}
		return
	}
	last := p.numbered
	last.seq--
	if d := l.find(last); d != nil && d.members != p.Old {
		l.fail("G3", "%v follows %x, decided was %x", p.numbered, p.Old, d.members)
	}
	l.decided = append(l.decided, decision{p.numbered, p.New, p.Digest})
	if p.level == top {
		l.outlives(p, roster)
	}
	if p.level == 0 {
		return
	}
	for i := range roster.Seats {
		s := &roster.Seats[i]
		if s.Slot >= control.FirstSeat || !p.New.Has(s.Slot) || s.Below.Term() != 0 {
			continue
		}
		is := appointment{p.instance, p.group*control.PerBranch + s.Slot, s.Below.Generation(), number(s.Name)}
		for _, o := range l.appointed {
			if o.instance == is.instance && o.group == is.group && o.generation == is.generation && o.host != is.host {
				l.fail("generations", "generation %d of group %d is given to n%d and n%d", is.generation, is.group, o.host, is.host)
			}
		}
		if !slices.Contains(l.appointed, is) {
			l.appointed = append(l.appointed, is)
		}
	}
}

func (l *ledger) find(k numbered) *decision {
	for i := range l.decided {
		if l.decided[i].numbered == k {
			return &l.decided[i]
		}
	}
	return nil
}

// publish looks at what a host publishes: it was decided, and all that publish it publish the same.
// It reports whether that is news.
func (l *ledger) publish(to *[]published, s *sighting) bool {
	if d := l.find(s.view); d == nil || d.digest != s.hash {
		l.fail("G1", "n%d publishes %v with hash %x, which was not decided", s.host, s.view, s.hash)
	}
	for i := range *to {
		if o := &(*to)[i]; o.numbered == s.view {
			if o.hash != s.hash {
				l.fail("G1", "n%d publishes %v with other content than others did", s.host, s.view)
			}
			return false
		}
	}
	*to = append(*to, published{s.view, s.hash, s.cluster})
	return true
}

// installed looks at an epoch that a host publishes.
func (l *ledger) installed(s *sighting) {
	if is := (epoch{s.view.instance, s.view.seq}); is.before(s.before) && (is.instance == s.before.instance || !l.life(is.instance).forgotten) {
		l.fail("G2", "n%d goes from epoch %d of instance %d back to %d of %d", s.host, s.before.number, s.before.instance, is.number, is.instance)
	}
	if !l.publish(&l.epochs, s) {
		return
	}
	for _, g := range s.cluster.Top.Below {
		if d := l.find(numbered{s.view.instance, 0, g.Number, g.Generation, g.Seq}); d == nil || d.digest != g.Digest {
			l.fail("G1", "epoch %d holds generation %d, view %d of group %d, which was not decided", s.view.seq, g.Generation, g.Seq, g.Number)
		}
		for i := range l.epochs {
			o := &l.epochs[i]
			if was := o.cluster.Top.Of(g.Number); o.instance == s.view.instance && was != nil && (o.seq < s.view.seq && was.Newer(g) || o.seq > s.view.seq && g.Newer(was)) {
				l.fail("vectors", "of group %d epoch %d holds %d/%d, and epoch %d %d/%d", g.Number, s.view.seq, g.Generation, g.Seq, o.seq, was.Generation, was.Seq)
			}
		}
	}
	if l.latest == nil || epochOf(l.latest).before(epochOf(s.cluster)) {
		l.latest = s.cluster
	}
}

func epochOf(v *view.ClusterView) epoch { return epoch{v.Instance, v.Epoch()} }

func (e epoch) before(o epoch) bool {
	return e.instance < o.instance || e.instance == o.instance && e.number < o.number
}

// fence looks whether anybody that the latest epoch is without still trusts its view, which is an earlier
// one with it. Leases only mean something where time passes for all alike.
func (w *World) fence() {
	latest := w.ledger.latest
	if latest == nil {
		return
	}
	for _, h := range w.hosts {
		r := &h.regs[0]
		if !h.up || !r.Valid(h.clock) || h.shown.number == 0 || !h.shown.before(epochOf(latest)) || h.shown.instance != r.Instance || h.shown.number < r.Epoch {
			continue
		}
		if g := latest.Group(h.group); g == nil || g.Member(r.Slot) == nil || g.Member(r.Slot).Incarnation != r.Incarnation {
			w.ledger.fail("G4", "n%d is not in epoch %d, and trusts epoch %d for another %v", h.id, latest.Epoch(), h.shown.number, min(r.LeaseUntil, r.UpperUntil).Since(h.clock))
		}
	}
}

var (
	proposalPlan = memory.PlanFor[proposal](&rules)
	decisionPlan = memory.PlanFor[decision](&rules)
)

// Digest is equal for ledgers that took note of the same, in whatever order.
func (l *ledger) Digest() uint64 {
	sum := uint64(0)
	for i := range l.proposals {
		x := memory.Hash{Sum: 4}
		x.Add(proposalPlan, unsafe.Pointer(&l.proposals[i]))
		sum += x.Sum
	}
	for i := range l.decided {
		x := memory.Hash{Sum: 5}
		x.Add(decisionPlan, unsafe.Pointer(&l.decided[i]))
		sum += x.Sum
	}
	for _, p := range [][]published{l.groups, l.epochs} {
		for i := range p {
			x := memory.Hash{Sum: 6}
			x.Add(numberPlan, unsafe.Pointer(&p[i].numbered))
			x.Word(p[i].hash)
			sum += x.Sum
		}
	}
	for _, b := range l.begun {
		x := memory.Hash{Sum: 7}
		x.Word(uint64(b.group)<<32 | uint64(b.generation)<<16 | uint64(b.host))
		sum += x.Sum
	}
	for i := range l.lives {
		sum += l.lives[i].digest()
	}
	for _, i := range l.ended {
		x := memory.Hash{Sum: 9}
		x.Word(i)
		sum += x.Sum
	}
	x := memory.Hash{Sum: sum}
	if l.violation != nil {
		x.Text(l.violation.Error())
	}
	return x.Sum
}
