package control

import (
	"testing"

	"rollcall/view"
)

// TestPreferences: who is preferred succeeds first and who is to be avoided last, each kind by slot
// after the leader's, and all members count alike.
func TestPreferences(t *testing.T) {
	r := rosterOf("a", "b", "c", "d", "e")
	ranks := map[string]int{}
	for slot, name := range []string{"a", "b", "c", "d", "e"} {
		n := voter(Config{Self: Peer{Name: name}, preferences: newPreferences([]string{"d"}, []string{"c"})})
		n.rosters = []heldRoster{{r, r.Version()}}
		n.reg.State, n.reg.Slot, n.reg.Incarnation = RegisterMember, uint16(slot), uint64(100+slot)
		n.reg.BeatBallot, n.reg.Heard = NewBallot(1, 1, 1), Of(0, 1, 2, 3, 4) // b leads
		n.reg.Accepted.New = Of(0, 1, 2, 3, 4)
		ranks[name] = n.rank()

		if name != "b" {
			continue
		}
		n.role, n.lead.ballot, n.states = roleLeader, NewBallot(1, 1, 1), new([Slots]view.State)
		for s := range n.tally.Heard {
			n.tally.Heard[s].EchoAt = n.now
		}
		n.handOver(Of(0, 2, 3, 4))
		if to := n.out.Frames[0].To; to != Of(3) {
			t.Errorf("hands over to %v, and not to the one preferred", to)
		}
	}
	for name, want := range map[string]int{"d": 0, "e": 1, "a": 2, "c": 3} {
		if ranks[name] != want {
			t.Errorf("%s has rank %d, want %d", name, ranks[name], want)
		}
	}
	if newPreferences(nil, nil) != nil {
		t.Error("no preferences cost something")
	}
}
