package e2e

import (
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
)

// Groups on bridges of their own, joined by a router, agree on one cluster view; a member that
// crashes is out of it everywhere, and all daemons say so when asked along the tree.
func TestGroupsAgreeAcrossTheRouter(t *testing.T) {
	r := stand(t, cluster.Options{Groups: 3, PerGroup: 3, Interval: 50 * time.Millisecond})
	names := r.Names()
	victim := names[len(names)-1]
	survivors := r.without(victim)
	r.must(r.Kill(victim))
	d, err := r.watch.Agreed(r.bounded(), survivors...)
	r.must(err)
	if d.Epoch <= r.first.Epoch {
		t.Errorf("epoch %d after %d", d.Epoch, r.first.Epoch)
	}
	n, err := r.Node(names[1]) // leads nothing, most probably: it has to have its leader ask
	r.must(err)
	v, err := n.Client().Verify(r.bounded())
	r.must(err)
	if !v.Agree || v.Asked != len(survivors) || len(v.Silent) != 0 {
		t.Errorf("all daemons were asked: %+v", v)
	}
}
