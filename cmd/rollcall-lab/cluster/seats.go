package cluster

import (
	"context"
	"fmt"
	"sync"

	"rollcall/control"
)

// Seated waits until nodes of as many groups have a seat above them as are to have one: a node of each
// group, as long as there are seats. A group may have two of them for a while.
func (c *Cluster) Seated(ctx context.Context) error {
	want := min(c.options.Groups, control.SeatsWanted)
	for {
		seated := c.seatedGroups(ctx)
		if seated >= want {
			return nil
		}
		if pause(ctx); ctx.Err() != nil {
			return fmt.Errorf("wait until nodes of %d groups have seats above them: %w; of %d have", want, context.Cause(ctx), seated)
		}
	}
}

// seatedGroups counts the groups of which a node has a seat and waits for nothing there.
func (c *Cluster) seatedGroups(ctx context.Context) int {
	var mu sync.Mutex
	groups := map[int]bool{}
	_ = c.each(c.Names(), func(n *Node) error {
		d, err := n.Client().Status(ctx)
		if err != nil {
			return nil // it has none, as far as anybody can tell
		}
		for _, p := range d.Places {
			if p.Seat && p.Role != "absent" && p.Awaiting == "" {
				mu.Lock()
				groups[n.Segment] = true
				mu.Unlock()
			}
		}
		return nil
	})
	return len(groups)
}
