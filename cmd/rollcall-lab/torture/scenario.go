package torture

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"rollcall/dataplane"
)

// scenario is one fault.
type scenario struct {
	name string
	// run makes the fault and goes on with it until ctx ends; then it undoes what the end
	// of the scenario does not: links are mended, stopped daemons go on and ended ones are
	// started in any case.
	run func(ctx context.Context, f *field) error
}

// scenarios lists all, for a machine with so many CPUs.
func scenarios() []scenario {
	all := []scenario{{"nothing", func(ctx context.Context, _ *field) error { <-ctx.Done(); return nil }}}
	cpus := runtime.NumCPU()
	for _, load := range []struct{ kind, name string }{
		{"busy", "busy threads"}, {"nice", "nice -20 threads"}, {"fifo", "SCHED_FIFO threads"},
	} {
		all = append(all,
			scenario{load.name + " on half the CPUs", loaded(load.kind, max(cpus/2, 1))},
			scenario{load.name + " on all CPUs", loaded(load.kind, cpus)})
	}
	return append(all,
		scenario{"timer storm on all CPUs", loaded("timers", cpus)},
		scenario{"a third of the agents stopped", stopped},
		scenario{"the leader's agent stopped", leaderStopped},
		scenario{"5 % loss at one node", lossy(50, 50, false)},
		scenario{"20 % loss at one node", lossy(200, 200, false)},
		scenario{"80 % loss to one node", lossy(800, 0, true)},
		scenario{"80 % loss from one node", lossy(0, 800, true)},
		scenario{"a link down 1 s, up 1 s", flipping},
		scenario{"partition 11/5, and heal", partitioned},
		scenario{"daemons restarted in a row", restarted},
		scenario{"a member flooded", flooded((*field).member)},
		scenario{"the leader flooded", flooded((*field).leader)},
	)
}

// loaded keeps CPUs from everybody who has no higher priority.
func loaded(kind string, cpus int) func(context.Context, *field) error {
	return func(ctx context.Context, f *field) error {
		_, err := f.lab(ctx, "hog", kind, "--cpus", fmt.Sprint(cpus), "--for", hour.String())
		return err
	}
}

// hour is longer than any scenario: what it is told to is ended with its scenario.
const hour = time.Hour

// stopped stops the agents of a third of the nodes, the leader not among them.
func stopped(ctx context.Context, f *field) error {
	names, err := f.members(ctx, len(f.cluster.Names())/3)
	if err != nil {
		return err
	}
	return f.stop(ctx, names...)
}

func leaderStopped(ctx context.Context, f *field) error {
	leader, err := f.leader(ctx)
	if err != nil {
		return err
	}
	return f.stop(ctx, leader)
}

// lossy loses frames of one node; where that makes it unreachable it may be removed.
func lossy(to, from uint32, unreachable bool) func(context.Context, *field) error {
	return func(ctx context.Context, f *field) error {
		name, err := f.member(ctx)
		if err != nil {
			return err
		}
		if unreachable {
			f.excuse(name)
		}
		since := dataplane.Now()
		if err := f.cluster.Lose(to, from, name); err != nil {
			return err
		}
		<-ctx.Done()
		if unreachable {
			return f.keptOut(name, since)
		}
		return nil
	}
}

func flipping(ctx context.Context, f *field) error {
	name, err := f.member(ctx)
	if err != nil {
		return err
	}
	f.excuse(name)
	if err := f.cluster.Flip(time.Second, name); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// partitioned splits the leader and others off, who together have no quorum, and heals, again
// and again.
func partitioned(ctx context.Context, f *field) error {
	leader, err := f.leader(ctx)
	if err != nil {
		return err
	}
	minority, err := f.members(ctx, len(f.cluster.Names())*5/16-1)
	if err != nil {
		return err
	}
	minority = append(minority, leader)
	f.excuse(minority...)
	defer f.letBackIn(ctx, minority...)() // else nobody would be left for the fourth partition
	for ctx.Err() == nil {
		if err := f.cluster.Partition(minority); err != nil {
			return err
		}
		sleep(ctx, 2*time.Second)
		if err := f.cluster.Heal(minority...); err != nil {
			return err
		}
		sleep(ctx, 3*time.Second)
	}
	return nil
}
