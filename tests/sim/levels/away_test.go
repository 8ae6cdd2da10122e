package levels

import (
	"slices"
	"testing"
	"time"
)

// TestRootAway: a root whose agent is stopped, while its kernel beats on, is succeeded once a group below
// has something to report, and no sooner: others need not wait until the beats end with the agent's grace. Members of
// its own group, whom it should tell, ask elsewhere after a second.
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
			elsewhere := slices.DeleteFunc(w.without(victim), func(h *host) bool { return h.group == root.group })
			if took := w.told(at, elsewhere); took > within {
				t.Errorf("told after %.1f intervals, want at most %v", took, within)
			}
			all := slices.DeleteFunc(w.without(victim), func(h *host) bool { return h == root })
			if took := w.told(at, all); took > within+18 {
				t.Errorf("told in the root's group after %.1f intervals, want at most %v", took, within+18)
			}
			if len(w.ledger.leftOut) > 0 {
				t.Errorf("left out that live, by epoch: %v", w.ledger.leftOut)
			}
			root.cont()
			w.Stand(w.without(victim), 20*time.Second)
		})
	}
}

// TestFounderAway: while the agent of one founder is stopped, another is lost, both with seats and leaders of
// groups, one of them the root.
func TestFounderAway(t *testing.T) {
	for groups := 3; groups <= 5; groups++ {
		for pair := range 9 {
			if pair/3 == pair%3 {
				continue
			}
			o := Story(groups, 4)
			o.Kernel = true
			w := cluster(t, o)
			away, victim := w.leader(0, uint16(pair/3)), w.leader(0, uint16(pair%3))
			away.stop()
			w.Run(5*w.Interval, nil)
			clear(w.ledger.leftOut)
			at := w.now
			victim.crash()
			all := slices.DeleteFunc(w.without(victim), func(h *host) bool { return h == away })
			if took := w.told(at, all); took > 28 {
				t.Errorf("%d groups, the leader of %d away, of %d lost: told after %.1f intervals", groups, away.group, victim.group, took)
			}
			if len(w.ledger.leftOut) > 0 {
				t.Errorf("%d groups, the leader of %d away, of %d lost: left out that live, by epoch: %v", groups, away.group, victim.group, w.ledger.leftOut)
			}
		}
	}
}
