package sim

import (
	"testing"
	"time"

	"rollcall/control"
)

// TestOnlyTheLeavingKnows: a leader is lost while one that leaves is the only other that has heard of the last
// views, and the one that stays does not know of him. Who knows is not in the view that is to come, and who is
// cannot ask for it.
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

// TestLeaderLoses: a leader whose link loses most of what it sends, or of what it is sent, accuses nobody of it: who is
// removed, if anybody, is that leader.
func TestLeaderLoses(t *testing.T) {
	for _, loss := range []float64{0.5, 0.65, 0.8, 0.95} {
		for _, deaf := range []bool{false, true} {
			for dice := uint64(43); dice < 54; dice++ { // with these, undoing the rule shows most often
				o := defaults(dice)
				o.Hosts, o.Founders, o.Contacts = []int{5, 9, 16}[dice%3], 3, 3
				s := standAs(t, o)
				s.Run(2 * time.Second)
				lead, removals := s.leader(), s.removals()
				for _, h := range s.but(lead) {
					from, to := lead, h
					if deaf {
						from, to = h, lead
					}
					s.net.link(0, from.id, to.id).loss = loss
				}
				s.Run(5 * time.Second)
				for _, r := range removals() {
					if gone := r.gone.Minus(control.Of(lead.reg.Slot)); !gone.Empty() {
						t.Errorf("loss %g, deaf %v, dice %d: removed %s, where %d ails", loss, deaf, dice, slots(gone), lead.reg.Slot)
					}
				}
			}
		}
	}
}
