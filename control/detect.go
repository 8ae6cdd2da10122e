package control

import (
	"fmt"
	"time"

	"rollcall/view"
)

// detect counts the rounds that each member missed and judges by them. Rounds, never
// seconds: a leader that was starved sent fewer rounds and accuses nobody. A round counts
// as missed once it is an interval old and another member answered it; one that nobody
// answered accuses nobody. It reports whether the node still leads.
func (n *Node) detect() bool {
	l := &n.lead
	k := n.cfg.Rounds
	others := l.view.New.Or(l.view.Old)
	others.Clear(n.reg.Slot)
	countable, firstCounted := l.countable(n.now, n.cfg.Interval)
	heardBy := countable
	if !n.alone() {
		heardBy &= n.answeredRounds(others.Minus(n.kin()))
	}
	before := l.suspects
	l.suspects = Bitmap{}
	for s := others.First(); s < Slots; s = others.Next(s + 1) {
		if !l.view.New.Has(s) {
			continue
		}
		m := &n.tally.Members[s]
		missed, first := l.missed(s, m, heardBy)
		n.states[s] = view.Alive
		if m.Answered != 0 && m.AgentAgeMS > uint32(staleAfter/time.Millisecond) {
			n.states[s] = view.Stale
		}
		if missed >= half(k) {
			l.suspects.Set(s)
			n.states[s] = view.Suspect
		}
		if missed >= k {
			if first != 0 && (l.missedAt == 0 || first.Before(l.missedAt)) {
				l.missedAt = first
			}
			n.fell(s, fmt.Sprintf("%d rounds unanswered", missed))
		}
	}
	n.withhold()
	n.states[n.reg.Slot] = view.Alive
	n.redeem()
	if l.suspects.Minus(before) != (Bitmap{}) {
		n.event(Event{Kind: EventSuspect, From: l.view.Seq, Ballot: l.ballot, Removed: n.names(l.suspects)})
	}
	return n.quorate(others, countable, firstCounted)
}

// countable is the set of rounds that count and are over, as a mask: bit i is round-i. The
// second result is the newest of them.
func (l *leadership) countable(now Time, i time.Duration) (mask, newest uint64) {
	for b := uint64(0); b < 64 && b < l.round; b++ {
		r := &l.sent[(l.round-b)%64]
		if r.counted && now.Since(r.at) >= ripe(i) {
			mask |= 1 << b
			if newest == 0 {
				newest = r.round
			}
		}
	}
	return mask, newest
}

// answeredRounds is the mask of rounds that any of the members answered.
func (n *Node) answeredRounds(members Bitmap) (mask uint64) {
	for s := members.First(); s < Slots; s = members.Next(s + 1) {
		m := &n.tally.Members[s]
		if m.Answered != 0 && n.lead.round-m.Round < 64 {
			mask |= m.Answered << (n.lead.round - m.Round)
		}
	}
	return mask
}

