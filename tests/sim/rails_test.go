package sim

import (
	"testing"

	"rollcall/control"
)

// TestRails: the first rail dies at one host, then everywhere, and nobody is removed; a crash
// meanwhile takes one round; the leader tells of all of it.
func TestRails(t *testing.T) {
	o := defaults(1)
	o.Hosts, o.Contacts, o.Rails = 6, 6, 2
	s := stage{New(o, realNode, nil), t}
	for _, h := range s.hosts {
		h.powerOn()
	}
	s.expect("all agree", func() bool { return s.agreed(s.hosts) })
	removals, leader := s.removals(), s.leader()
	told := func(who ...*host) func() bool {
		return func() bool { return leader.lostRails()[0] == slotsOf(who...) }
	}
	one := s.followers(1)[0]
	s.cutRail(0, one, true)
	s.expect("the leader tells of it", told(one))
	s.cutRail(0, one, false)
	s.expect("… and that it is back", told())
	for _, h := range s.hosts {
		s.cutRail(0, h, true)
	}
	s.expect("the leader tells of all", told(s.but(leader)...))
	s.quiet(300)
	gone := slotsOf(one)
	one.powerOff()
	s.expect("the others agree", func() bool { return s.agreed(s.but(one)) })
	s.onlyRemoval(removals(), 1, gone)
	s.net.heal()
	s.expect("the rail is back", told())
}

// TestLossOnTwoRails: frames are lost on both, so many that one rail alone could not be told from a
// crash within the time; who answers by either stays.
func TestLossOnTwoRails(t *testing.T) {
	o := defaults(2)
	o.Rails, o.Loss, o.Unaided = 2, 0.1, true
	s := stage{New(o, realNode, nil), t}
	for _, h := range s.hosts {
		h.powerOn()
	}
	s.expect("all agree", func() bool { return s.agreed(s.hosts) })
	s.quiet(3000)
}

// cutRail cuts or restores all links of a host on one rail.
func (s stage) cutRail(rail int, h *host, cut bool) {
	for _, other := range s.hosts {
		if other != h {
			s.net.link(rail, h.id, other.id).cut = cut
			s.net.link(rail, other.id, h.id).cut = cut
		}
	}
}

// lostRails is who lost which rail, as the host's agent says.
func (h *host) lostRails() [control.RailsMax]control.Bitmap {
	return h.agent.node.Status(h.now(), &h.reg).LostRails
}
