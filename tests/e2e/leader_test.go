package e2e

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/dataplane"
)

// A leader whose link loses four in five of the frames that it sends is the one that is sick: another leads, and of all
// the nodes that hardly hear of it nobody else is removed.
func TestSickLeaderHandsOver(t *testing.T) {
	r := share(t)
	began, sick := dataplane.Now(), r.first.Leader
	r.must(r.Lose(0, netlab.Whole*4/5, sick))
	r.until("another node leads", r.without(sick), func(s cluster.Sight) bool {
		return s.View != nil && s.View.Valid && s.View.Leader != "" && s.View.Leader != sick
	})
	r.must(r.Heal(sick))
	d := r.agreed(r.Names()...)
	if d.Instance != r.first.Instance {
		t.Errorf("instance %d after %d", d.Instance, r.first.Instance)
	}
	for _, name := range r.Names() {
		for _, e := range installs(r.watch.Sight(name), began) {
			if slices.ContainsFunc(e.Removed, func(gone string) bool { return gone != sick }) {
				t.Errorf("%s installed view %d without %v: %s", name, e.To, e.Removed, e.Why)
			}
		}
	}
}

// When both frames of the clock that keeps the leader's beat are lost, the daemon puts in others: nobody
// notices, and the status says how many were lost.
func TestLostClockFramesAreReplaced(t *testing.T) {
	t.Parallel()
	r := stand(t, cluster.Options{Nodes: 3, Interval: 50 * time.Millisecond})
	began, leader := dataplane.Now(), r.first.Leader
	n, err := r.Node(leader)
	r.must(err)
	before := r.status(leader).Pacing
	r.must(r.Network().Inside(leader, emptyBucket))
	for ctx := r.bounded(); ; time.Sleep(10 * time.Millisecond) { // no event tells
		d, err := n.Client().Status(ctx)
		r.must(err)
		if p := d.Pacing; p.Lost >= before.Lost+2 && p.Pacer == dataplane.PacerKernel && p.Ticking {
			break
		}
		r.must(context.Cause(ctx))
	}
	r.unchanged()
	r.nobodyRemoved(began)
	if d := r.watch.Sight(leader).View; d.Epoch != r.first.Epoch || d.Leader != leader {
		t.Errorf("view %d of %s became %d of %s", r.first.Epoch, leader, d.Epoch, d.Leader)
	}
}

// emptyBucket drops what waits in the token bucket of the caller's network namespace: the clock's frames.
func emptyBucket() error {
	all, err := netlink.QdiscList(nil)
	if err != nil {
		return err
	}
	for _, q := range all {
		if bucket, ok := q.(*netlink.Tbf); ok {
			if err := netlink.QdiscDel(bucket); err != nil {
				return err
			}
			if err := netlink.QdiscAdd(bucket); !errors.Is(err, unix.EEXIST) { // else the daemon was quicker
				return err
			}
			return nil
		}
	}
	return errors.New("no token bucket, through which a clock would go")
}
