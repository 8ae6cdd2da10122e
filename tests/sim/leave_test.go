package sim

import (
	"testing"

	"rollcall/control"
)

func TestLeave(t *testing.T) {
	s := stand(t, 5, 3)
	for _, leads := range []bool{false, true} {
		goer, removals := s.followers(1)[0], s.removals()
		if leads {
			goer = s.leader()
		}
		gone := slotsOf(goer)
		goer.command(control.OrderLeave, 0)
		s.expect("the others agree", func() bool { return s.agreed(s.but(goer)) })
		if r := removals(); len(r) != 1 || r[0].gone != gone {
			t.Fatalf("removals %+v, want one of %s", r, slots(gone))
		}
		s.quiet(300)
		if goer.reg.State != control.RegisterVacant {
			t.Errorf("%s left and holds register %d", goer.name, goer.reg.State)
		}
		goer.command(control.OrderJoin, 0)
		s.expect("it comes back", func() bool { return s.agreed(s.hosts) })
	}
}

func TestShutdown(t *testing.T) {
	s := stand(t, 4, 3)
	s.hosts[3].command(control.OrderShutdown, 0)
	s.expect("all are gone", func() bool {
		for _, h := range s.hosts {
			if h.reg.State != control.RegisterVacant {
				return false
			}
		}
		return true
	})
	s.quiet(1000)
	for _, h := range s.hosts {
		h.powerOff()
		h.powerOn()
	}
	s.expect("the next instance", func() bool { return s.agreed(s.hosts) && s.ledger.head.instance > 1 })
}

// TestClosedByOne: a founder that was cut off and removed is ordered to end the instance, where nobody else hears it.
// One that reboots later hears so from it, and comes back to those who go on all the same.
func TestClosedByOne(t *testing.T) {
	s := stand(t, 5, 3)
	closes, reboots := s.hosts[0], s.hosts[1]
	s.isolate(closes.id, true)
	s.expect("one is out", func() bool { return s.agreed(s.but(closes)) })
	closes.command(control.OrderShutdown, 0)
	s.quiet(10)
	s.isolate(closes.id, false)
	reboots.powerOff()
	s.expect("another is off", func() bool { return s.agreed(s.but(closes, reboots)) })
	reboots.powerOn()
	s.expect("it is back", func() bool { return s.agreed(s.but(closes)) })
}

// TestClosedByOneFoundsNothing: what such a founder wrote down tells the others, who were members for longer, nothing
// of those who go on: cut off from them with that one, they found no second instance.
func TestClosedByOneFoundsNothing(t *testing.T) {
	s := stand(t, 5, 3)
	closes, others, rest := s.hosts[0], s.hosts[1:3], s.hosts[3:]
	s.isolate(closes.id, true)
	s.expect("one is out", func() bool { return s.agreed(s.but(closes)) })
	closes.command(control.OrderShutdown, 0)
	s.quiet(10)
	for i, h := range others {
		h.powerOff()
		s.expect("another is off", func() bool { return s.agreed(append(others[i+1:2:2], rest...)) })
	}
	for _, h := range rest {
		s.isolate(h.id, true)
	}
	a, b := rest[0].id, rest[1].id
	s.net.link(0, a, b).cut, s.net.link(0, b, a).cut = false, false
	s.isolate(closes.id, false)
	for _, h := range rest {
		s.net.link(0, h.id, closes.id).cut, s.net.link(0, closes.id, h.id).cut = true, true
	}
	for _, h := range others {
		h.powerOn()
	}
	s.quiet(3000)
	s.net.heal()
	s.expect("all but one are one group", func() bool { return s.agreed(s.but(closes)) && s.ledger.head.instance == 1 })
	closes.command(control.OrderJoin, 0)
	s.expect("that one, too", func() bool { return s.agreed(s.hosts) })
}

// TestLastTells: whom the last member took out is still to be told so when that one may go.
func TestLastTells(t *testing.T) {
	s := stand(t, 2, 2)
	last, goer := s.leader(), s.followers(1)[0]
	s.Loss = 1 // of frames: goodbyes are letters
	goer.command(control.OrderLeave, 0)
	s.expect("it is taken out", func() bool { return last.reg.Committed.Members == slotsOf(last) })
	last.command(control.OrderLeave, 0)
	s.Run(2 * s.Interval)
	s.Loss = 0
	s.expect("both left", func() bool {
		return last.reg.State == control.RegisterVacant && goer.reg.State == control.RegisterVacant
	})
}
