package cluster

import (
	"context"
	"fmt"
	"sync/atomic"

	"rollcall/control"
)

// Seated waits until as many nodes of a cluster of several groups have a seat above them as are
// to have one: a node of each group, as long as there are seats.
func (c *Cluster) Seated(ctx context.Context) error {
	want := min(c.options.Groups, control.SeatsWanted)
	for {
		seats := c.seats(ctx)
		if seats >= want {
			return nil
		}
		if pause(ctx); ctx.Err() != nil {
			return fmt.Errorf("wait until %d nodes have seats above the groups: %w; %d have", want, context.Cause(ctx), seats)
		}
	}
}

// seats counts the nodes that have a seat and wait for nothing there.
func (c *Cluster) seats(ctx context.Context) int {
	var seats atomic.Int32
	_ = c.each(c.Names(), func(n *Node) error {
		d, err := n.Client().Status(ctx)
		if err != nil {
			return nil // it has none, as far as anybody can tell
		}
		for _, p := range d.Places {
			if p.Seat && p.Role != "absent" && p.Awaiting == "" {
				seats.Add(1)
			}
		}
		return nil
	})
	return int(seats.Load())
}
