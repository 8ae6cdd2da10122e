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
	// movesLead tells that the fault takes the lead from whoever has it, or may: a verdict then waits for the next.
	movesLead bool
}

// scenarios lists all, for a machine with so many CPUs.
func scenarios() []scenario {
	all := []scenario{{name: "nothing", run: func(ctx context.Context, _ *field) error { <-ctx.Done(); return nil }}}
	cpus := runtime.NumCPU()
	for _, load := range []struct{ kind, name string }{
		{"busy", "busy threads"}, {"nice", "nice -20 threads"}, {"fifo", "SCHED_FIFO threads"},
	} {
		all = append(all,
			scenario{name: load.name + " on half the CPUs", run: loaded(load.kind, max(cpus/2, 1))},
			scenario{name: load.name + " on all CPUs", run: loaded(load.kind, cpus)})
	}
	return append(all,
		scenario{name: "timer storm on all CPUs", run: loaded("timers", cpus)},
		scenario{name: "a third of the agents stopped", run: stopped},
		scenario{name: "the leader's agent stopped", run: leaderStopped},
		scenario{name: "5 % loss at one node", run: lossy((*field).member, 50, 50)},
		scenario{name: "20 % loss at one node", run: lossy((*field).member, 200, 200)},
		scenario{name: "80 % loss to one node", run: lossy((*field).member, 800, 0)},
		scenario{name: "80 % loss from one node", run: lossy((*field).member, 0, 800)},
		scenario{name: "80 % loss to the leader", run: lossy((*field).leader, 800, 0), movesLead: true},
		scenario{name: "80 % loss from the leader", run: lossy((*field).leader, 0, 800), movesLead: true},
		scenario{name: "a link down 1 s, up 1 s", run: flipping},
		scenario{name: "partition 11/5, and heal", run: partitioned, movesLead: true},
		scenario{name: "daemons restarted in a row", run: restarted},
		scenario{name: "a member flooded", run: flooded((*field).member)},
		scenario{name: "the leader flooded", run: flooded((*field).leader)},
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

// lossy loses frames of one node, so many in a thousand; one that loses most may be removed.
func lossy(target func(*field, context.Context) (string, error), to, from uint32) func(context.Context, *field) error {
	return func(ctx context.Context, f *field) error {
		name, err := target(f, ctx)
		if err != nil {
			return err
		}
		f.touch(name)
		unreachable := max(to, from) > 500
		since := dataplane.Now()
		if unreachable {
			f.unreachable(name)
		}
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
	began := dataplane.Now()
	if err := f.cluster.Flip(time.Second, name); err != nil {
		return err
	}
	<-ctx.Done()
	err = f.cluster.Heal(name) // others may be waited for yet, and what flips then would be no outage
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outages = append(f.outages, flips(name, began, dataplane.Now(), time.Second)...)
	return err
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
	defer f.letBackIn(ctx, minority...)() // else nobody would be left for the fourth partition
	for ctx.Err() == nil {
		f.unreachable(minority...)
		if err := f.cluster.Partition(minority); err != nil {
			return err
		}
		sleep(ctx, 2*time.Second)
		if err := f.cluster.Heal(minority...); err != nil {
			return err
		}
		f.reachable(minority...)
		sleep(ctx, 3*time.Second)
	}
	return nil
}
