package control

import (
	"fmt"
	"slices"
	"time"

	"rollcall/view"
)

// A node whose link loses most of what it sends is not removed while anything of it arrives (G5), but it
// is at last. Letters bring it back at once, since TCP repeats what is lost, and beats lose it
// again: everybody's view changes twice for each time. So whoever was removed of late is on probation
// when it comes back: it has its seat and its register, and is in no view yet. The leader probes that
// register as it would beat, once each and through nobody. Who answered two in three of probationProbes
// comes in; who cannot any more is sent away for a while, longer each time.
//
// One that loses a tenth of what it sends and of what it is sent passes 14 times in 15, one that loses
// 80 % of what it sends twice in a million. The operator, who knows that a link was mended, readmits
// it at once. What is known of probations that failed is the leader's alone: the next leader knows the removals,
// which everybody counts, and begins anew.
const (
	probationProbes = 20
	probationPasses = probationProbes - probationProbes/3
	probationEvery  = 100 * time.Millisecond // or the interval, if that is shorter
	probationPause  = 10 * time.Second       // after the first that failed; twice as long after each more
	probationPauses = 5                      // pauses grow no more after so many
	probationShown  = 2 * askMost            // since it asked last
)

// probation is that of a joiner.
type probation struct {
	slot             uint16
	probed, answered int
	at               Time // when the last probe left
	open             bool // it has not been answered yet
}

// suspicion is what a leader remembers of earlier probations of a node.
type suspicion struct {
	failed  int
	until   Time // it need not ask again before
	askedAt Time // to be let in, last
	why     string
}

// onProbation has the joiners that were removed of late answer probes first, and returns those that
// have yet to. Who fails is no joiner any more.
func (n *Node) onProbation() (pending Bitmap) {
	a := &n.lead.adm
	for s := a.joiners.First(); s < Slots; s = a.joiners.Next(s + 1) {
		r := n.removedOf(a.roster.At(s).Name)
		if r == nil {
			continue
		}
		p := a.probationOf(s)
		if p.open && !n.tally.Heard[s].AnswerAt.Before(p.at) {
			p.answered++
			p.open = false
		}
		switch every := min(n.cfg.Interval, probationEvery); {
		case p.answered >= probationPasses:
			r.suspicion = suspicion{askedAt: r.suspicion.askedAt}
		case n.now.Since(p.at) < every && p.probed > 0:
			pending.Set(s)
			n.wakeAt(p.at.Add(every))
		case p.probed-p.answered > probationProbes-probationPasses:
			r.fail(n.now, p)
			n.event(Event{Kind: EventProbation, Nodes: []string{r.name}, Why: r.suspicion.why})
			a.joiners.Clear(s)
		default:
			pending.Set(s)
			if a.holders.Has(s) {
				p.probed++
				p.at, p.open = n.now, true
				n.send(Of(s), Frame{Kind: KindProbe, To: s, Ballot: n.reg.Promised, Round: uint64(n.now)})
				n.wakeAt(n.now.Add(every))
			}
		}
	}
	return pending
}

// probationOf is that of a joiner, begun if it is new.
func (a *admission) probationOf(slot uint16) *probation {
	for i := range a.probations {
		if p := &a.probations[i]; p.slot == slot {
			return p
		}
	}
	a.probations = append(a.probations, probation{slot: slot})
	return &a.probations[len(a.probations)-1]
}

// fail sends one away whose link is not good enough.
func (r *removals) fail(now Time, p *probation) {
	pause := probationPause << min(r.suspicion.failed, probationPauses)
	r.suspicion = suspicion{
		failed: r.suspicion.failed + 1, until: now.Add(pause), askedAt: r.suspicion.askedAt,
		why: fmt.Sprintf("%s was removed, and its link is no better yet: %d of %d probes were answered, the next are sent in %v", r.name, p.answered, p.probed, pause),
	}
}

// suspected notes that a node asks to be let in, and reports why it is not to be probed again yet, empty if
// it may.
func (n *Node) suspected(name string) string {
	r := n.removedOf(name)
	if r == nil {
		return ""
	}
	if r.suspicion.askedAt = n.now; n.now.Before(r.suspicion.until) {
		return r.suspicion.why
	}
	return ""
}

// former lists the nodes that were members and are not. A leader shows which of those that were removed
// ask to come back and are on probation.
func (n *Node) former(now Time) []Past {
	l := n.past
	for i := range n.removals {
		r := &n.removals[i]
		if n.role != roleLeader || r.suspicion.askedAt == 0 || now.Since(r.suspicion.askedAt) > probationShown {
			continue
		}
		if at := slices.IndexFunc(l, func(p Past) bool { return p.Name == r.name && p.State == view.Gone }); at >= 0 {
			l = slices.Clone(l) // readers may hold the old one
			l[at].State = view.Probation
		}
	}
	return l
}
