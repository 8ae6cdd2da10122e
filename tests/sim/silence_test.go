package sim

import (
	"testing"
	"time"
)

// The stories of this file are about what is made of a leader's silence, beat by beat.

// silent lets time pass until so many intervals after the last beat that a host took.
func (s stage) silent(h *host, intervals float64) {
	s.t.Helper()
	s.until(h.clock.when(h.reg.BeatAt)+Instant(intervals*float64(s.Interval)), nil)
	if s.failure != nil {
		s.t.Fatalf("%v\n%s", s.failure, s.Describe())
	}
}

// successor is the first in rank after the leader.
func (s stage) successor() *host {
	old := s.leader()
	next := s.followers(1)[0]
	for _, h := range s.but(old) {
		if h.reg.Slot-old.reg.Slot < next.reg.Slot-old.reg.Slot { // by slots, from the old leader's on
			next = h
		}
	}
	return next
}

// TestProbesOfOneSilence: a member that missed a deputy's probes answers the beat that ends the
// silence, and is lost again in the next one, which the deputy's agent sleeps through. What it missed before it
// answered does not accuse it: it has a few rounds of the new leader to come back.
func TestProbesOfOneSilence(t *testing.T) {
	s := stand(t, 6, 3)
	old, deputy, removals := s.leader(), s.successor(), s.removals()
	member := s.but(old, deputy)[0]
	member.stopAgent()
	s.isolate(member.id, true)
	old.stopAgent()
	s.silent(deputy, 5.5) // three rounds of probes

	deputy.stopAgent()
	s.isolate(member.id, false)
	before, last := member.reg.BeatAt, deputy.reg.BeatAt
	old.contAgent()
	s.until(s.now+Instant(2*s.Interval), func() bool {
		return old.tally.Heard[member.reg.Slot].EchoAt.Since(before) > 0 && member.reg.BeatAt > before && deputy.reg.BeatAt > last
	})
	old.stopAgent()
	s.isolate(member.id, true)
	s.silent(deputy, 6.2)

	deputy.contAgent()
	s.expect("the deputy leads", func() bool { return s.leader() == deputy })
	s.Run(3 * s.Interval)
	s.isolate(member.id, false)
	s.Run(50 * s.Interval)
	if s.failure != nil || len(removals()) != 0 {
		t.Errorf("%v; removals %+v, and %s had answered the last beat", s.failure, removals(), member.name)
	}
}

// TestProbesCountFromLeaving: a deputy's agent is interrupted between deciding on a round of probes and sending
// it. That the old leader, lost for the two before, has not answered yet when the deputy is elected says nothing.
func TestProbesCountFromLeaving(t *testing.T) {
	s := stand(t, 6, 3)
	old, deputy, removals := s.leader(), s.successor(), s.removals()
	s.isolate(old.id, true)
	old.stopAgent()
	s.silent(deputy, 4.5)
	s.isolate(old.id, false)
	for _, h := range s.but(old) { // it answers, a little later than the others
		s.clog(old.id, h.id, 2*s.Interval)
	}
	s.Preempt, s.PreemptMax = 1, time.Nanosecond
	s.until(s.now+Instant(s.Interval), func() bool { return deputy.agent.busy })
	s.Preempt = 0
	deputy.starve(time.Duration(deputy.clock.when(deputy.reg.BeatAt) + Instant(6.1*float64(s.Interval)) - s.now))
	s.expect("the deputy leads", func() bool { return s.leader() == deputy })
	s.Run(50 * s.Interval)
	if s.failure != nil || len(removals()) != 0 {
		t.Errorf("%v; removals %+v, and %s answers", s.failure, removals(), old.name)
	}
}

// TestRefusedLeaderFallsSilent: while a leader's clock stands still and its side hears nobody, most of the
// others promise a candidate, and then all agents but one are stopped. The leader's kernel beats on, and
// is answered by refusals. It does not take them for a quorum: it falls silent, so that the one agent
// left, which would be refused while beats are fresh, gets the lead.
func TestRefusedLeaderFallsSilent(t *testing.T) {
	o := defaults(1)
	o.Kernel = true
	s := standAs(t, o)
	old, removals := s.leader(), s.removals()
	loyal := s.followers(4)[3]
	strays := s.but(old, loyal)
	old.stopAgent()
	for _, h := range strays {
		for _, other := range []*host{old, loyal} {
			s.cut(h.id, other.id, true)
			s.cut(other.id, h.id, true)
		}
	}
	old.pacing++ // its clock
	s.silent(loyal, 3)
	old.pace()
	strayed := func() bool {
		for _, h := range strays {
			if h.reg.Promised == old.tally.Ballot {
				return false
			}
		}
		return true
	}
	if s.until(s.now+Instant(5*s.Interval), strayed); !strayed() {
		t.Fatal("nobody was promised anything")
	}
	for _, h := range strays {
		h.stopAgent()
	}
	s.net.heal()
	s.until(s.now+Instant(50*s.Interval), func() bool { return s.leader() == loyal })
	if s.leader() != loyal || len(removals()) != 0 {
		t.Errorf("%s does not get the lead: %v; removals %+v\n%s", loyal.name, s.failure, removals(), s.Describe())
	}
}
