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
	took      uint64 // seq of the view that this lead began with
	elected   Time
	roster    *Roster // names the slots of view
	calmUntil Time    // no removal before: elected by hand-over, nobody's lease was waited for
	former    uint16  // slot of the leader that fell silent; Slots: none did

	order  bool // beats are to be ordered anew by this step
	atOnce bool // … and one leaves at once
	before Proposal
	silent Bitmap // whom the proposal leaves out for their silence, until it was ordered
	stale  Bitmap // … for their agents'

	accusing  uint64       // rounds that accuse, as the last sweep saw them
	credit    [Slots]uint8 // probes missed before the election, until the first answer
	ailing    uint64       // bit i: in round weighed-i most of the others were in doubt (Node.weigh)
	weighed   uint64       // the round up to which that tells
	dubious   Bitmap       // who was, in the last round in which half of them were
	dubiousAt uint64       // … that round
	fallen    Bitmap       // to be removed: k rounds missed, or better evidence
	certain   Bitmap       // of those, who was rebooted: its lease ended with its kernel
	why       map[uint16]string
	missedAt  Time   // first round that one of the fallen missed
	settleBy  uint64 // round at which the cut is made, whoever is still in doubt; 0: nobody fell
	suspects  Bitmap
	accused   Bitmap // of the fallen, whose leases had ended under the leader before

	heirs      Bitmap // who should lead rather than this node, and can
	heirsSince Time   // so long all of them could

	seated    map[uint16]seating // who has the slot since this node leads
	inquiries map[uint16]inquired
	goodbyes  Bitmap
	withheld  withholding
	surplus   Bitmap // above level 0: seats to be taken back, in the view of seq surplusOf
	surplusOf uint64
	spent     Bitmap // above level 0: groups of which it was told that they can not be formed any more

	tell   uint64 // last round that is sent to those removed, too
	parted Bitmap // them
	change Event  // what the proposal changes, and why

	announceAt Time // to contacts that are not in the view

	adm admission
}

// seating is when a slot was given to somebody.
type seating struct {
	round uint64 // the last before
	at    Time
	view  uint64 // seq of the one since which the slot is somebody's, this one's or whom it succeeded
}

// leadGroup judges the rounds so far and orders what beats say from now on. The rounds
// themselves are the tally's (Tally.Beat).
func (n *Node) leadGroup() {
	l, t := &n.lead, n.tally
	switch {
	case n.reg.Promised > l.ballot:
		n.depose("another candidate was promised")
		return
	case t.Ballot == l.ballot && t.Away != 0:
		n.depose("the agent was away while somebody fell, and others were asked to lead")
		return
	case l.order: // elected, or founded, by this very step
		return
	case t.Ballot != l.ballot || t.Preparing != 0 || t.Seq != l.view.Seq:
		n.takeBack()
		if t.Ballot != l.ballot || t.Preparing != 0 {
			n.cut()
			return
		}
	}
	l.silent, l.stale = Bitmap{}, Bitmap{}
	if knowing := n.knowing(&l.view, t.Votes); !l.view.New.Has(n.reg.Slot) && !knowing.Empty() {
		n.handOver(knowing, "the next view is without it")
		return
	}
	if t.Outbid > l.ballot && n.outbid() {
		return
	}
	if !l.decided && t.Quorate != 0 && t.Seq == l.view.Seq {
		n.decide()
	}
	if !n.detect() {
		return
	}
	if n.leaving && l.decided && !n.now.Before(n.handOverAt) {
		n.leave()
		if n.role != roleLeader {
			return
		}
	}
	if heirs := n.others().Minus(t.Doubtful).Minus(l.suspects); n.ails() && !heirs.Empty() {
		n.handOver(heirs, "most do not answer it directly")
		return
	}
	if n.yields() {
		n.yieldedAt = n.now
		n.handOver(l.heirs, "as prefer and avoid ask")
		return
	}
	if t.Beating == 0 {
		l.order, l.atOnce = true, true
	}
	l.order = l.order || n.turnKey() != t.Key || n.patience() != t.Patience
	n.cut()
	n.admissions()
	n.recompose()
	n.announces()
	if !n.settled() {
		n.wakeAt(n.nextJudgement())
	}
}

// settled reports whether the tally can be left alone until it wakes this node.
func (n *Node) settled() bool {
	l := &n.lead
	if !l.decided || !n.caughtUp() || n.leaving || n.ailed() > 0 || n.reg.Newest != n.reg.Key || n.tally.Outbid > l.ballot || l.adm.roster != nil || len(l.adm.asked) > 0 {
		return false
	}
	for s := l.view.New.First(); s < Slots; s = l.view.New.Next(s + 1) {
		if l.credit[s] != 0 {
			return false
		}
	}
	return l.suspects.Or(l.fallen).Or(l.goodbyes).Or(l.withheld.from).And(l.view.New).Empty()
}

// nextJudgement is when the next round will be over.
func (n *Node) nextJudgement() Time {
	t, ripe := n.tally, ripe(n.cfg.Interval)
	at := max(t.DueAt, n.now).Add(ripe)
	for b := range uint64(64) {
		if over := t.sentAt(t.Round - b).Add(ripe); t.Counted>>b&1 == 1 && n.now.Before(over) {
			at = min(at, over)
		}
	}
	return at
}

