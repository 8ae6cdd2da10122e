package cluster

import (
	"context"
	"fmt"
	"sync"

	"rollcall/control"
	"rollcall/view/hostlist"
)

// Seated waits until each group has one node in a seat above it, as long as there are seats, and none is
// about to get or to lose one, which would be another epoch: a founder takes its group's from anybody but the
// cluster's leader, and who was invited before the founder was heard of is let in and goes again.
func (c *Cluster) Seated(ctx context.Context) error {
	want := min(c.options.Groups, control.SeatsWanted)
	for {
		seats := c.seats(ctx)
		settled := len(seats) >= want
		for segment, in := range seats {
			settled = settled && len(in.names) == 1 && !in.awaits && (in.leads || c.founderOf(segment) == "" || c.founderOf(segment) == in.names[0])
		}
		if settled {
			return nil
		}
		if pause(ctx); ctx.Err() != nil {
			var names []string
			for _, in := range seats {
				names = append(names, in.names...)
			}
			return fmt.Errorf("wait until nodes of %d groups have one seat each above them, founders before others: %w; seats have %s", want, context.Cause(ctx), hostlist.Fold(names))
		}
	}
}

// founderOf is the founder among the nodes of a group, if one is.
func (c *Cluster) founderOf(segment int) string {
	if segment >= foundersMax {
		return ""
	}
	return c.Groups()[segment][0]
}

// seated are the nodes of a group that have seats above it.
type seated struct {
	names  []string // also of those that are about to be let in
	leads  bool     // the cluster, one of them
	awaits bool     // one of them waits for something, or one that was invited for a seat
}

// seats lists by group who has a seat.
func (c *Cluster) seats(ctx context.Context) map[int]seated {
	var mu sync.Mutex
	seats := map[int]seated{}
	_ = c.each(c.Names(), func(n *Node) error {
		d, err := n.Client().Status(ctx)
		if err != nil {
			return nil // it has none, as far as anybody can tell
		}
		for _, p := range d.Places {
			absent := p.Role == "absent"
			asks := p.Awaiting != "" && n.Name != c.founderOf(n.Segment) // a founder asks for ever while another leads
			if !p.Seat || absent && !asks {
				continue
			}
			mu.Lock()
			in := seats[n.Segment]
			if !absent {
				in.names = append(in.names, n.Name)
			}
			in.leads, in.awaits = in.leads || p.Role == "leader", in.awaits || p.Awaiting != ""
			seats[n.Segment] = in
			mu.Unlock()
		}
		return nil
	})
	return seats
}
