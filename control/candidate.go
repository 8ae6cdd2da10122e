package control

import "time"

// candidacy is one campaign for the lead.
type candidacy struct {
	ballot   Ballot
	outbid   Ballot // the highest that others promised rather than one of this node's, in this campaign or before
	refused  uint32 // campaigns in a row that this ended
	prior    Ballot // of the leader that handed over; 0: it fell silent
	why      string // in words
	roster   uint64 // version of the one by which promises are counted
	asked    Bitmap
	accused  Bitmap // whom that leader gave up by its last beat
	began    Time
	next     Time // ask those again that did not promise
	prepares int
	lost     bool // no quorum answers; told once
	decreed  Time // the operator's order to recover holds until then
	seen     watch
}

// hurried is how many prepares leave a quarter of an interval apart. Where they found no quorum the next
// leave an interval apart: nothing is decided any sooner for haste.
const hurried = 8

// leap is by how many terms at most a candidate stands higher than it has to, the more often it was refused. Others who
// outbid each other, but are no quorum, have climbed on before this one stands again, and it may be the only one that
// knows what can be decided.
const leap = 32

// stand starts a campaign, and says why. With prior, the leader of that ballot asked for it.
func (n *Node) stand(prior Ballot, why string) { n.standBy(n.reg.Accepted.Roster, prior, why) }

// standBy does so, and has promises be counted by a roster: that of the proposal which this candidate would go on from,
// since a later one may name others in the members' slots, who have not accepted what these have.
func (n *Node) standBy(roster uint64, prior Ballot, why string) {
	if n.role == roleLeader {
		n.lead = leadership{}
	}
	term := max(n.reg.Promised.Term(), n.cand.ballot.Term())
	if by := n.cand.outbid; by.Generation() == n.reg.Promised.Generation() {
		term = max(term, by.Term())
	}
	refused := n.cand.refused
	if n.reg.BeatAt > n.cand.began { // somebody led since
		refused = 0
	}
	n.cand = candidacy{
		ballot:  NewBallot(n.reg.Promised.Generation(), term+1+min(refused, leap), n.reg.Slot),
		prior:   prior,
		why:     why,
		accused: n.accuse(prior),
		began:   n.now,
		asked:   Voters(n.cfg.Level, n.reg.Accepted.New.Or(n.reg.Accepted.Old).Or(n.reg.Committed.Members)),
		lost:    n.lost(&n.reg),
		outbid:  n.cand.outbid,
		refused: refused,
		roster:  roster,
		decreed: n.cand.decreed,
		seen:    n.watch,
	}
	n.role = roleCandidate
	n.holdCounted()
	n.command(Command{Kind: CommandAsk, Ballot: n.cand.ballot, Preparing: 1, WindowNS: uint64(n.reg.Rounds) * uint64(n.reg.Interval())})
	n.ask(n.cand.asked)
}

func (n *Node) ask(to Bitmap) {
	c := &n.cand
	f := Frame{Kind: KindPrepare, To: ToAll, Ballot: c.ballot, Round: uint64(c.prepares + 1)}
	if c.prior != 0 {
		f.Flags, f.Ask.Prior = FlagHandOver, c.prior
	}
	n.send(to, f)
	if voteless := c.accused.Minus(c.asked); !voteless.Empty() {
		n.send(voteless, Frame{Kind: KindProbe, To: ToAll, Ballot: c.ballot, Round: uint64(n.now)})
	}
	c.prepares++
	wait := n.reg.Interval() / 4
	if c.prepares > hurried {
		wait = n.reg.Interval()
	}
	c.next = n.now.Add(wait)
	n.wakeAt(c.next)
}

