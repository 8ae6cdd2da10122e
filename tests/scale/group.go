package scale

import (
	"time"

	"rollcall/control"
)

// group is the nodes of one group of level 0.
//
// While nothing happens in it but beats that everybody answers it is idle: no beat is simulated,
// and what each would have changed is computed when somebody looks, for the host that does. A
// group is idle again when for idleAfter nothing else happened in it, and every member follows,
// knows the view to be decided and answered the last two rounds. It is no longer when a host of
// it fails or comes, or when an agent orders its kernel to do anything at level 0.
//
// Of an idle group the housekeeping of agents, once a second, is not simulated either where they have
// no part in a group above: it finds what it found before. Letters are read in it as ever.
type group struct {
	w        *World
	number   uint16
	hosts    []host
	contacts []string      // whom its hosts ask first
	changed  time.Duration // when something last happened

	idle   bool
	leader *host
	due    time.Duration // when the first beat that was not simulated left
	round  uint64        // the one before it
	told   uint64        // rounds of these that are on the meter
	epoch  uint64        // that the leader's beats told before it heard of the next …
	heard  time.Duration // … which was then
}

const idleAfter = 10 // intervals

func (g *group) news() { g.changed = g.w.now }

// beats is how many rounds left since the group is idle, and when the last did.
func (g *group) beats() (n uint64, at time.Duration) {
	if g.w.now < g.due {
		return 0, g.due - g.w.Interval
	}
	n = uint64((g.w.now-g.due)/g.w.Interval) + 1
	return n, g.due + time.Duration(n-1)*g.w.Interval
}

// rest has the group be idle, if it may, instead of the beat that its leader is about to send.
func (g *group) rest(leader *host) bool {
	t := leader.lead.tallies[0]
	if g.w.EachBeat || g.idle || g.w.now-g.changed < idleAfter*g.w.Interval || t.Beating == 0 || t.Ordered != 0 || t.DueAt != leader.clock() {
		return false
	}
	if t.Committed != t.Seq || t.Round <= t.Tell || t.Preparing != 0 || t.Upper == 0 || t.Suspects.Or(t.Fallen).Or(t.Withheld) != (control.Bitmap{}) {
		return false
	}
	if g.number != leader.group.number {
		return false
	}
	for s := t.New.First(); s < control.Slots; s = t.New.Next(s + 1) {
		if h := leader.lead.routes[0][s]; h != leader && !g.follows(h, s, t) {
			return false
		}
	}
	g.idle, g.leader, g.due, g.round, g.told = true, leader, g.w.now, t.Round, 0
	g.epoch, g.heard = leader.reg.Epoch, 0
	g.catchUp()
	return true
}

// follows reports whether a member does nothing but answer beats, as it did before.
func (g *group) follows(h *host, slot uint16, t *control.Tally) bool {
	if h == nil || h.group != g || !h.up || h.lossIn+h.lossOut > 0 || h.lead != nil && h.lead.tallies[0] != nil {
		return false
	}
	r, heard := &h.reg, &t.Heard[slot]
	return r.State == control.RegisterMember && r.Slot == slot && r.Promised == t.Ballot && r.BeatBallot == t.Ballot && r.BeatRound == t.Round &&
		r.Accepted.Ballot == t.Ballot && r.Accepted.Seq == t.Seq && r.Committed.Seq == t.Seq && heard.Round == t.Round && heard.InTime&3 == 3
}

