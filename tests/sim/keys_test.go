package sim

import (
	"testing"
	"time"

	"rollcall/control"
)

// The keys of a rotation, by number: the old one, and the next.
var oldKey, bothKeys, nextKey = control.KeyIDs{0x10}, control.KeyIDs{0x10, 0x21}, control.KeyIDs{0, 0x21}

// readKeys has a host follow a key file: it takes frames of some keys and tells of some.
func (h *host) readKeys(told control.KeyIDs, takes ...bool) {
	h.takes = takes
	c := control.Command{Kind: control.CommandKeys, Keys: told}
	if told[1] != 0 {
		c.Newest = 1
	}
	if told[0] == 0 {
		c.Key = 1
	}
	h.apply(c)
	h.agent.poked = true // it looks after it has read a file
	h.plan()
}

// sometime does something on every host, each at a moment of its own within some intervals.
func (s stage) sometime(intervals int, do func(*host)) {
	for _, h := range s.hosts {
		s.after(s.upto(time.Duration(intervals)*s.Interval), func() { do(h) })
	}
}

// keyed raises a group with the old key under weather that starves agents and loses frames now and
// then, though never a whole window of them.
func keyed(t *testing.T, seed uint64) stage {
	o := defaults(seed)
	o.Hosts, o.Drift = 3+int(seed%5), 50_000
	s := stage{New(o, realNode, nil), t}
	for _, h := range s.hosts {
		h.powerOn()
		h.readKeys(oldKey, true, false)
	}
	s.expect("all agree", func() bool { return s.agreed(s.hosts) })
	s.Weather = Weather{Loss: 0.01, Twice: 0.05, Preempt: 0.1, PreemptMax: 5 * o.Interval}
	return s
}

// TestKeyRotation replaces the key of many groups, each file at a moment of its own, while leaders
// are stopped and others elected: nobody is removed, everybody ends up with the next key alone, and
// so does whoever leads next.
func TestKeyRotation(t *testing.T) {
	for seed := range uint64(60) {
		s := keyed(t, seed)
		removals := s.removals()
		s.sometime(150, func(h *host) { h.readKeys(bothKeys, true, true) })
		s.sometime(300, func(h *host) {
			if h == s.leader() {
				h.stopAgent()
				s.after(60*s.Interval, h.contAgent)
			}
		})
		s.expect("all sign with the next key", func() bool {
			for _, h := range s.hosts {
				if h.reg.Key != 1 {
					return false
				}
			}
			return true
		})
		s.sometime(150, func(h *host) {
			h.readKeys(nextKey, true, true)
			s.after(100*s.Interval, func() { h.readKeys(nextKey, false, true) })
		})
		if !s.Run(300 * s.Interval) {
			t.Fatalf("seed %d: %v", seed, s.failure)
		}
		if got := removals(); len(got) != 0 {
			t.Fatalf("seed %d: removed %+v\n%s", seed, got, s.Describe())
		}
		s.Weather = Weather{}
		s.expect("all agree", func() bool { return s.agreed(s.hosts) })
		lead := s.leader()
		lead.powerOff()
		s.expect("the others agree", func() bool { return s.agreed(s.but(lead)) })
	}
}

// TestKeyRotationNeedsAll: a member that says it holds the next key, and does not, is lost when
// the leader turns; so the runs above would notice a leader that did not wait.
func TestKeyRotationNeedsAll(t *testing.T) {
	s := keyed(t, 4)
	liar, removals := s.followers(1)[0], s.removals()
	slot := control.Of(liar.reg.Slot)
	for _, h := range s.hosts {
		h.readKeys(bothKeys, true, h != liar)
	}
	s.expect("the others agree", func() bool { return s.agreed(s.but(liar)) })
	if got := removals(); len(got) != 1 || got[0].gone != slot {
		t.Errorf("removed %+v, want the one without the key", got)
	}
}
