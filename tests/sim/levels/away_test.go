package levels

import (
	"slices"
	"testing"
	"time"
)

// TestRootAway: a root whose agent is stopped, while its kernel beats on, is succeeded once a group below
// has something to report, and no sooner: others need not wait until the beats end with the agent's grace.
func TestRootAway(t *testing.T) {
	for _, name := range []string{"member", "leader"} {
		t.Run(name, func(t *testing.T) {
			o := Story(5, 4)
			o.Kernel = true
			w := cluster(t, o)
			root := w.leader(1, 0)
			victim := w.leader(0, (root.group+3)%5)
			within := 14.0 // intervals, as after the crash of a root
			if name == "member" {
				victim = w.in(victim.group)[len(w.in(victim.group))-1]
			}
			epochs := w.Epochs
			root.stop()
			if w.Run(50*w.Interval, nil); w.Epochs != epochs {
				t.Errorf("%d epochs, and nobody had anything to report", w.Epochs-epochs)
			}
			clear(w.ledger.leftOut)
			at := w.now
			victim.crash()
			rest := slices.DeleteFunc(w.without(victim), func(h *host) bool { return h.group == root.group })
			w.Run(time.Minute, func() bool {
				return !slices.ContainsFunc(rest, func(h *host) bool { return h.view == nil || h.view.Top.Len() != len(w.hosts)-1 })
			})
			if took := float64(w.now-at) / float64(w.Interval); took > within {
				t.Errorf("told after %.1f intervals, want at most %v", took, within)
			}
			if len(w.ledger.leftOut) > 0 {
				t.Errorf("left out that live, by epoch: %v", w.ledger.leftOut)
			}
			root.cont()
			w.Stand(w.without(victim), 20*time.Second)
		})
	}
}