func (n *Node) campaign() {
	c := &n.cand
	t := n.tally
	switch {
	case t == nil || t.Ballot != c.ballot || t.Preparing == 0:
		// The command that starts the collection was given in this very step, or failed.
		if !n.now.Before(c.next) {
			n.standDown()
			return
		}
		n.wakeAt(c.next)
		return
	case n.reg.Promised > c.ballot:
		n.standDown()
		return
	case t.Outbid > c.ballot:
		c.refused++
		n.standDown()
		return
	case n.reg.BeatAt > c.began && (c.prior == 0 || c.prepares > 4):
		// somebody leads after all; the first may cross beats of the one that handed over
		n.standDown()
		return
	}
	if n.leftBehind() {
		n.removed("the others decided on a view without this node")
		return
	}
	a, known := n.highest()
	c.asked = Voters(n.cfg.Level, c.asked.Or(a.New).Or(a.Old))
	promises := n.promisesFor(&a)
	if promises != t.Promises && a.Roster != c.roster {
		n.standBy(a.Roster, c.prior, c.why)
		return
	}
	if n.decides(promises, a.New) && (known || n.decides(promises, a.Old)) {
		from := c.began
		if !n.unheard().Empty() { // time for the accused to answer
			from = c.began.Add(n.reg.Interval() / 4)
		}
		if !known && n.revives(&a) {
			from = c.began.Add(n.reg.Calm())
		}
		if !n.now.Before(from) {
			n.elect(a, known)
			return
		}
		n.wakeAt(from)
	}
	if n.recovers() {
		return
	}
	leaderless := n.now.Since(max(n.reg.BeatAt, n.join.since)) // candidates may outbid each other for ever
	if !c.lost && (c.prepares > hurried || leaderless > 3*n.reg.Calm()) {
		c.lost = true
		n.event(Event{Kind: EventLost, Ballot: c.ballot, Why: "no leader, and no quorum answers"})
	}
	if !n.now.Before(c.next) {
		n.ask(c.asked.Minus(t.Promises))
	}
	n.wakeAt(c.next)
	n.keepJoining()
}

// holdCounted has the slots be those of whom the roster names by which promises are counted, and reports whether that
// is held: else promises are counted by the newest, as it was when they were asked for.
func (n *Node) holdCounted() bool {
	r := n.rosterOf(n.cand.roster)
	if r != nil {
		n.hold(r)
	}
	return r != nil
}

// promisesFor are the promises of those whom a proposal names: where a slot was given to another than the roster names
// by which they were counted, its promise is none for the proposal. A roster that is not held is fetched before
// anything rests on it (elect).
func (n *Node) promisesFor(a *Proposal) Bitmap {
	b, r := n.tally.Promises, n.rosterOf(a.Roster)
	if r == nil || len(n.rosters) == 0 {
		return b
	}
	counted := n.rosters[0].Roster
	for s := b.First(); s < Slots; s = b.Next(s + 1) {
		if is, was := r.At(s), counted.At(s); is != nil && (was == nil || was.Incarnation != is.Incarnation) {
			b.Clear(s)
		}
	}
	return b
}

// lost reports whether no quorum answered this node, and nobody led since.
func (n *Node) lost(r *Register) bool { return n.cand.lost && r.BeatAt <= n.cand.began }

// highest is the highest proposal that anybody who promised has accepted, and whether
// anybody knows it to be decided.
func (n *Node) highest() (a Proposal, known bool) {
	t := n.tally
	for s := t.Promises.First(); s < Slots; s = t.Promises.Next(s + 1) {
		if m := &t.Members[s]; a.Less(m.Accepted.Ballot, m.Accepted.Seq) {
			a = m.Accepted
		}
	}
	members := a.New.Or(a.Old).And(t.Promises) // others may have decided numbers as high in an earlier generation
	for s := members.First(); s < Slots; s = members.Next(s + 1) {
		m := &t.Members[s]
		known = known || m.Committed >= a.Seq && m.Accepted.Ballot.Generation() == a.Ballot.Generation() && a.Seq != 0
	}
	return a, known
}

// revives reports whether a candidate to whom a leader handed over found a removal that this leader did not propose.
// Whom it takes out may have been heard since, and the leader that hands over has a lease itself (lease rule 5).
func (n *Node) revives(a *Proposal) bool {
	c := &n.cand
	return c.prior != 0 && a.Ballot != c.prior && !a.Old.Minus(a.New).Minus(c.accused).Empty()
}

