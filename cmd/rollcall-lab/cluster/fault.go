package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// patience is how long a daemon may take to end.
const patience = 20 * time.Second

// Start starts the daemons of the named nodes, whose kernel state, if they have any, they adopt.
func (c *Cluster) Start(names ...string) error {
	return c.each(names, c.spawn)
}

// Answering returns when the daemons of the named nodes, which were started, answer what they are asked. The error
// has the last words of those that ended instead.
func (c *Cluster) Answering(ctx context.Context, names ...string) error {
	return c.each(names, func(n *Node) error { return n.answers(ctx) })
}

// Crash cuts the named nodes off and kills their daemons, all in the same instant, which it
// returns. What is left in their kernels answers no one; Clear takes it away.
func (c *Cluster) Crash(names ...string) (at control.Time, err error) {
	holds := make([]handle, 0, len(names))
	defer func() {
		for _, h := range holds {
			h.close()
		}
	}()
	for _, name := range names {
		n, err := c.Node(name)
		if err != nil {
			return 0, err
		}
		h, err := n.hold()
		if errors.Is(err, errEnded) {
			continue // its kernel may still answer
		}
		if err != nil {
			return 0, err
		}
		holds = append(holds, h)
	}
	at = dataplane.Now()
	if err := c.network.SetGate(netlab.Closed, names...); err != nil {
		return 0, err
	}
	for _, h := range holds {
		err = errors.Join(err, h.signal(syscall.SIGKILL))
	}
	return at, err
}

// Clear takes all state of crashed nodes' kernels away: namespace, devices, programs, pins.
func (c *Cluster) Clear(names ...string) error {
	return c.each(names, func(n *Node) error {
		if err := n.await(); err != nil {
			return err
		}
		if err := c.network.Unplug(n.Name); err != nil {
			return err
		}
		if err := os.RemoveAll(n.PinDir()); err != nil {
			return fmt.Errorf("remove pins: %w", err)
		}
		return nil
	})
}

// Kill crashes the named nodes as a power cut would: link, processes and kernel state are gone.
func (c *Cluster) Kill(names ...string) error {
	if _, err := c.Crash(names...); err != nil {
		return err
	}
	return c.Clear(names...)
}

// Boot brings killed nodes back, on the side of the network they were on; each has a new
// incarnation.
func (c *Cluster) Boot(names ...string) error {
	return c.each(names, func(n *Node) error {
		if n.PID() != 0 {
			return errors.New("it is up; kill it first")
		}
		if _, err := os.Stat(n.PinDir()); err == nil { // killed elsewhere, or only its daemon ended
			if err := os.RemoveAll(n.PinDir()); err != nil {
				return fmt.Errorf("remove pins: %w", err)
			}
		}
		if err := c.network.Unplug(n.Name); err != nil {
			return err
		}
		if err := c.network.Plug(n.Name); err != nil {
			return err
		}
		if err := c.network.SetGate(netlab.Open, n.Name); err != nil {
			return err
		}
		if err := n.newBoot(); err != nil {
			return err
		}
		return c.spawn(n)
	})
}

// Signal sends a signal to the daemons of the named nodes, to all or to none.
func (c *Cluster) Signal(s syscall.Signal, names ...string) error {
	var holds []handle
	defer func() {
		for _, h := range holds {
			h.close()
		}
	}()
	for _, name := range names {
		n, err := c.Node(name)
		if err != nil {
			return err
		}
		h, err := n.hold()
		if err != nil {
			return err
		}
		holds = append(holds, h)
	}
	var err error
	for _, h := range holds {
		err = errors.Join(err, h.signal(s))
	}
	return err
}

// End ends the daemons of the named nodes by a signal and waits for them; their kernels go
// on answering.
func (c *Cluster) End(s syscall.Signal, names ...string) error {
	return c.each(names, func(n *Node) error {
		h, err := n.hold()
		if err != nil {
			return err
		}
		defer h.close()
		// One that was stopped has to go on to end.
		if err := errors.Join(h.signal(s), h.signal(syscall.SIGCONT)); err != nil {
			return err
		}
		return h.wait(patience)
	})
}

