package sim

import (
	"testing"

	"rollcall/control"
)

// TestQuickReboot: who is back before k rounds are missed is removed all the same, at once, and let in again.
func TestQuickReboot(t *testing.T) {
	s := stand(t, 5, 3)
	victim := s.followers(1)[0]
	slot, removals := control.Of(victim.reg.Slot), s.removals()
	round := s.leader().led.last
	victim.powerOff()
	victim.powerOn()
	s.expect("it is removed", func() bool { return len(removals()) > 0 })
	s.onlyRemoval(removals(), 1, slot)
	if n := s.leader().led.last - round; n >= uint64(s.Rounds) {
		t.Errorf("after %d rounds", n)
	}
	s.expect("it comes back", func() bool { return s.agreed(s.hosts) })
}

// TestLateRequest: what a node wrote before it was rebooted does not accuse it, nor does another
// node of its name.
func TestLateRequest(t *testing.T) {
	s := stand(t, 5, 3)
	victim, lead := s.followers(1)[0], s.leader()
	m := control.Message{Kind: control.MessageJoin, Cluster: "sim", From: victim.peer, Keys: victim.reg.Keys}
	m.From.Incarnation = victim.reg.Incarnation
	victim.powerOff()
	victim.powerOn()
	s.expect("it comes back", func() bool { return s.agreed(s.hosts) && victim.reg.Incarnation != m.From.Incarnation })
	namesake := m
	namesake.From.RPC, namesake.From.Incarnation = s.followers(2)[1].peer.RPC, m.From.Incarnation+1<<32
	for _, m := range []control.Message{m, namesake} {
		lead.agent.inbox = append(lead.agent.inbox, &m)
		lead.plan()
		s.quiet(float64(2 * s.Rounds))
	}
}