// leftBehind reports whether a decided view later than any this register knows leaves this
// node out.
func (n *Node) leftBehind() bool {
	for s := n.cand.asked.First(); s < Slots; s = n.cand.asked.Next(s + 1) {
		m := &n.tally.Members[s]
		if n.tally.Heard[s].EchoAt == 0 { // what it said under an earlier ballot
			continue
		}
		own, other := &n.reg.Accepted, &m.Accepted
		later := other.Ballot.Generation() > own.Ballot.Generation() || other.Ballot.Generation() == own.Ballot.Generation() && other.Seq > own.Seq
		if m.Committed >= other.Seq && later && other.New.Has(s) && !other.New.Has(n.reg.Slot) {
			r := n.rosterOf(m.Accepted.Roster)
			if r == nil && n.founder() { // it is to know who they are before it leaves
				n.fetch(m.Accepted.Roster)
				return false
			}
			n.recordDecided(m.Accepted.Seq, m.Accepted.New, r)
			return true
		}
	}
	return false
}

// elect makes the candidate leader, or stands down where it may not lead.
func (n *Node) elect(a Proposal, known bool) {
	r := n.rosterOf(a.Roster)
	if r == nil {
		n.fetch(a.Roster)
		n.standDown()
		return
	}
	if !a.New.Has(n.reg.Slot) && (known || !n.knowing(&a, n.tally.Promises).Empty()) {
		n.standDown()
		return
	}
	c := n.cand
	n.role = roleLeader
	n.watch = watch{}
	n.handOverAt = n.now.Add(2 * askEvery)
	i := n.cfg.Interval
	n.lead = leadership{ballot: c.ballot, view: a, took: a.Seq, decided: known, roster: r, former: Slots, elected: n.now, order: true, atOnce: true}
	n.lead.view.Ballot = c.ballot
	if n.below != nil {
		n.below.adopt(&a, r, known)
	}
	if c.prior != 0 {
		n.lead.calmUntil = n.now.Add(time.Duration(n.cfg.Rounds+1) * i)
	}
	n.event(Event{Kind: EventElected, To: a.Seq, Ballot: c.ballot, Leader: n.cfg.Self.Name, Rounds: c.prepares, Why: c.why})
	n.judgeOld(&c)
	n.believe()
	n.hearClaims()
	if n.reg.Rosters[0] != r.Version() {
		n.hold(r)
	}
	n.cut()
}

// knowing are those, of some, who have accepted a proposal and belong to it, so that they can lead on from it. Where a
// candidate whom it leaves out finds none, it leads until there is one, and hands over: the others may not even know
// of this node, so as to ask it what it accepted.
func (n *Node) knowing(a *Proposal, of Bitmap) (b Bitmap) {
	of = Voters(n.cfg.Level, a.New).And(of)
	for s := of.First(); s < Slots; s = of.Next(s + 1) {
		if m := &n.tally.Members[s]; !m.Accepted.Less(a.Ballot, a.Seq) {
			b.Set(s)
		}
	}
	return b
}

// judgeOld carries what the probes showed over into the leader's own count, and drops the
// old leader in the first view if it answered neither probe nor prepare.
func (n *Node) judgeOld(c *candidacy) {
	l, w := &n.lead, &c.seen
	if !w.on || c.prior != 0 {
		return
	}
	l.former = w.leader
	for s := w.asked.First(); s < Slots; s = w.asked.Next(s + 1) {
		answered := n.tally.Heard[s].EchoAt != 0
		if s == n.reg.Slot || !l.view.New.Has(s) || answered {
			continue
		}
		// One round at least has to be missed under this leader.
		l.credit[s] = uint8(min(w.unanswered(n.tally, s, n.now, n.reg.Interval()), n.cfg.Rounds-1))
		if s != w.leader && int(l.credit[s]) >= half(n.cfg.Rounds) {
			l.suspects.Set(s)
		}
	}
	if int(l.credit[w.leader]) >= half(n.cfg.Rounds) {
		l.credit[w.leader] = uint8(n.cfg.Rounds)
		l.fallen.Set(w.leader)
		l.missedAt = n.reg.BeatAt.Add(n.reg.Interval())
		l.settleBy = 1 + uint64(half(n.cfg.Rounds))
	}
}

// standDown gives the campaign up and leaves the others time to hold theirs.
func (n *Node) standDown() {
	n.role = roleFollower
	n.stopAsking()
	n.watch = watch{standAt: n.now.Add(time.Duration(2+n.rank()) * n.reg.Interval())}
	n.wakeAt(n.watch.standAt)
}
