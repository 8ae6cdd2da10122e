package control

import (
	"slices"
	"testing"
)

// TestOneInstanceAHost: a host that has a part in a later instance gives up what it holds of the one before, and
// takes no place in that any more.
func TestOneInstanceAHost(t *testing.T) {
	step := func(m *Message, set func(r *[Places]Register)) []Command {
		h, r := host2("a"), new([Places]Register)
		for p := range r {
			r[p].Incarnation = uint64(70 + p)
		}
		r[2].State, r[2].Instance, r[2].Level, r[2].Slot = RegisterMember, 2, 1, 4
		set(r)
		return h.Step(h.now, HostInput{Registers: r, Tallies: new([Levels]*Tally), Message: m}).Commands
	}
	gaveUp := step(nil, func(r *[Places]Register) { r[0].State, r[0].Instance = RegisterMember, 1 })
	if !slices.ContainsFunc(gaveUp, func(c Command) bool { return c.Kind == CommandVacate && c.Level == 0 }) {
		t.Errorf("it keeps its register: %+v", gaveUp)
	}
	for instance, want := range map[uint32]bool{1: false, 2: true} {
		roster := (&Roster{}).With(Seat{Slot: 5, Peer: peer("a", 70)})
		m := &Message{Kind: MessageRoster, Cluster: "story", From: peer("b", 9), Instance: instance, Roster: roster}
		joined := step(m, func(*[Places]Register) {})
		if got := slices.ContainsFunc(joined, func(c Command) bool { return c.Kind == CommandJoin }); got != want {
			t.Errorf("a roster of instance %d: joined %v, want %v", instance, got, want)
		}
	}
}