// missed counts the rounds of the mask since the member's last answer, and says when the
// first of them left.
func (l *leadership) missed(slot uint16, m *Member, mask uint64) (missed int, first Time) {
	from := l.entered[slot]
	if m.Answered != 0 && m.Round > from {
		from = m.Round
		l.credit[slot] = 0
	}
	if m.EchoAt != 0 || m.AnswerAt > l.elected { // it answered the prepare, or a probe, late
		l.credit[slot] = 0
	}
	since := l.round - from
	for b := uint64(0); b < 64 && b < since; b++ {
		if mask>>b&1 == 1 {
			missed++
			first = l.sent[(l.round-b)%64].at
		}
	}
	return missed + int(l.credit[slot]), first
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

// alone reports whether this node may judge without a third member's word: a group of two
// in which the lower slot goes on alone.
func (n *Node) alone() bool {
	l := &n.lead
	self := Of(n.reg.Slot)
	return Voters(n.cfg.Level, l.inView()).Len() <= 2 && n.decides(self, l.view.New) && (l.decided || n.decides(self, l.view.Old))
}

// fell notes that a member is to be removed.
func (n *Node) fell(slot uint16, why string) {
	l := &n.lead
	if !l.fallen.Has(slot) {
		l.fallen.Set(slot)
		if l.settleBy == 0 {
			l.settleBy = l.round + 1 + uint64(half(n.cfg.Rounds))
		}
	}
	l.why[slot] = why
}

// redeem takes back what an answer that came before the cut disproves.
func (n *Node) redeem() {
	l := &n.lead
	for s := l.fallen.First(); s < Slots; s = l.fallen.Next(s + 1) {
		if !l.certain.Has(s) && !l.suspects.Has(s) {
			l.fallen.Clear(s)
		}
	}
	if l.fallen.Empty() {
		l.settleBy, l.missedAt = 0, 0
	}
}

// cut proposes a view without the fallen, all of them in one, once nobody else is in doubt
// or the wait for the others is over.
func (n *Node) cut() {
	l := &n.lead
	out := n.withheldOut()
	if !l.decided || l.fallen.Or(l.goodbyes).Or(out).And(l.view.New).Empty() {
		return
	}
	doubtful := l.suspects.And(l.view.New).Minus(l.fallen)
	if !l.fallen.Minus(l.certain).Empty() && !doubtful.Empty() && l.round+1 < l.settleBy {
		return
	}
	gone := l.fallen.Or(l.goodbyes).And(l.view.New)
	for s := gone.First(); s < Slots; s = gone.Next(s + 1) {
		if l.certain.Has(s) || l.goodbyes.Has(s) || n.leaseOver(s) && !n.awaited(s) {
			out.Set(s)
		}
	}
	left := l.view.New.Minus(out)
	able := l.view.New.Minus(l.suspects).Minus(l.fallen) // those who leave by their own will still vote
	if out.Empty() || !n.decides(able.And(left), left) || !n.decides(able, l.view.New) {
		return
	}
	e := Event{Missed: l.missedAt}
	for s := out.First(); s < Slots; s = out.Next(s + 1) {
		why := l.why[s]
		switch {
		case l.goodbyes.Has(s):
			why = "said goodbye"
		case !l.fallen.Has(s):
			why = "agent silent beyond its grace"
		case why == "":
			why = "no answer to probes and prepare"
		}
		m := &n.tally.Members[s]
		missed, _ := l.missed(s, m, ^uint64(0))
		e.Evidence = append(e.Evidence, Evidence{Name: n.nameOf(s), Slot: s, LastEcho: m.EchoAt, Missed: missed, Why: why})
		e.Why = why
	}
	n.propose(left, l.roster, e)
}

// leaseOver reports whether a member's lease has surely ended (DESIGN 4.3 rules 3 to 5).
func (n *Node) leaseOver(slot uint16) bool {
	return n.ended(n.tally.Members[slot].EchoAt)
}

// ended reports whether a lease that rests on an echo which had arrived by the given time,
// zero for none, has surely ended: L is taken a quarter longer for clocks that run apart.
func (n *Node) ended(at Time) bool {
	return !n.now.Before(n.lead.calmUntil) && (at == 0 || n.now.Since(at) >= n.leaseLength()*5/4)
}

// quorate gives the lead up when no quorum answered for k rounds: whoever can be reached by
// one will be elected. It reports whether the node still leads.
func (n *Node) quorate(others Bitmap, countable, newest uint64) bool {
	l := &n.lead
	if l.view.Seq == l.began && !l.decided { // the first members are still setting up
		if n.now.Since(n.join.since) > admitGiveUp {
			n.removed("the founders did not answer in time")
			return false
		}
		return true
	}
	if newest == 0 {
		return true
	}
	answered := Of(n.reg.Slot)
	for s := others.First(); s < Slots; s = others.Next(s + 1) {
		// Who follows a higher ballot answers, but not as a follower.
		if m := &n.tally.Members[s]; m.answered(m.Answered, newest) && m.Promised <= l.ballot {
			answered.Set(s)
		}
	}
	if n.decides(answered, l.view.New) && (l.decided || n.decides(answered, l.view.Old)) {
		l.quorumAt = newest
		return true
	}
	without := 0
	for b := uint64(0); b < 64 && l.round-b > l.quorumAt; b++ {
		without += int(countable >> b & 1)
	}
	if without < n.cfg.Rounds {
		return true
	}
	n.event(Event{Kind: EventLost, Ballot: l.ballot, Why: fmt.Sprintf("no quorum answered for %d rounds", without)})
	n.depose("no quorum answers")
	return false
}
