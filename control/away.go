package control

import (
	"math/bits"
	"time"
)

// While a leader's agent is away (stopped or starved) its tally beats on. That harms nobody until
// something waits for the agent: a member fell, a decision was not told yet, or a group below
// reported. Then the tally gives the lead up by a last beat (FlagAway), rather than let all wait for
// its silence. The beat names the accused: those who missed k rounds and whose leases have surely
// ended, by the same rule by which the agent would propose a view without them. After it no beat
// leaves under the ballot, even if the agent comes back at that moment, so nobody extends the leases
// of the accused.
//
// Who takes that beat notes it in the register. The first in rank stands at once, the others by
// turns, by the prepares of a hand-over, which are taken from who follows that ballot still, or
// promised it away since but heard nobody else lead. Whoever is elected believes what it was
// told, but for those who answer it: each of the accused was asked by its prepares, or by
// probes where it has no vote, and had a quarter of an interval, and the tally refuses the order
// if one was heard since. The others' leases are waited for as after every hand-over, and their rounds
// counted anew. The old leader answers the prepare like any member.
//
// An accusation holds for as long as a prepare of anybody else would be refused (Register.Calm). Where
// the last beat reached nobody who could succeed, the rule for a silent leader goes on as ever.

// patienceLeast is for how long at least something may wait for an agent, so that one whose CPU is
// busy for a few milliseconds keeps its lead where rounds are as short as that.
const patienceLeast = 10 * time.Millisecond

// patience is for how many rounds something may wait for this leader's agent. While members of the
// first view are still setting up it is not for their silence that the lead should move.
func (n *Node) patience() uint32 {
	l := &n.lead
	for s := l.view.New.First(); s < Slots; s = l.view.New.Next(s + 1) {
		if s != n.reg.Slot && n.settingUp(s) {
			return roundsMax
		}
	}
	i := n.cfg.Interval
	return uint32(min(max(1, (patienceLeast+i-1)/i), roundsMax))
}

// away reports whether something has waited for the agent for too long. An agent that has nothing
// to do may sleep, or starve. Who fell is given up together with others who are in doubt, as in
// every cut, unless the wait for these is over.
func (t *Tally) away(s *sweep, agentAt Time) bool {
	waits := !s.fallen.Empty() || t.Quorate != 0 && !t.decided() || agentAt.Before(t.ReportAt)
	if !waits || t.sentAt(t.Round).Before(agentAt) {
		t.Attended = t.Round
	}
	unseen := bits.OnesCount64(s.over & after(t.Round-t.Attended))
	doubtful := s.suspects.Minus(s.accused)
	return unseen > int(t.Patience) && (doubtful.Empty() || unseen > half(int(t.Rounds)))
}

// leaseOver reports whether a member's lease has surely ended, as far as this tally has a say.
func (t *Tally) leaseOver(now Time, slot uint16) bool {
	return ended(now, t.CalmUntil, t.Heard[slot].EchoAt, time.Duration(t.LeaseUS)*time.Microsecond)
}

// ended reports whether a lease that rests on an echo which had arrived by the given time, zero for
// none under this ballot, has surely ended (lease rules 3 to 5): its length is taken a quarter
// longer for clocks that run apart.
func ended(now, calmUntil, at Time, length time.Duration) bool {
	return !now.Before(calmUntil) && (at == 0 || now.Since(at) >= length*5/4)
}

// succeed stands for a leader that gave the lead up. It reports whether this node does.
func (n *Node) succeed() bool {
	r := &n.reg
	if r.Away == 0 || n.leaving || r.Accused.Has(r.Slot) || !n.now.Before(r.BeatAt.Add(r.Calm())) {
		return false
	}
	standAt := r.BeatAt.Add(time.Duration(n.rank()) * r.Interval())
	if standAt.Before(n.watch.standAt) {
		standAt = n.watch.standAt
	}
	switch {
	case n.now.Before(standAt):
		n.wakeAt(standAt)
	case n.rosterOf(r.Accepted.Roster) == nil:
		n.fetch(r.Accepted.Roster)
	default:
		n.stand(r.BeatBallot, "the leader gave the lead up: its agent did not look in time")
		return true
	}
	return false
}

// accuse is whom a candidate takes over from the leader that gave up, if it is for that one.
func (n *Node) accuse(prior Ballot) (accused Bitmap) {
	if n.reg.Away != 0 && prior == n.reg.BeatBallot {
		accused = n.reg.Accused
		accused.Clear(n.reg.Slot)
	}
	return accused
}

// unheard is who of the accused gave this candidate no sign of life since.
func (n *Node) unheard() (b Bitmap) {
	accused := n.cand.accused
	for s := accused.First(); s < Slots; s = accused.Next(s + 1) {
		if h := &n.tally.Heard[s]; h.EchoAt == 0 && h.AnswerAt <= n.reg.BeatAt {
			b.Set(s)
		}
	}
	return b
}

// believe has those fall whom the leader before gave up.
func (n *Node) believe() {
	l := &n.lead
	if !n.now.Before(n.reg.BeatAt.Add(n.reg.Calm())) {
		return
	}
	l.accused = n.unheard().And(l.view.New)
	for s := l.accused.First(); s < Slots; s = l.accused.Next(s + 1) {
		l.credit[s] = uint8(n.cfg.Rounds)
		l.suspects.Set(s)
		n.fell(s, "given up by the last beat of the leader before")
	}
}
