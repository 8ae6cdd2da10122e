package e2e

import (
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
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
			r := stand(t, cluster.Options{Nodes: 5})
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
func TestLossKeepsNode(t *testing.T) {
	for _, transport := range []string{"udp", "ether"} {
		t.Run(transport, func(t *testing.T) {
			r := stand(t, cluster.Options{Nodes: 6, Transport: transport})
			began, victim := dataplane.Now(), r.members(1)[0]
			r.must(r.Lose(netlab.Whole/5, netlab.Whole/5, victim))
			leader, err := r.Node(r.first.Leader)
			r.must(err)
			bounded := r.bounded()
			for relayed := uint64(0); relayed < 10; {
				time.Sleep(100 * time.Millisecond) // nobody tells of counters
				s, err := leader.Client().Stats(bounded)
				r.must(err)
				relayed = s.Frames[control.ReasonRelayedEcho.String()]
			}
			r.must(r.Heal(victim))
			r.unchanged()
			r.nobodyRemoved(began)
		})
	}
}
