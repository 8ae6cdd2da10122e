package control

import (
	"fmt"
	"time"
)

// leadership is what a leader knows beyond its register and tally.
type leadership struct {
	ballot    Ballot
	view      Proposal // proposed, or decided and beaten on
	decided   bool
	began     uint64 // seq of the first view of an instance or generation, where this node began it
	elected   Time
	roster    *Roster // names the slots of view
	round     uint64  // last one sent
	nextBeat  Time
	calmUntil Time   // no removal before: elected by hand-over, nobody's lease was waited for
	former    uint16 // slot of the leader that fell silent; Slots: none did

	sent     [64]sentRound // by round modulo 64
	counted  Time          // when the last round that counts was sent
	quorumAt uint64        // last round that a quorum answered
	credit   [Slots]uint8  // probes missed before the election, until the first answer
	fallen   Bitmap        // to be removed: k rounds missed, or better evidence
	certain  Bitmap        // of those, whose removal needs no wait for a lease
	why      [Slots]string
	missedAt Time   // first round that one of the fallen missed
	settleBy uint64 // round at which the cut is made, whoever is still in doubt; 0: nobody fell
	suspects Bitmap

	goodbyes Bitmap
	withheld withholding

	since   uint64        // first round that carried the proposal
	tell    uint64        // last round that is sent to those removed, too
	entered [Slots]uint64 // round before a member's first
	change  Event         // what the proposal changes, and why

	adm admission
}

type sentRound struct {
	round   uint64
	at      Time
	counted bool // at least most of an interval after the one before
	leaving bool // at is when it was decided on; it may still have been held up
}

// left notes when the last round had truly left: an agent that was kept from the CPU
// between deciding and sending must not take the delay for a member's silence.
func (l *leadership) left(at Time, i time.Duration) {
	s := &l.sent[l.round%64]
	if !s.leaving {
		return
	}
	s.leaving = false
	s.at = max(s.at, at)
	if s.counted = l.counted == 0 || s.at.Since(l.counted) >= i-i/4; s.counted {
		l.counted = s.at
	}
}

func (n *Node) leadGroup() {
	l := &n.lead
	t := n.tally
	if n.reg.Promised > l.ballot {
		n.depose("another candidate was promised")
		return
	}
	if t.Ballot == l.ballot && t.Preparing == 0 && l.round > 0 {
		if t.Outbid > l.ballot && n.outbid() {
			return
		}
		if !l.decided && t.Quorate == 1 && t.Seq == l.view.Seq {
			n.decide()
			if !n.detect() {
				return
			}
			n.cut()
			n.beat()
		}
		if !n.now.Before(l.nextBeat) && !n.round() {
			return
		}
	} else if l.round == 0 {
		n.first()
	} else { // the command was not carried out
		n.takeVotes()
		l.nextBeat = n.now.Add(n.cfg.Interval)
	}
	n.wakeAt(l.nextBeat)
}

// first beats for the first time under a new ballot, with the first removal in it where the
// election has settled who is gone.
func (n *Node) first() {
	n.cut()
	n.beat()
}

// round judges the rounds so far and beats; it reports whether the node still leads.
func (n *Node) round() bool {
	if !n.detect() {
		return false
	}
	if n.leaving && n.lead.decided && !n.now.Before(n.handOverAt) {
		n.leave()
		if n.role != roleLeader {
			return false
		}
	}
	n.cut()
	n.admissions()
	n.recompose()
	n.beat()
	return true
}

// propose puts a view under vote; the next beat carries it.
func (n *Node) propose(members Bitmap, r *Roster, why Event) {
	l := &n.lead
	seq := l.view.Seq + 1
	digest, ok := n.digest(seq, members, r)
	if !ok {
		return
	}
	for s := members.First(); s < Slots; s = members.Next(s + 1) {
		if !l.view.New.Has(s) {
			l.entered[s], l.credit[s] = l.round, 0
		}
	}
	l.view = Proposal{Ballot: l.ballot, Seq: seq, Digest: digest, Roster: r.Version(), New: members, Old: l.view.New}
	l.decided, l.roster = false, r
	l.since = l.round + 1
	l.change = why
	l.change.From, l.change.To, l.change.Ballot, l.change.Verdict = seq-1, seq, l.ballot, n.now
	n.takeVotes()
}

// takeVotes tells the tally what is under vote.
func (n *Node) takeVotes() {
	l := &n.lead
	n.command(Command{Kind: CommandAsk, Ballot: l.ballot, Seq: l.view.Seq, New: l.view.New, Old: l.view.Old, WindowNS: uint64(n.cfg.Interval)})
}

// decide notes that the proposal has its votes; the beat that follows at once tells.
func (n *Node) decide() {
	l := &n.lead
	l.decided = true
	if n.below != nil {
		n.below.decide(n.now, l.view.New)
	}
	l.change.Commit = n.now
	l.change.Rounds = int(l.round-l.since) + 1
	if l.view.Old.Has(l.former) && !l.view.New.Has(l.former) {
		l.change.Rounds++ // the election: the first view without the former leader
		l.former = Slots
	}
	if l.change.To != l.view.Seq { // found under way and finished for an earlier leader
		l.change = Event{From: l.view.Seq - 1, To: l.view.Seq, Ballot: l.ballot, Commit: n.now, Rounds: l.change.Rounds, Why: "proposed by an earlier leader"}
	}
	l.tell = l.round + uint64(n.cfg.Rounds)
	l.fallen = l.fallen.And(l.view.New)
	l.certain = l.certain.And(l.view.New)
	l.goodbyes = l.goodbyes.And(l.view.New)
	if l.fallen.Empty() {
		l.settleBy, l.missedAt = 0, 0
	}
	n.admitted()
}