// orderBeats tells the tally what beats say, if that changed.
func (n *Node) orderBeats() {
	l := &n.lead
	if n.role != roleLeader || !l.order {
		return
	}
	i := n.cfg.Interval
	committed := l.view.Seq - 1
	if l.decided {
		committed = l.view.Seq
	}
	c := Command{
		Kind: CommandBeat, Ballot: l.ballot, Seq: l.view.Seq, New: l.view.New, Old: l.view.Old, WindowNS: uint64(i),
		Silent: l.silent, Stale: l.stale, Since: n.now,
		Beats: Beats{
			Committed: committed, Digest: l.view.Digest, Roster: l.view.Roster, Epoch: committed, EpochDigest: l.decidedDigest(),
			Withheld: l.withheld.from.Or(n.unvouched()), Key: n.turnKey(), GraceNS: uint64(n.cfg.AgentGrace), Tell: l.tell, Parted: l.parted,
			IntervalUS: uint32(i / time.Microsecond), LeaseUS: uint32(n.leaseLength() / time.Microsecond),
			Rounds: uint32(n.cfg.Rounds), StaleMS: uint32(staleAfter / time.Millisecond), Kin: n.kin(), Began: l.began,
			Patience: n.patience(), CalmUntil: l.calmUntil,
		},
	}
	if n.upper != nil {
		c.Beats.Upper = 1
	}
	if l.atOnce {
		c.Now = 1
		n.wakeAt(n.now.Add(ripe(i)))
	}
	l.order, l.atOnce = false, false
	n.command(c)
}

// decidedDigest is that of the last view that is known to be decided; 0: an earlier leader proposed it.
func (l *leadership) decidedDigest() uint64 {
	switch {
	case l.decided:
		return l.view.Digest
	case l.before.Seq+1 == l.view.Seq:
		return l.before.Digest
	}
	return 0
}

// takeBack is for an order that the tally refused, because somebody was heard, or somebody's agent,
// whom the proposal left out for silence: it never left, so the view before it is the one in force.
func (n *Node) takeBack() {
	l := &n.lead
	l.order, l.atOnce = true, true
	if l.silent.Or(l.stale).Empty() {
		return
	}
	for s := l.silent.First(); s < Slots; s = l.silent.Next(s + 1) {
		if n.lives(s) && !l.certain.Has(s) {
			l.credit[s] = 0
			l.fallen.Clear(s)
			l.suspects.Clear(s)
		}
	}
	l.view, l.decided, l.silent, l.stale = l.before, true, Bitmap{}, Bitmap{}
	if n.below != nil {
		n.below.next = nil
	}
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
			l.credit[s] = 0
		}
	}
	l.before = l.view
	l.view = Proposal{Ballot: l.ballot, Seq: seq, Digest: digest, Roster: r.Version(), New: members, Old: l.view.New}
	l.decided, l.roster = false, r
	l.order, l.atOnce = true, true
	l.change = why
	l.change.From, l.change.To, l.change.Ballot, l.change.Verdict = seq-1, seq, l.ballot, n.now
}

// decide notes that the proposal has its votes; the beat that follows at once tells.
func (n *Node) decide() {
	l, t := &n.lead, n.tally
	l.decided = true
	l.order, l.atOnce = true, true
	if n.below != nil {
		n.below.decide(n.now, l.view.New)
	}
	l.change.Commit = n.now
	l.change.Rounds = int(t.Quorate-t.Proposed) + 1
	if l.view.Old.Has(l.former) && !l.view.New.Has(l.former) {
		if t.Heard[l.former].EchoAt < l.elected { // else it came back, and fell silent again
			l.change.Rounds++ // the election: the first view without the former leader
		}
		l.former = Slots
	}
	if l.change.To != l.view.Seq { // found under way and finished for an earlier leader
		l.change = Event{From: l.view.Seq - 1, To: l.view.Seq, Ballot: l.ballot, Commit: n.now, Rounds: l.change.Rounds, Why: "proposed by an earlier leader"}
	}
	if t.Round > l.tell {
		l.parted = Bitmap{}
	}
	l.tell, l.parted = t.Round+uint64(n.cfg.Rounds), l.parted.Or(l.view.Old).Minus(l.view.New)
	l.fallen = l.fallen.And(l.view.New)
	l.certain = l.certain.And(l.view.New)
	l.accused = l.accused.And(l.view.New)
	l.goodbyes = l.goodbyes.And(l.view.New)
	if l.fallen.Empty() {
		l.settleBy, l.missedAt = 0, 0
	}
	n.admitted()
}

// leaseLength is L: 3.5 intervals for k = 5. For other k it stays a round and a
// half short of k, so that L and an interval fit into the time that prepares are refused, and
// below 0.7 k, so that no removal has to wait for it.
func (n *Node) leaseLength() time.Duration {
	k := time.Duration(n.cfg.Rounds)
	return n.cfg.Interval * min(10*k-15, 7*k) / 10
}

// outbid reacts to somebody who promised a higher ballot. While a quorum is loyal that was
// a straggler, and the leader overtakes it by handing over to itself; otherwise another
// leader is on the way. It reports whether the step ends here.
func (n *Node) outbid() bool {
	l, t := &n.lead, n.tally
	loyal, strayed := Bitmap{}, false
	for s := l.view.New.First(); s < Slots; s = l.view.New.Next(s + 1) {
		h := &t.Heard[s]
		if h.aligned(h.Answered, t.Round)&1 != 0 && h.Strayed == 0 {
			loyal.Set(s)
		}
		strayed = strayed || h.Strayed != 0
	}
	if !strayed {
		return false
	}
	if !n.decides(loyal, l.view.New) || !n.decides(loyal, l.view.Old) {
		if n.now.Since(t.sentAt(t.Round)) < ripe(n.cfg.Interval) {
			return false // its echoes are still on the way
		}
		n.depose(fmt.Sprintf("ballot %s was promised by others", t.Outbid))
		return true
	}
	n.stand(l.ballot, "others promised a higher ballot, and a quorum follows this one")
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
