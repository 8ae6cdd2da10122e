package sim

import "testing"

// TestReplacedHoldsNoVote: a register of somebody who was invited to a slot that another has now is none of the
// view's, so nobody owes progress on its account.
func TestReplacedHoldsNoVote(t *testing.T) {
	s := stand(t, 5, 3)
	f := s.followers(3)
	gone := make([]bool, 5)
	gone[f[1].id], gone[f[2].id] = true, true
	if !s.canGoOn(gone) {
		t.Fatal("three of five are a quorum")
	}
	f[0].reg.Incarnation++
	if s.canGoOn(gone) {
		t.Error("two of five are none, whatever register the third holds")
	}
}
