package cluster

import (
	"context"
	"fmt"
	"sync"

	"rollcall/control"
)

// Seated waits until a node of each group has a seat above them, as long as there are seats, and no group
// has two.
func (c *Cluster) Seated(ctx context.Context) error {
	want := min(c.options.Groups, control.SeatsWanted)
	for {
		seats := c.seats(ctx)
		more := 0
		for _, n := range seats {
			more += n - 1
		}
		if len(seats) >= want && more == 0 {
			return nil
		}
		if pause(ctx); ctx.Err() != nil {
			return fmt.Errorf("wait until nodes of %d groups have one seat each above them: %w; of %d have, and %d more", want, context.Cause(ctx), len(seats), more)
		}
	}
}

// seats counts the nodes of each group that have a seat and wait for nothing there.
func (c *Cluster) seats(ctx context.Context) map[int]int {
	var mu sync.Mutex
	seats := map[int]int{}
	_ = c.each(c.Names(), func(n *Node) error {
		d, err := n.Client().Status(ctx)
		if err != nil {
			return nil // it has none, as far as anybody can tell
		}
		for _, p := range d.Places {
			if p.Seat && p.Role != "absent" && p.Awaiting == "" {
				mu.Lock()
				seats[n.Segment]++
				mu.Unlock()
			}
		}
		return nil
	})
	return seats
}
