package sim

import (
	"fmt"
	"testing"

	"rollcall/control"
)

// TestSlotGivenAgain: on a segment where all hear every beat, whoever had a slot that was given again answers in it as
// soon as it hears a beat, for as long as its agent is stopped. Its lease stays over, and once its agent sees whose the
// slot is, it gives it up. Nobody counts what it says: of two sides of three, that of the new member goes on, and that
// of the old one decides nothing.
func TestSlotGivenAgain(t *testing.T) {
	for name, only := range map[string]string{"all that is guaranteed": "", "agreement alone": "G1"} {
		t.Run(name, func(t *testing.T) {
			s, old, another := giveAgain(t, only)
			old.contAgent()
			s.expect("the old one gives the slot up", func() bool {
				return old.reg.State == control.RegisterVacant || old.reg.Holds(another.reg.Accepted.Roster)
			})
			old.stopAgent()
			lead := s.leader()
			side := []*host{lead, old}
			for _, h := range s.hosts[:4] {
				if h != lead && len(side) < 3 {
					side = append(side, h)
				}
			}
			rest := s.but(append(side, s.hosts[6:]...)...)
			for _, a := range side {
				for _, b := range rest {
					s.cut(a.id, b.id, true)
					s.cut(b.id, a.id, true)
				}
			}
			s.expect("the side of the new member goes on", func() bool { return s.agreed(rest) })
			s.net.heal()
			old.contAgent()
			s.expect("all are in, the old one in a slot of its own", func() bool { return s.agreed(s.hosts[:6]) })
		})
	}
}

// TestSpeaksForNobodyElse: the answers of who had a slot before do not keep the one in it who crashed.
func TestSpeaksForNobodyElse(t *testing.T) {
	s, _, another := giveAgain(t, "")
	another.powerOff()
	s.expect("the new one is removed", func() bool { return s.agreed(s.hosts[:4]) })
}

// giveAgain has a group of four use all its slots, and give that of a fifth member, which is cut off and whose agent is
// stopped, to a sixth. Then the fifth hears beats again. The other hosts have left.
func giveAgain(t *testing.T, only string) (s stage, old, another *host) {
	t.Helper()
	o := defaults(1)
	o.Hosts, o.Founders, o.Contacts, o.Multicast, o.Only = 10, 3, 5, true, only
	s = standAs(t, o)
	old, another = s.hosts[4], s.hosts[5]
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
	s.expect("the old one is removed", func() bool { return s.agreed(s.hosts[:4]) })
	s.rename(another, control.Slots+len(passing))
	s.expect("another comes in", func() bool { return s.agreed(append(s.hosts[:4:4], another)) })
	if another.reg.Slot != slot {
		t.Fatalf("it has slot %d, not %d", another.reg.Slot, slot)
	}
	before := old.reg.BeatAt
	s.isolate(old.id, false)
	s.expect("the old one hears beats again", func() bool { return old.reg.BeatAt > before })
	s.quiet(float64(2 * o.Rounds))
	return s, old, another
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
