package control

import (
	"testing"
	"time"
)

// TestClaimsGrowOld: what was asked before claimFor is forgotten when somebody asks again, and the newest
// request for a slot is kept.
func TestClaimsGrowOld(t *testing.T) {
	n := New(Config{Cluster: "story", Self: peer("a", 5), Level: 1})
	ask := func(after time.Duration, slot uint16, term uint32) {
		n.now = Time(time.Hour + after)
		n.remember(&Message{Kind: MessageJoin, Standing: &Standing{Slot: slot, Ballot: NewBallot(1, term, 0)}})
	}
	ask(0, 1, 1)
	ask(0, 2, 1)
	ask(claimFor/2, 2, 2)
	ask(claimFor, 3, 1)
	var slots []uint16
	for _, c := range n.claims {
		slots = append(slots, c.m.Standing.Slot)
	}
	if len(slots) != 2 || slots[0] != 2 || slots[1] != 3 {
		t.Errorf("remembers claims of slots %v, want 2 and 3", slots)
	}
}
