package control

import (
	"fmt"
	"math/bits"
	"time"

	"rollcall/view"
)

// detect judges the members by the rounds so far (Tally.sweep) and by what was seen of them
// before this node led. It reports whether the node still leads.
func (n *Node) detect() bool {
	l, t := &n.lead, n.tally
	k := n.cfg.Rounds
	sweep := t.sweep(n.now, n.cfg.Level, n.reg.Slot)
	l.accusing = sweep.accusing
	n.weigh()
	if n.states == nil {
		n.states = new([Slots]view.State)
	}
	before, silent := l.suspects, Bitmap{}
	l.suspects = Bitmap{}
	others := l.view.New
	others.Clear(n.reg.Slot)
	for s := others.First(); s < Slots; s = others.Next(s + 1) {
		missed := n.missed(s)
		h := &t.Heard[s]
		n.states[s] = view.Alive
		if h.Answered != 0 && h.AgentAgeMS > uint32(staleAfter/time.Millisecond) {
			n.states[s] = view.Stale
		}
		if missed >= half(k) {
			l.suspects.Set(s)
			n.states[s] = view.Suspect
		}
		if missed < k {
			continue
		}
		silent.Set(s)
		if !n.settingUp(s) && !l.certain.Has(s) {
			if first := n.firstMissed(s); first != 0 && (l.missedAt == 0 || first.Before(l.missedAt)) {
				l.missedAt = first
			}
			n.fell(s, fmt.Sprintf("%d rounds unanswered", missed))
		}
	}
	n.withhold()
	n.states[n.reg.Slot] = view.Alive
	n.redeem(silent)
	if l.suspects.Minus(before) != (Bitmap{}) {
		n.event(Event{Kind: EventSuspect, From: l.view.Seq, Ballot: l.ballot, Removed: n.names(l.suspects)})
	}
	return n.quorate(&sweep)
}

// missed counts the rounds that accuse a member, and the probes that it missed before.
func (n *Node) missed(slot uint16) int {
	l := &n.lead
	if n.lives(slot) {
		l.credit[slot] = 0
	}
	rounds := l.accusing
	if s, ok := l.seated[slot]; ok {
		rounds &= after(n.tally.Round - s.round)
	}
	return n.tally.missed(slot, rounds) + int(l.credit[slot])
}

// settingUp reports whether a member of an instance's first view may still be taking the roster and joining
// its register: its vote to found came by letter, and its host was never heard since. Who is taken along into a later
// generation has a register.
func (n *Node) settingUp(slot uint16) bool {
	l := &n.lead
	return l.began == 1 && l.view.Seq == 1 && !n.lives(slot) && n.now.Since(l.elected) < admitGiveUp
}

// kin are the slots that this host has in its group: above level 0 it may lead a group below as
// well. What it answers to itself says nothing of others.
func (n *Node) kin() Bitmap {
	b := Of(n.reg.Slot)
	if n.cfg.Level > 0 {
		for i := range n.lead.roster.Seats {
			if s := &n.lead.roster.Seats[i]; s.Name == n.cfg.Self.Name {
				b.Set(s.Slot)
			}
		}
	}
	return b
}

// others are the voters of the view that this leader hears from outside.
func (n *Node) others() Bitmap { return Voters(n.cfg.Level, n.lead.view.New).Minus(n.kin()) }

// weigh notes in which rounds half of the others, and more, are in doubt: they missed rounds of late, or answered
// through some of them only. By chance they are not in every round, where this leader's own link loses most frames.
func (n *Node) weigh() {
	l, t := &n.lead, n.tally
	l.ailing <<= t.Round - l.weighed
	l.weighed = t.Round
	others := n.others()
	doubtful := others.And(t.Doubtful)
	if 2*doubtful.Len() > others.Len() {
		l.ailing |= 1
	}
	if 2*doubtful.Len() >= others.Len() {
		l.dubious, l.dubiousAt = doubtful, t.Round
	}
}

// ailed counts those of the last 2(k-1) rounds in which most of the others were in doubt.
func (n *Node) ailed() int {
	return bits.OnesCount64(n.lead.ailing & after(uint64(2*(n.cfg.Rounds-1))))
}

// ails reports whether it is this leader's own way to the others that is broken: in this round and in half of those
// of late most of them were in doubt. Of two nodes neither is better off. Who has just been elected waits a while, and
// until it may remove those who are silent: where all are no better off the lead would go round.
func (n *Node) ails() bool {
	l := &n.lead
	return l.ailing&1 == 1 && n.ailed() >= n.cfg.Rounds-1 && n.others().Len() > 1 && l.decided &&
		n.now.Since(max(l.elected, l.calmUntil)) >= housekeeping
}

// unsure reports whether those who are silent may be as well as those whom this leader has heard of since: where half
// of the others were in doubt in one of the last k rounds, and not all of these have fallen, its own way to them is as
// likely broken. It hands over soon, or they answer, or fall.
func (n *Node) unsure() bool {
	l := &n.lead
	return n.tally.Round-l.dubiousAt < uint64(n.cfg.Rounds) && !n.others().And(l.dubious).Minus(l.fallen).Empty()
}

