package explore

import (
	"fmt"
	"math/bits"

	"rollcall/control"
	"rollcall/view"
)

// ledger knows what no host can know: who accepted what, and so what was decided. It has its
// own idea of a majority, so that it notices when that of package control is wrong.
type ledger struct {
	proposals []proposal
	decided   []decision
	contents  []content
	forgot    uint8 // hosts that lost their register, and what their agent knew of its end
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

func (l *ledger) clone() ledger {
	return ledger{
		proposals: append([]proposal(nil), l.proposals...),
		decided:   append([]decision(nil), l.decided...),
		contents:  append([]content(nil), l.contents...),
		forgot:    l.forgot,
		violation: l.violation,
	}
}

func (l *ledger) fail(guarantee, format string, args ...any) {
	if l.violation == nil {
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

// changed looks at what an ask did to a register.
func (l *ledger) changed(w *World, h *host, was *control.Register) {
	r := &h.reg
	if r.Promised < was.Promised || r.Accepted.Less(was.Accepted.Ballot, was.Accepted.Seq) || r.Committed.Seq < was.Committed.Seq {
		l.fail("G9", "the register of n%d went back: promised %v to %v, accepted %v/%d to %v/%d, committed %d to %d", h.id,
			was.Promised, r.Promised, was.Accepted.Ballot, was.Accepted.Seq, r.Accepted.Ballot, r.Accepted.Seq, was.Committed.Seq, r.Committed.Seq)
	}
	if r.Accepted != was.Accepted {
		l.accepted(h)
	}
	if r.Committed.Seq != was.Committed.Seq {
		w.tell(h, "  takes view %d %v for decided", r.Committed.Seq, r.Committed.Members[0])
		k := viewKey{r.Instance, r.Committed.Seq}
		if d := l.find(k); d == nil {
			l.fail("G1", "n%d takes view %d of instance %d for decided, which no quorum accepted", h.id, k.epoch, k.instance)
		} else if d.members != r.Committed.Members {
			l.fail("G1", "n%d takes %b for the members of view %d, decided were %b", h.id, r.Committed.Members[0], k.epoch, d.members[0])
		}
	}
}

// accepted counts a vote where it is cast, if it is one: who has a slot says the roster.
func (l *ledger) accepted(h *host) {
	r, a := &h.reg, &h.reg.Accepted
	at := -1
	for i := range l.proposals {
		if p := &l.proposals[i]; p.instance == r.Instance && p.Ballot == a.Ballot && p.Seq == a.Seq {
			at = i
		}
	}
	if at < 0 {
		at = len(l.proposals)
		l.proposals = append(l.proposals, proposal{instance: r.Instance, Proposal: *a})
	}
	p := &l.proposals[at]
	if p.Proposal != *a {
		l.fail("G1", "%v/%d is two proposals, %b and %b", a.Ballot, a.Seq, p.New[0], a.New[0])
	}
	names := h.holds(a.Roster)
	if s := names.At(r.Slot); s == nil || s.Incarnation != r.Incarnation {
		return
	}
	p.voters.Set(r.Slot)
	if majority(p.voters, a.Old) && majority(p.voters, a.New) {
		l.decide(p, names)
	}
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

func (l *ledger) decide(p *proposal, names *control.Roster) {
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
	d := decision{viewKey: k, members: p.New, digest: p.Digest}
	for i := range names.Seats {
		if s := &names.Seats[i]; p.New.Has(s.Slot) {
			d.hosts |= 1 << number(s.Name)
		}
	}
	l.decided = append(l.decided, d)
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

// counted looks at an answer that a tally took: only the incarnation that the roster names
// has a voice.
func (l *ledger) counted(w *World, h *host, f *control.Frame, why control.Reason) {
	switch why {
	case control.ReasonEchoTaken, control.ReasonPromiseTaken, control.ReasonAnswerTaken:
		if f.From < slots && f.Reply.Incarnation != h.expected[f.From] {
			l.fail("votes", "n%d counts incarnation %x in slot %d, where its roster names %x", h.id, f.Reply.Incarnation, f.From, h.expected[f.From])
		}
	}
}

// installed looks at a view that a host publishes.
func (l *ledger) installed(w *World, h *host, v *view.View) {
	k := viewKey{v.Instance, v.Epoch}
	w.tell(h, "  installs view %d of instance %d, %d members", v.Epoch, v.Instance, len(v.Members))
	if k.instance < h.last.instance && !l.forgotten(k.instance) || k.instance == h.last.instance && k.epoch < h.last.epoch {
		l.fail("G2", "n%d installs %+v after %+v", h.id, k, h.last)
	}
	h.last = k
	var members control.Bitmap
	for _, m := range v.Members {
		members.Set(m.Slot)
	}
	if d := l.find(k); d == nil || d.members != members {
		l.fail("G1", "n%d installs view %d of instance %d with %b, which was not decided", h.id, k.epoch, k.instance, members[0])
	}
	hash := v.Hash()
	for i := range l.contents {
		if c := &l.contents[i]; c.viewKey == k {
			if c.hash != hash {
				l.fail("G1", "n%d installs view %d of instance %d with other content than others did", h.id, k.epoch, k.instance)
			}
			return
		}
	}
	l.contents = append(l.contents, content{k, hash})
}