// Restart ends the daemons of the named nodes in order and starts them again.
func (c *Cluster) Restart(names ...string) error { return c.Respawn(syscall.SIGTERM, names...) }

// Respawn ends the daemons of the named nodes by a signal and starts them again. Those that
// ended by themselves are just started.
func (c *Cluster) Respawn(s syscall.Signal, names ...string) error {
	var running []string
	for _, name := range names {
		n, err := c.Node(name)
		if err != nil {
			return err
		}
		switch n.Daemon() {
		case "off":
			return fmt.Errorf("node %s is off: boot it", name)
		case "ended":
		default:
			running = append(running, name)
		}
	}
	if err := c.End(s, running...); err != nil {
		return err
	}
	return c.Start(names...)
}

// Cut closes the links of the named nodes, in the same instant.
func (c *Cluster) Cut(way netlab.Gate, names ...string) error {
	return c.network.SetGate(way, names...)
}

// CutRail closes the links of the named nodes on one rail, in the same instant.
func (c *Cluster) CutRail(rail int, way netlab.Gate, names ...string) error {
	return c.network.ChangeRail(rail, func(l *netlab.Link) { l.Gate = way }, names...)
}

// LoseRail is Lose on one rail.
func (c *Cluster) LoseRail(rail int, to, from uint32, names ...string) error {
	return c.network.ChangeRail(rail, func(l *netlab.Link) { l.LossTo, l.LossFrom = to, from }, names...)
}

// HealRail is Heal on one rail.
func (c *Cluster) HealRail(rail int, names ...string) error {
	return c.network.ChangeRail(rail, func(l *netlab.Link) { *l = netlab.Link{} }, names...)
}

// Partition keeps the sets of nodes apart from each other and from all other nodes.
func (c *Cluster) Partition(sets ...[]string) error {
	for i, names := range sets {
		if err := c.network.Split(uint8(i+1), names...); err != nil {
			return err
		}
	}
	return nil
}

// Lose makes the links of the named nodes lose frames by chance, so many in a thousand of
// those to and from each node.
func (c *Cluster) Lose(to, from uint32, names ...string) error {
	return c.network.Change(func(l *netlab.Link) { l.LossTo, l.LossFrom = to, from }, names...)
}

// Flip closes the links of the named nodes at once and opens them after the period, again
// and again.
func (c *Cluster) Flip(period time.Duration, names ...string) error {
	began := uint64(dataplane.Now())
	return c.network.Change(func(l *netlab.Link) { l.Flip, l.FlipBegan = uint64(period), began }, names...)
}

// Heal takes every fault from the links of the named nodes and brings those back that were
// kept apart.
func (c *Cluster) Heal(names ...string) error { return c.network.Mend(names...) }

// Leave takes the named nodes out in order: each leaves the cluster, then its daemon ends and
// its kernel state goes.
func (c *Cluster) Leave(ctx context.Context, names ...string) error {
	return c.each(names, func(n *Node) error {
		left := make(chan error, 1)
		go func() { left <- n.awaitRole(ctx, "left") }()
		if err := n.Client().Do(ctx, publish.Order{Verb: publish.Leave}); err != nil {
			return err
		}
		if err := <-left; err != nil {
			return err
		}
		if err := c.End(syscall.SIGTERM, n.Name); err != nil {
			return err
		}
		return c.Clear(n.Name)
	})
}

// awaitRole returns when the node says that it has the role.
func (n *Node) awaitRole(ctx context.Context, role string) error {
	client := n.Client()
	for _, err := range client.Watch(ctx) {
		if err != nil {
			return err
		}
		if s, err := client.Status(ctx); err != nil || s.Role == role {
			return err
		}
	}
	return nil
}

// await returns when the node's daemon has ended.
func (n *Node) await() error {
	h, err := n.hold()
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	defer h.close()
	return h.wait(patience)
}

// each calls f for every named node, several at a time.
func (c *Cluster) each(names []string, f func(*Node) error) error {
	return c.network.Each(names, func(name string) error {
		n, err := c.Node(name)
		if err != nil {
			return err
		}
		return f(n)
	})
}