// lives reports whether a member answered the prepare, a beat or, late, a probe.
func (n *Node) lives(slot uint16) bool {
	h := &n.tally.Heard[slot]
	return h.EchoAt != 0 || h.AnswerAt > n.lead.elected
}

// firstMissed is when the first round left that a member missed since its last answer.
func (n *Node) firstMissed(slot uint16) (at Time) {
	t := n.tally
	for b := range uint64(64) {
		if l := &n.lead; l.accusing>>b&1 == 1 && t.missed(slot, 1<<b) == 1 {
			at = t.sentAt(t.Round - b)
		}
	}
	return at
}

// fell notes that a member is to be removed.
func (n *Node) fell(slot uint16, why string) {
	l := &n.lead
	if !l.fallen.Has(slot) {
		l.fallen.Set(slot)
		if l.settleBy == 0 {
			l.settleBy = n.tally.Round + 1 + uint64(half(n.cfg.Rounds))
		}
	}
	if l.why == nil {
		l.why = map[uint16]string{}
	}
	l.why[slot] = why
}

// redeem takes back what an answer that came before the cut disproves, be it a late one to an earlier round: all but
// those who are silent for k rounds still.
func (n *Node) redeem(silent Bitmap) {
	l := &n.lead
	l.fallen = l.fallen.And(silent.Or(l.certain))
	if l.fallen.Empty() {
		l.settleBy, l.missedAt = 0, 0
	}
}

// cut proposes a view without the fallen, all of them in one, once nobody else is in doubt
// or the wait for the others is over.
func (n *Node) cut() {
	l, t := &n.lead, n.tally
	withheld := n.withheldOut()
	out := withheld
	if !l.decided || l.fallen.Or(l.goodbyes).Or(out).And(l.view.New).Empty() {
		return
	}
	doubtful := l.suspects.And(l.view.New).Minus(l.fallen)
	if !l.fallen.Minus(l.certain).Empty() && !doubtful.Empty() && t.Round+1 < l.settleBy {
		return
	}
	unsure := n.unsure()
	gone := l.fallen.Or(l.goodbyes).And(l.view.New)
	for s := gone.First(); s < Slots; s = gone.Next(s + 1) {
		if n.succeeded(s) {
			continue
		}
		if l.certain.Has(s) || l.goodbyes.Has(s) && !l.withheld.from.Has(s) || n.leaseOver(s) && !n.awaited(s) && !unsure {
			out.Set(s)
		}
	}
	left := l.view.New.Minus(out)
	able := l.view.New.Minus(l.suspects).Minus(l.fallen) // those who leave by their own will still vote
	if out.Empty() || !n.decides(able.And(left), left) || !n.decides(able, l.view.New) {
		return
	}
	e, displaced := Event{Missed: l.missedAt}, n.displaced()
	for s := out.First(); s < Slots; s = out.Next(s + 1) {
		why := l.why[s]
		switch {
		case l.goodbyes.Has(s):
			why = "said goodbye"
		case l.surplus.Has(s) && !l.fallen.Has(s):
			why = "another of its group has a seat"
		case !l.fallen.Has(s) && displaced.Has(s):
			why = "a later generation of its group asks for its slot"
		case !l.fallen.Has(s):
			why = "agent silent beyond its grace"
		case why == "":
			why = "no answer to probes and prepare"
		}
		e.Evidence = append(e.Evidence, Evidence{Name: n.nameOf(s), Slot: s, LastEcho: t.Heard[s].EchoAt, Missed: n.missed(s), Left: l.goodbyes.Has(s), Why: why})
		e.Why = why
	}
	l.silent = out.Minus(l.certain).Minus(l.goodbyes).Minus(withheld)
	// the others go though their agents live
	l.stale = withheld.And(n.silentFor(n.cfg.AgentGrace))
	n.propose(left, l.roster, e)
}

// leaseOver reports whether a member's lease has surely ended. That of one who was given up had when
// the leader before said so, and nobody extended it since.
func (n *Node) leaseOver(slot uint16) bool {
	return n.lead.accused.Has(slot) && !n.lives(slot) || n.ended(n.tally.Heard[slot].EchoAt)
}

func (n *Node) ended(at Time) bool { return ended(n.now, n.lead.calmUntil, at, n.leaseLength()) }

// quorate gives the lead up when no quorum answered for k rounds: whoever can be reached by
// one will be elected. It reports whether the node still leads.
func (n *Node) quorate(s *sweep) bool {
	l := &n.lead
	// the first members are still setting up
	if l.view.Seq == l.began && !l.decided && n.now.Since(n.join.since) > admitGiveUp {
		n.removed("the founders did not answer in time")
		return false
	}
	if !s.lost {
		return true
	}
	n.event(Event{Kind: EventLost, Ballot: l.ballot, Why: fmt.Sprintf("no quorum answered for %d rounds", n.tally.without(s))})
	n.depose("no quorum answers")
	return false
}
