package control

import (
	"fmt"
	"time"
)

// watch is a follower's eye on a leader that fell silent. The first few in rank after the
// leader are its deputies: they probe the whole group once an interval, so that whoever is
// elected knows who answers, and a leader whose kernel does is starved, not dead.
type watch struct {
	on      bool
	leader  uint16
	since   Time // its last beat
	asked   Bitmap
	probes  [8]Time // when the last rounds of probes left, the newest first
	leaving bool    // probes[0] is when it was decided on; it may still have been held up
	next    Time
	standAt Time // not before, after a campaign that failed
}

// deputies is how many followers probe.
const deputies = 3

func (n *Node) follow() {
	if n.leaving {
		n.sayGoodbye()
	}
	if n.reg.State == RegisterJoining {
		n.keepJoining()
		return
	}
	if n.wake&WakeRoster != 0 {
		n.fetch(0)
	}
	if n.wake&WakeHandOver != 0 && !n.leaving && n.rosterOf(n.reg.Accepted.Roster) != nil {
		n.stand(n.reg.Promised, "the leader handed over")
		return
	}
	if !n.place.Votes() { // who leads is not for it to say
		n.keepJoining()
		return
	}
	if n.succeed() {
		return
	}
	silent := n.now.Since(n.reg.BeatAt)
	i := n.reg.Interval()
	if n.reg.BeatAt == 0 || silent < n.reg.SilentAfter() {
		if n.watch.on {
			n.watch = watch{}
		}
		n.keepJoining()
		return
	}
	n.deputize(i)
	standAt := n.reg.BeatAt.Add(n.reg.Calm() + i/8 + time.Duration(n.rank())*i)
	if standAt.Before(n.watch.standAt) {
		standAt = n.watch.standAt
	}
	switch {
	case n.now.Before(standAt):
		n.wakeAt(standAt)
	case n.rosterOf(n.reg.Accepted.Roster) == nil:
		n.fetch(n.reg.Accepted.Roster)
	default:
		n.stand(0, fmt.Sprintf("no beat of %s for %.1f intervals", n.nameOf(n.reg.Leader()), float64(silent)/float64(i)))
		return
	}
	n.keepJoining()
}

// deputize watches the silent leader, and probes the group if this node's rank asks for it.
func (n *Node) deputize(i time.Duration) {
	w := &n.watch
	if !w.on || w.since != n.reg.BeatAt { // another silence begins
		*w = watch{on: true, leader: n.reg.Leader(), since: n.reg.BeatAt, next: n.now, standAt: w.standAt}
		w.asked = n.reg.Accepted.New.Or(n.reg.Committed.Members)
		n.command(Command{Kind: CommandAsk, WindowNS: uint64(n.reg.Rounds) * uint64(i)})
	}
	if n.rank() >= deputies {
		return
	}
	if !n.now.Before(w.next) {
		copy(w.probes[1:], w.probes[:])
		w.probes[0], w.leaving = n.now, true
		w.next = n.now.Add(i)
		others := w.asked
		others.Clear(n.reg.Slot)
		// who passes it on wants ever later rounds
		probe := Frame{Kind: KindProbe, To: ToAll, Ballot: n.reg.Promised, Round: uint64(n.now)}
		n.send(others, probe)
		n.probeAgain(others, probe)
	}
	n.wakeAt(w.next)
}

// probeAgain asks those who did not answer the probe before through some who did.
func (n *Node) probeAgain(others Bitmap, probe Frame) {
	before := n.watch.probes[1]
	if before == 0 || n.tally == nil {
		return
	}
	a := Asking{Doubtful: others}
	for s := others.First(); s < Slots; s = others.Next(s + 1) {
		if before.Before(n.tally.Heard[s].AnswerAt) {
			a.Doubtful.Clear(s)
			a.Helpers.Set(s)
		}
	}
	for _, f := range a.Retries(probe) {
		if f.Flags&FlagRelay != 0 {
			n.send(Of(f.Via), f)
		}
	}
}

// rank is this node's place among the members in the order in which they succeed the
// leader, of those that it heard of late.
func (n *Node) rank() int {
	members := Voters(n.cfg.Level, n.reg.Accepted.New.Or(n.reg.Committed.Members))
	leader := n.reg.Leader()
	members.Clear(leader)
	heard := n.reg.Heard
	if n.reg.Away != 0 && heard.Empty() { // no quorum answered the round before
		heard = members.Minus(n.reg.Accused)
	}
	heard.Set(n.reg.Slot)
	r := 0
	for s := members.First(); s < Slots; s = members.Next(s + 1) {
		if heard.Has(s) && n.sooner(s, n.reg.Slot, leader) {
			r++
		}
	}
	return r
}

// unanswered counts the probes to a slot that stayed without answer while others were
// answered, since its last answer and up to an interval ago.
func (w *watch) unanswered(t *Tally, slot uint16, now Time, i time.Duration) int {
	var anybody Time
	for s := w.asked.First(); s < Slots; s = w.asked.Next(s + 1) {
		if s != slot && t.Heard[s].AnswerAt > anybody {
			anybody = t.Heard[s].AnswerAt
		}
	}
	missed := 0
	for _, at := range w.probes {
		if at != 0 && at > t.Heard[slot].AnswerAt && at < anybody && now.Since(at) >= ripe(i) {
			missed++
		}
	}
	return missed
}

// left notes when the last probes had truly left.
func (w *watch) left(at Time) {
	if w.leaving {
		w.probes[0], w.leaving = max(w.probes[0], at), false
	}
}

// ripe is the age at which an unanswered round counts as missed: an interval, less what the
// grid of the rounds may jitter.
func ripe(i time.Duration) time.Duration { return i - i/8 }

const fetchEvery = 200 * time.Millisecond

// fetch asks for a roster that is missing: the leader and, since that may be the one that is
// gone, by turns whoever may know.
func (n *Node) fetch(version uint64) {
	if n.now.Since(n.join.fetchAt) < fetchEvery && n.join.fetchAt != 0 {
		n.wakeAt(n.join.fetchAt.Add(fetchEvery))
		return
	}
	n.join.fetchAt = n.now
	n.wakeAt(n.now.Add(fetchEvery))
	m := Message{Kind: MessageFetch, Instance: n.reg.Instance, Version: version}
	leader := n.rpcOf(n.reg.Leader())
	n.letter(leader, m)
	if l := n.askable(); len(l) > 0 {
		if to := l[n.join.turn%len(l)]; to != leader {
			n.letter(to, m)
		}
		n.join.turn++
	}
}

// fetched answers with the roster asked for.
func (n *Node) fetched(m *Message) {
	if n.reg.State == RegisterVacant || m.Instance != n.reg.Instance || len(n.rosters) == 0 {
		return
	}
	r := n.rosters[0].Roster
	if m.Version != 0 {
		r = n.rosterOf(m.Version)
	} else if n.role == roleLeader {
		r, _ = n.lead.newest()
	}
	if r != nil {
		n.letter(m.From.RPC, n.withVoters(Message{Kind: MessageRoster, Roster: r}))
	}
}
