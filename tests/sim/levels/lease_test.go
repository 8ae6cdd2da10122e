package levels

import (
	"testing"
	"time"
)

// TestRootCutOff: the root is cut off with its group. It beats on for k rounds, as one does whom nobody answers, but
// hands no lease down meanwhile: by whatever clocks, when the others' first epoch without the group is decided,
// nobody in it trusts its view any more.
func TestRootCutOff(t *testing.T) {
	for s := range uint64(8) {
		o := Story(3, 2)
		o.Seed, o.Drift = s, 100
		w := cluster(t, o)
		cut := w.in(w.leader(1, 0).group)
		for _, h := range cut {
			h.side = 1
		}
		w.Stand(w.without(cut...), 30*time.Second)
	}
}
