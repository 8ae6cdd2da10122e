package sim

import (
	"testing"

	"rollcall/control"
)

// TestOnlyTheLeavingKnows: a leader is lost while one that leaves is the only other that has heard of the last views, and
// the one that stays does not know of him. Who knows is not in the view that is to come, and who is cannot ask for it.
func TestOnlyTheLeavingKnows(t *testing.T) {
	s := stand(t, 4, 3)
	first := s.leader()
	first.command(control.OrderLeave, 0)
	s.expect("another leads", func() bool { return s.agreed(s.but(first)) })
	first.command(control.OrderJoin, 0)
	s.expect("it is back", func() bool { return s.agreed(s.hosts) }) // below the leader, so that it is half of the two

	leader, stays, knows := s.leader(), first, s.hosts[3]
	knows.powerOff()
	s.expect("one is off", func() bool { return s.agreed(s.but(knows)) })
	knows.powerOn()
	roster := leader.reg.Rosters[0]
	s.expect("one is about to join", func() bool { return leader.reg.Rosters[0] != roster })
	s.isolate(stays.id, true)
	s.expect("one joins", func() bool { return leader.reg.Committed.Members.Len() == 4 })
	goer := s.but(leader, stays, knows)[0]
	goer.command(control.OrderLeave, 0)
	s.expect("one leaves", func() bool { return leader.reg.Committed.Members.Len() == 3 })
	knows.command(control.OrderLeave, 0)
	s.expect("the next is about to", func() bool { return knows.reg.Accepted.New == slotsOf(leader, stays) })
	leader.powerOff()
	s.isolate(stays.id, false)
	s.expect("one is left", func() bool { return s.agreed([]*host{stays}) })
}
