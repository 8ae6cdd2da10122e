package levels

import (
	"slices"
	"testing"
	"time"
)

// branches is a story of three levels.
func branches(groups int) Options {
	o := Story(groups, 3)
	o.Founders = 2
	o.branch()
	return o
}

// TestBranchLost: a branch loses its only seat with its leader, while the group below has a new leader, which
// forms the branch anew.
func TestBranchLost(t *testing.T) {
	w := cluster(t, branches(3))
	victim := w.leader(1, 1)
	if victim == nil {
		t.Fatal("nobody leads the branch")
	}
	victim.crash()
	w.Stand(w.without(victim), 60*time.Second)
	victim.boot()
	w.Stand(w.hosts, 60*time.Second)
}

// TestBranchForgets: all of a branch is lost at once, and nobody who comes back knows which generations its groups had.
func TestBranchForgets(t *testing.T) {
	w := cluster(t, branches(4))
	branch := slices.Concat(w.in(248), w.in(249))
	w.lose(36, 1, branch...)
	for _, h := range branch {
		h.boot()
	}
	w.Stand(w.hosts, 60*time.Second)
}
