package explore

import (
	"fmt"
	"math/bits"

	"rollcall/control"
)

// ledger knows what no host can know: who accepted what, and so what was decided. It has its
// own idea of a majority, so that it notices when that of package control is wrong.
type ledger struct {
	proposals []proposal
	decided   []decision
	contents  []content
	forgot    uint8  // hosts that lost their register, and what their agent knew of its end
	only      string // the guarantee that is checked; empty: all
	violation error
}

type viewKey struct {
	instance uint32
	epoch    uint64
}

// proposal is a view as it was accepted somewhere, and by whom.
type proposal struct {
	instance uint32
	control.Proposal
	voters control.Bitmap
}

// decision is a view that a majority accepted, or that a register takes for decided.
type decision struct {
	viewKey
	members control.Bitmap
	hosts   uint8 // of the members
	digest  uint64
}

// content is what a host published under a number.
type content struct {
	viewKey
	hash uint64
}

// Clone copies what is known.
func (l *ledger) Clone() *ledger {
	return &ledger{
		proposals: append([]proposal(nil), l.proposals...),
		decided:   append([]decision(nil), l.decided...),
		contents:  append([]content(nil), l.contents...),
		forgot:    l.forgot,
		only:      l.only,
		violation: l.violation,
	}
}

func (l *ledger) fail(guarantee, format string, args ...any) {
	if l.violation == nil && (l.only == "" || l.only == guarantee) {
		l.violation = fmt.Errorf("%s: %s", guarantee, fmt.Sprintf(format, args...))
	}
}

// majority reports whether have is more than half of the set, or the half with its lowest.
func majority(have, of control.Bitmap) bool {
	in, out, first := 0, 0, -1
	for s := range control.Slots {
		switch {
		case !of.Has(uint16(s)):
			continue
		case have.Has(uint16(s)):
			in++
		default:
			out++
		}
		if first < 0 {
			first = s
		}
	}
	return in > out || in == out && in > 0 && have.Has(uint16(first))
}

// Violation is the first guarantee that was broken, or nil.
func (l *ledger) Violation() error { return l.violation }

// Saw takes note of what a host did.
func (l *ledger) Saw(s *sighting) {
	switch s.what {
	case accepted:
		l.accepted(s)
	case believed:
		l.believed(s)
	case installed:
		l.installed(s)
	case forgot:
		l.forgot |= 1 << s.host
	case broke:
		l.fail(s.guarantee, "%s", s.how)
	}
}

// believed looks at what a register takes for decided.
func (l *ledger) believed(s *sighting) {
	if d := l.find(viewKey{s.instance, s.epoch}); d == nil {
		l.fail("G1", "n%d takes view %d of instance %d for decided, which no quorum accepted", s.host, s.epoch, s.instance)
	} else if d.members != s.members {
		l.fail("G1", "n%d takes %b for the members of view %d, decided were %b", s.host, s.members[0], s.epoch, d.members[0])
	}
}

// accepted counts a vote where it is cast, if it is one.
func (l *ledger) accepted(s *sighting) {
	a := &s.proposal
	at := -1
	for i := range l.proposals {
		if p := &l.proposals[i]; p.instance == s.instance && p.Ballot == a.Ballot && p.Seq == a.Seq {
			at = i
		}
	}
	if at < 0 {
		at = len(l.proposals)
		l.proposals = append(l.proposals, proposal{instance: s.instance, Proposal: *a})
	}
	p := &l.proposals[at]
	if p.Proposal != *a {
		l.fail("G1", "%v/%d is two proposals, %b and %b", a.Ballot, a.Seq, p.New[0], a.New[0])
	}
	if !s.votes {
		return
	}
	p.voters.Set(s.slot)
	if majority(p.voters, a.Old) && majority(p.voters, a.New) {
		l.decide(p, s.hosts)
	}
}

func (l *ledger) decide(p *proposal, hosts uint8) {
	k := viewKey{p.instance, p.Seq}
	if d := l.find(k); d != nil {
		if d.members != p.New || d.digest != p.Digest {
			l.fail("G1", "view %d of instance %d was decided as %b, and under %v as %b", p.Seq, p.instance, d.members[0], p.Ballot, p.New[0])
		}
		return
	}
	if d := l.find(viewKey{p.instance, p.Seq - 1}); d != nil && d.members != p.Old {
		l.fail("G3", "view %d of instance %d follows %b, decided was %b", p.Seq, p.instance, p.Old[0], d.members[0])
	}
	for i := range l.decided {
		if l.decided[i].instance > p.instance && !l.forgotten(p.instance) {
			l.fail("G3", "instance %d decides view %d while instance %d lives", p.instance, p.Seq, l.decided[i].instance)
		}
	}
	l.decided = append(l.decided, decision{viewKey: k, members: p.New, hosts: hosts, digest: p.Digest})
}

// forgotten reports whether half the members of some view of an instance know nothing of it any
// more, be it that their host lost its power or that they were removed and their agent was
// restarted. Then founders whose records end with that view take the instance for dead, and
// cannot know better: it may have gone on with the few that remained. Nothing is demanded then.
func (l *ledger) forgotten(instance uint32) bool {
	for i := range l.decided {
		d := &l.decided[i]
		if d.instance == instance && 2*bits.OnesCount8(d.hosts&l.forgot) >= bits.OnesCount8(d.hosts) {
			return true
		}
	}
	return false
}

func (l *ledger) find(k viewKey) *decision {
	for i := range l.decided {
		if l.decided[i].viewKey == k {
			return &l.decided[i]
		}
	}
	return nil
}

// installed looks at a view that a host publishes.
func (l *ledger) installed(s *sighting) {
	k := viewKey{s.instance, s.epoch}
	if k.instance < s.last.instance && !l.forgotten(k.instance) || k.instance == s.last.instance && k.epoch < s.last.epoch {
		l.fail("G2", "n%d installs %+v after %+v", s.host, k, s.last)
	}
	if d := l.find(k); d == nil || d.members != s.members {
		l.fail("G1", "n%d installs view %d of instance %d with %b, which was not decided", s.host, k.epoch, k.instance, s.members[0])
	}
	for i := range l.contents {
		if c := &l.contents[i]; c.viewKey == k {
			if c.hash != s.hash {
				l.fail("G1", "n%d installs view %d of instance %d with other content than others did", s.host, k.epoch, k.instance)
			}
			return
		}
	}
	l.contents = append(l.contents, content{k, s.hash})
}
