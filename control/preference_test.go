package control

import (
	"testing"
	"time"

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
		n.handOver(Of(0, 2, 3, 4), "")
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

// TestYields: a leader yields to who is preferred to it once that one has been well for all of yieldAfter,
// nothing else is under way, and it did not do so within yieldApart. (The story avoided-leads shows the rest.)
func TestYields(t *testing.T) {
	leads := func(name string) *Node {
		r := rosterOf("a", "b", "c")
		n := voter(Config{Self: Peer{Name: name}, Prefer: []string{"c"}, Avoid: []string{"a"}})
		n.rosters = []heldRoster{{r, r.Version()}}
		n.reg.State, n.reg.Slot = RegisterMember, r.Named(name).Slot
		n.role, n.lead, n.states = roleLeader, leadership{view: Proposal{New: Of(0, 1, 2)}, decided: true, roster: r}, new([Slots]view.State)
		for s := range uint16(3) {
			n.states[s] = view.Alive
		}
		return n
	}
	after := func(n *Node, d time.Duration) bool {
		n.now = n.now.Add(d)
		for s := range n.tally.Heard {
			n.tally.Heard[s].EchoAt = n.now
		}
		return n.yields()
	}
	for _, c := range []struct {
		what, leader string
		meanwhile    func(*Node)
		want         bool
	}{
		{"to be avoided", "a", func(*Node) {}, true},
		{"neither", "b", func(*Node) {}, true},
		{"preferred", "c", func(*Node) {}, false},
		{"whose heir sleeps", "b", func(n *Node) { n.states[2] = view.Stale }, false},
		{"with one of two heirs", "a", func(n *Node) { n.states[2] = view.Suspect }, true},
		{"whose heir answers through others", "b", func(n *Node) { n.tally.Relayed = Of(2) }, false},
		{"with somebody in doubt", "b", func(n *Node) { n.lead.suspects = Of(0) }, false},
		{"with a proposal under vote", "b", func(n *Node) { n.lead.decided = false }, false},
		{"that lets somebody in", "b", func(n *Node) { n.lead.adm.asked = make([]applicant, 1) }, false},
		{"that yielded just now", "b", func(n *Node) { n.yieldedAt = n.now }, false},
		{"that yielded long ago", "b", func(n *Node) { n.yieldedAt = n.now.Add(-yieldApart) }, true},
	} {
		n := leads(c.leader)
		for d := time.Duration(0); d < yieldAfter; d += yieldAfter / 4 {
			if after(n, yieldAfter/4) {
				t.Errorf("a leader %s yields before its heirs have been well for %v", c.what, yieldAfter)
			}
		}
		c.meanwhile(n)
		if got := after(n, yieldAfter/4); got != c.want {
			t.Errorf("a leader %s yields: %v, want %v", c.what, got, c.want)
		}
	}
	n := leads("b")
	after(n, 0)
	n.states[2] = view.Suspect
	after(n, yieldAfter)
	n.states[2] = view.Alive
	if after(n, time.Second) || !after(n, yieldAfter) {
		t.Error("an heir who was in doubt has to be well for another while")
	}
}
