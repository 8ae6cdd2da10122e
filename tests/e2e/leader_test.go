package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/dataplane"
)

// When both frames of the clock that keeps the leader's beat are lost, the daemon puts in others: nobody
// notices, and the status says how many were lost.
func TestLostClockFramesAreReplaced(t *testing.T) {
	t.Parallel()
	r := stand(t, cluster.Options{Nodes: 3, Interval: 50 * time.Millisecond})
	began, leader := dataplane.Now(), r.first.Leader
	n, err := r.Node(leader)
	r.must(err)
	before := r.status(leader).Pacing
	var emptied time.Time
	for ctx := r.bounded(); ; time.Sleep(10 * time.Millisecond) { // no event tells
		if time.Since(emptied) > 2*time.Second { // again where one of them was just on its way
			r.must(r.Network().Inside(leader, emptyBucket))
			emptied = time.Now()
		}
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
