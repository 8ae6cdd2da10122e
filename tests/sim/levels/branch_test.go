package levels

import (
	"testing"
	"time"
)

// TestBranchLost: a branch loses its only seat with its leader, while the group below has a new leader, which
// forms the branch anew.
func TestBranchLost(t *testing.T) {
	o := Story(0, 3)
	o.Groups, o.Founders, o.Top = []uint16{0, 1, 248}, 2, 2
	w := cluster(t, o)
	victim := w.leader(1, 1)
	victim.crash()
	w.Stand(w.without(victim), 60*time.Second)
	victim.boot()
	w.Stand(w.hosts, 60*time.Second)
}
