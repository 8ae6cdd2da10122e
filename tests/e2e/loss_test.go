package e2e

import (
	"context"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/control"
	"rollcall/dataplane"
)

// What the lab loses at the bridge's end of a link is lost to the XDP program behind it: a
// node that loses everything either way is removed, and the same fault at nothing does nothing.
func TestLossAtTheBridge(t *testing.T) {
	for name, loss := range map[string]struct{ to, from uint32 }{
		"to the node":   {netlab.Whole, 0},
		"from the node": {0, netlab.Whole},
	} {
		t.Run(name, func(t *testing.T) {
			r := share(t)
			victims := r.members(2)
			victim, spared := victims[0], victims[1]
			r.must(r.Lose(0, 0, spared))
			fault := dataplane.Now()
			r.must(r.Lose(loss.to, loss.from, victim))
			story := r.removed(fault, victim)
			if got := story.Record.Removed; len(got) != 1 || got[0] != victim {
				t.Errorf("removed %v, want just %s", got, victim)
			}
			r.agreed(r.without(victim)...)
			r.must(r.Heal(victim))
			r.agreed(r.Names()...)
		})
	}
}

// A node whose link loses a fifth of all frames, each way, misses five rounds in a row every few
// seconds. It stays, since whoever missed one is asked again, through others as well.
func TestLossKeepsNode(t *testing.T) { share(t).lossKeepsNode() }

// lossKeepsNode has a node lose frames until ten of its answers came through others.
func (r *rig) lossKeepsNode() {
	r.Helper()
	began, victim := dataplane.Now(), r.members(1)[0]
	relayed := func() (n uint64) {
		for _, counted := range r.frames() {
			n += counted[control.ReasonRelayedEcho.String()]
		}
		return n
	}
	before := relayed()
	r.must(r.Lose(netlab.Whole/5, netlab.Whole/5, victim))
	for ctx := r.bounded(); relayed() < before+10; time.Sleep(100 * time.Millisecond) { // nobody tells of counters
		r.must(context.Cause(ctx))
	}
	r.must(r.Heal(victim))
	r.unchanged()
	r.nobodyRemoved(began)
}