// beat sends the next round.
func (n *Node) beat() {
	l := &n.lead
	i := n.cfg.Interval
	heard1, heard2 := n.heard()
	l.round++
	l.sent[l.round%64] = sentRound{round: l.round, at: n.now, leaving: true}
	l.nextBeat = l.nextBeat.Add(i)
	if !n.now.Before(l.nextBeat) || n.now.Since(l.nextBeat) < -i {
		l.nextBeat = n.now.Add(i)
	}
	committed := l.view.Seq - 1
	if l.decided {
		committed = l.view.Seq
	}
	epoch, upper := committed, NoUpper
	if n.upper != nil {
		epoch, upper = n.upper.Epoch, n.upper.RemainingUS(n.now)
	}
	to := l.view.New
	if !l.decided || l.round <= l.tell {
		to = to.Or(l.view.Old)
	}
	n.send(to, Frame{
		Kind: KindBeat, To: ToAll, Ballot: l.ballot, Round: l.round,
		Ask: Ask{
			Seq: l.view.Seq, Committed: committed, Digest: l.view.Digest, Roster: l.view.Roster, Epoch: epoch,
			IntervalUS: uint32(i / time.Microsecond), Rounds: uint16(n.cfg.Rounds), LeaseUS: uint32(n.leaseLength() / time.Microsecond),
			UpperUS: upper,
			New:     l.view.New, Old: l.view.Old, Heard1: heard1, Heard2: heard2, Stale: n.stale(),
		},
	})
	n.wakeAt(l.nextBeat)
}

// leaseLength is L: 3.5 intervals for k = 5 (DESIGN 4.3). For other k it stays a round and a
// half short of k, so that L and an interval fit into the time that prepares are refused, and
// below 0.7 k, so that no removal has to wait for it.
func (n *Node) leaseLength() time.Duration {
	k := time.Duration(n.cfg.Rounds)
	return n.cfg.Interval * min(10*k-15, 7*k) / 10
}

// heard is whose leases the next beat extends (DESIGN 4.3 rule 2): nobody's, unless a
// quorum echoed the last round in time, and not of those who are to go though they answer.
func (n *Node) heard() (heard1, heard2 Bitmap) {
	l := &n.lead
	if l.round == 0 {
		return
	}
	all := l.view.New.Or(l.view.Old)
	last, before := Bitmap{}, Bitmap{}
	for s := all.First(); s < Slots; s = all.Next(s + 1) {
		m := &n.tally.Members[s]
		if m.answered(m.InTime, l.round) {
			last.Set(s)
		}
		if m.answered(m.InTime, l.round-1) {
			before.Set(s)
		}
	}
	if !n.decides(last, l.view.New) || !l.decided && !n.decides(last, l.view.Old) {
		return
	}
	hear := l.view.New.Minus(l.withheld.from)
	return last.And(hear), before.And(hear)
}

// answered reports whether history, one of the member's masks, has the round.
func (m *Member) answered(history uint64, round uint64) bool {
	return round > 0 && round <= m.Round && m.Round-round < 64 && history>>(m.Round-round)&1 == 1
}

// outbid reacts to somebody who promised a higher ballot. While a quorum is loyal that was
// a straggler, and the leader overtakes it by handing over to itself; otherwise another
// leader is on the way. It reports whether the step ends here.
func (n *Node) outbid() bool {
	l := &n.lead
	loyal, strayed := Bitmap{}, false
	for s := l.view.New.First(); s < Slots; s = l.view.New.Next(s + 1) {
		m := &n.tally.Members[s]
		if m.answered(m.Answered, l.round) && m.Promised == l.ballot {
			loyal.Set(s)
		}
		strayed = strayed || m.Promised > l.ballot
	}
	if !strayed {
		return false
	}
	if !n.decides(loyal, l.view.New) || !n.decides(loyal, l.view.Old) {
		if n.now.Since(l.sent[l.round%64].at) < n.cfg.Interval {
			return false // its echoes are still on the way
		}
		n.depose(fmt.Sprintf("ballot %s was promised by others", n.tally.Outbid))
		return true
	}
	n.stand(l.ballot)
	return true
}

// depose stops leading; the register goes on as a member's.
func (n *Node) depose(why string) {
	n.event(Event{Kind: EventDeposed, Ballot: n.lead.ballot, Why: why})
	n.lead = leadership{}
	n.role = roleFollower
	n.stopAsking()
	n.watch = watch{}
	if n.reg.BeatAt != 0 {
		n.wakeAt(n.reg.BeatAt.Add(n.reg.Calm()))
	}
}

// inView is every slot that a view which may still be decided on names.
func (l *leadership) inView() Bitmap {
	if l.decided {
		return l.view.New
	}
	return l.view.New.Or(l.view.Old)
}
