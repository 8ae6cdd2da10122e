package sim

import (
	"fmt"
	"testing"

	"rollcall/control"
)

// TestSlotGivenAgain: a group has used all its slots, and gives that of a member that was cut off to another node. On a
// segment where all hear every beat, whoever had it answers in that slot as soon as it hears one, and votes once its
// agent has the roster, if that is stopped before it sees whose the slot is. Nobody counts it: of two sides
// of three, that of the new member goes on, and that of the old one decides nothing.
func TestSlotGivenAgain(t *testing.T) {
	o := defaults(1)
	o.Hosts, o.Founders, o.Contacts, o.Multicast = 10, 3, 5, true
	o.Only = "G1" // what becomes of leases is told in control/doc.go
	s := standAs(t, o)
	old := s.hosts[4]
	passing := s.hosts[5:]
	for names := len(s.hosts); names < control.Slots; names += len(passing) {
		s.replace(passing, names)
	}
	for _, h := range passing {
		h.command(control.OrderLeave, 0)
	}
	s.expect("the passing are gone", func() bool { return s.agreed(s.hosts[:5]) })

	slot := old.reg.Slot
	old.stopAgent()
	s.isolate(old.id, true)
	before := old.reg.BeatAt
	s.expect("it is removed", func() bool { return s.agreed(s.hosts[:4]) })
	another := passing[0]
	s.rename(another, control.Slots+len(passing))
	s.expect("another comes in", func() bool { return s.agreed(append(s.hosts[:4:4], another)) })
	if another.reg.Slot != slot {
		t.Fatalf("it has slot %d, not %d", another.reg.Slot, slot)
	}

	s.isolate(old.id, false)
	s.expect("the old one hears beats again", func() bool { return old.reg.BeatAt > before })
	old.contAgent()
	holds := func() bool { return old.reg.Holds(another.reg.Accepted.Roster) }
	if s.until(s.now+Instant(50*s.Interval), holds); !holds() {
		t.Fatal("the old one did not get the roster")
	}
	old.stopAgent()
	lead := s.leader()
	side := []*host{lead, old}
	for _, h := range s.hosts[:4] {
		if h != lead && len(side) < 3 {
			side = append(side, h)
		}
	}
	rest := s.but(append(side, passing[1:]...)...)
	for _, a := range side {
		for _, b := range rest {
			s.cut(a.id, b.id, true)
			s.cut(b.id, a.id, true)
		}
	}
	s.expect("the side of the new member goes on", func() bool { return s.agreed(rest) })
	s.net.heal()
	old.contAgent()
	s.expect("all are in, the old one in a slot of its own", func() bool { return s.agreed(s.but(passing[1:]...)) })
}

// replace has members leave and come back as others.
func (s stage) replace(members []*host, from int) {
	s.t.Helper()
	for _, h := range members {
		h.command(control.OrderLeave, 0)
	}
	s.expect("they are gone", func() bool { return s.agreed(s.but(members...)) })
	for i, h := range members {
		s.rename(h, from+i)
	}
	s.expect("others are in", func() bool { return s.agreed(s.hosts) })
}

// rename has a host boot under another name.
func (s stage) rename(h *host, number int) {
	h.powerOff()
	h.name = fmt.Sprintf("n%03d", number)
	h.peer.Name = h.name
	h.powerOn()
}