// settle brings a host of an idle group to where it is now.
func (g *group) settle(h *host) {
	if !g.idle || !h.up || h.reg.State != control.RegisterMember {
		return
	}
	n, at := g.beats()
	t := g.leader.lead.tallies[0]
	if !t.New.Has(h.reg.Slot) || h.reg.BeatRound >= g.round+n {
		return
	}
	arrived, r := at+frameTakes, &h.reg
	if h == g.leader {
		arrived = at
		g.settleTally(n, at)
	}
	then := func(d time.Duration) control.Time { return control.Time(d) + 3600*second }
	r.SilenceUS = uint32(g.w.Interval / time.Microsecond)
	r.BeatRound, r.BeatAt, r.AgentAt = g.round+n, then(arrived), then(at)
	r.Heard = t.New
	r.Echoed = [2]control.Echoed{{Round: r.BeatRound, At: r.BeatAt}, {Round: r.BeatRound - 1, At: r.BeatAt - control.Time(g.w.Interval)}}
	r.LeaseUntil = r.Echoed[1].At + control.Time(r.LeaseUS)*1000
	upper := g.leader.at(2)
	if r.Epoch, r.EpochDigest = upper.Epoch, upper.EpochDigest; g.heard > at {
		r.Epoch, r.EpochDigest = g.epoch, 0
	}
	if left := upper.RemainingUS(then(at)); left == control.NoUpper {
		r.UpperUntil = control.MaxTime
	} else {
		r.UpperUntil = r.Echoed[1].At + control.Time(left)*1000
	}
}

// settleTally is for the leader's.
func (g *group) settleTally(n uint64, at time.Duration) {
	t := g.leader.lead.tallies[0]
	more := g.round + n - t.Round
	last := control.Time(at) + 3600*second
	fill := func(history uint64) uint64 {
		if more > 63 {
			return ^uint64(0)
		}
		return history<<more | (1<<more - 1)
	}
	t.Round += more
	t.DueAt, t.Counted, t.CountedAt, t.QuorumAt = last.Add(g.w.Interval), fill(t.Counted), last, t.Round-1
	for b := range min(more, uint64(len(t.SentAt))) {
		t.SentAt[(t.Round-b)%uint64(len(t.SentAt))] = last - control.Time(b)*control.Time(g.w.Interval)
	}
	for s := t.New.First(); s < control.Slots; s = t.New.Next(s + 1) {
		m, h := &t.Members[s], &t.Heard[s]
		h.Round, h.Answered, h.InTime = t.Round, fill(h.Answered), fill(h.InTime)
		h.EchoAt, h.AgentAgeMS = last.Add(2*frameTakes), 0
		if s == g.leader.reg.Slot {
			h.EchoAt = last
		}
		m.Round, m.EchoAt, m.AgentAgeMS = t.Round, h.EchoAt, 0
	}
}

// hears notes that the leader's register in the group above is about to tell of another epoch.
func (g *group) hears(h *host, epoch uint64) {
	if g.idle && h == g.leader {
		g.epoch, g.heard = epoch, g.w.now
	}
}

// wake has the group's beats simulated from now on.
func (g *group) wake() {
	if !g.idle {
		return
	}
	g.account()
	for i := range g.hosts {
		if h := &g.hosts[i]; h != g.leader {
			g.settle(h)
		}
	}
	g.settle(g.leader)
	g.idle = false
	g.changed = g.w.now
	g.leader.pace(0)
	for i := range g.hosts {
		h := &g.hosts[i]
		if !h.up {
			continue
		}
		if r := &h.reg; r.BeatAt != 0 {
			h.watchLeader(0, h.until(r.BeatAt.Add(r.SilentAfter())))
		}
		if h.stepAt == 0 && h.agent != nil { // its housekeeping, at the times it would have been
			h.schedule(time.Second - (g.w.now-h.stepped)%time.Second)
		}
	}
}

// account puts the beats that were not simulated on the meter.
func (g *group) account() {
	n, _ := g.beats()
	if more := n - g.told; g.idle && more > 0 {
		g.told = n
		t := g.leader.lead.tallies[0]
		for s := t.New.First(); s < control.Slots; s = t.New.Next(s + 1) {
			if h := g.leader.lead.routes[0][s]; h != g.leader {
				g.w.meter.frames(g.leader, h, more)
				g.w.meter.frames(h, g.leader, more)
			}
		}
	}
}
