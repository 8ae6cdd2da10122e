package sim

import (
	"testing"

	"rollcall/control"
)

// TestStrangersAreHeard: the group has become one node that no record and no list of contacts names: all others
// crashed or left one after the other while the founder was cut off. What is back looks for those that it knows, all
// of which hold no register, so that the founder might found another instance. It hears of the one in time, as do the
// others, and they are one group again; be it that the founder was rebooted, or still holds its register.
func TestStrangersAreHeard(t *testing.T) {
	for dice := range uint64(20) {
		o := defaults(dice)
		o.Hosts, o.Founders, o.Contacts = 6, 1, 2
		s := stage{New(o, realNode, nil), t}
		founder, contact, late := s.hosts[0], s.hosts[1], s.hosts[5]
		for _, h := range s.but(late) {
			h.powerOn()
		}
		s.expect("all but one agree", func() bool { return s.agreed(s.but(late)) })

		s.isolate(founder.id, true)
		rest := s.but(founder, late)
		s.expect("the founder is out", func() bool { return s.agreed(rest) })
		late.powerOn()
		s.expect("the last one is in", func() bool { return s.agreed(append(rest[:len(rest):len(rest)], late)) })
		for n := len(rest) - 1; n > 0; n-- {
			rest[n].powerOff()
			s.expect("the next is out", func() bool { return s.agreed(append(rest[:n:n], late)) })
		}
		contact.command(control.OrderLeave, 0)
		s.expect("one is left", func() bool { return s.agreed([]*host{late}) })
		contact.powerOff()

		if dice%2 == 0 {
			founder.powerOff()
			founder.powerOn()
		}
		for _, h := range s.but(founder, contact, late) {
			h.powerOn()
		}
		s.isolate(founder.id, false)
		s.expect("all but who left are one group", func() bool { return s.agreed(s.but(contact)) })
		if s.failure != nil {
			t.Fatal(s.failure)
		}
	}
}

// TestNextInstanceIsHeard: a contact holds a register of an instance that died while it was cut off; the next has
// become one node that it does not know. That one tells it, and they are one group again.
func TestNextInstanceIsHeard(t *testing.T) {
	o := defaults(5)
	o.Hosts, o.Founders, o.Contacts = 4, 1, 2
	s := stage{New(o, realNode, nil), t}
	founder, contact, member, late := s.hosts[0], s.hosts[1], s.hosts[2], s.hosts[3]
	for _, h := range s.but(late) {
		h.powerOn()
	}
	s.expect("three agree", func() bool { return s.agreed(s.but(late)) })
	s.isolate(contact.id, true)
	two := []*host{founder, member}
	for _, h := range two { // most of the voters: the instance is over
		h.powerOff()
	}
	s.Run(s.Interval)
	for _, h := range two {
		h.powerOn()
	}
	s.expect("the next instance", func() bool { return s.agreed(two) && s.ledger.head.instance == 2 })
	late.powerOn()
	s.expect("the last one is in", func() bool { return s.agreed(append(two, late)) })
	for _, h := range two {
		h.command(control.OrderLeave, 0)
	}
	s.expect("one is left", func() bool { return s.agreed([]*host{late}) })
	for _, h := range two {
		h.powerOff()
	}
	s.isolate(contact.id, false)
	s.expect("one group again", func() bool { return s.agreed([]*host{contact, late}) })
}
