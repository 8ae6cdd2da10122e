package main

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/stalls"
	"rollcall/cmd/rollcall-lab/torture"
)

// ordeal is what torture and ladder are told alike.
type ordeal struct {
	torture.Plan
	seconds   float64
	scenarios string
	priority  int
}

func newOrdeal() *ordeal {
	return &ordeal{Plan: torture.Plan{Options: cluster.Options{Tied: true}}}
}

func (o *ordeal) flags(f *pflag.FlagSet, lab string) {
	f.IntVar(&o.Options.Nodes, "nodes", 16, "how many nodes")
	f.IntVar(&o.Options.Rounds, "rounds", 5, "unanswered rounds before a removal")
	f.IntVar(&o.priority, "priority", 50, "real-time priority of the daemons, 0: none")
	f.Float64Var(&o.seconds, "seconds", 60, "how long each scenario lasts")
	f.StringVar(&o.scenarios, "scenario", "", "only scenarios whose name matches this regular expression")
	f.BoolVar(&o.Elections, "elections", false, "tell of each move of the leadership")
	f.StringVar(&o.Options.Daemon, "daemon", "", "path of rollcalld (default: beside this program, or in the PATH)")
	nameFlag(f, &o.Options.Lab, lab)
}

// settle takes over what the flags said, and raises this process above what it is going to start.
func (o *ordeal) settle() (err error) {
	if o.Scenarios, err = regexp.Compile(o.scenarios); err != nil {
		return fmt.Errorf("--scenario: %w", err)
	}
	o.During = time.Duration(o.seconds * float64(time.Second))
	if o.During < time.Second || o.Options.Nodes < torture.NodesMin {
		return fmt.Errorf("--seconds %g --nodes %d: at least 1 and %d", o.seconds, o.Options.Nodes, torture.NodesMin)
	}
	o.Options.Extra = fmt.Sprintf("priority = %d", o.priority)
	o.Options.Priority = max(o.priority-1, 0) // as the service unit starts them
	return torture.Prepare()
}

func tortureCommand() *cobra.Command {
	o := newOrdeal()
	var intervals []string
	c := &cobra.Command{
		Use:   "torture",
		Short: "Let a cluster live through faults of every kind, and count what it must not do",
		Long: `Let a cluster live through faults of every kind while members crash in between, and count
live nodes that were removed, moves of the leadership and view changes. The exit status is 1
when a node was removed that lived and could be reached, two nodes had different views of one
epoch, or a crash took long to notice, and no stall of this machine explains it; and when a
scenario did not do what it is for: no node crashed, too few daemons were restarted (100 in 60
seconds, in proportion in less), frames of a flood were not counted as refused, or a node that was
removed for its lossy link was let in again while it lost most frames.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			var each []time.Duration
			for _, s := range intervals {
				d, err := time.ParseDuration(s)
				if err != nil {
					return fmt.Errorf("--interval %q: write for example 10ms", s)
				}
				each = append(each, d)
			}
			if err := o.settle(); err != nil {
				return err
			}
			r := stalls.Record()
			defer r.Stop()
			for _, o.Options.Interval = range each {
				if run := torture.Run(c.Context(), c.OutOrStdout(), o.Plan, r); run != nil {
					err = errors.Join(err, fmt.Errorf("at %v: %w", o.Options.Interval, run))
				}
				if c.Context().Err() != nil {
					break
				}
			}
			return err
		},
	}
	f := c.Flags()
	o.flags(f, "torture")
	f.StringSliceVar(&intervals, "interval", []string{"10ms", "1ms"}, "time between rounds; several are gone through in turn")
	f.StringVar(&o.Options.Attach, "attach", "native", "how frames are served: native, tc, generic or socket")
	f.IntVar(&o.Options.Quarantine, "quarantine", 3, "removals within ten minutes after which a node is kept out until its scenario ends, 0: never")
	f.StringVar(&o.Upgrade, "upgrade", "", "path of another build of rollcalld, to and from which restarted daemons are upgraded")
	f.BoolVar(&o.Lenient, "lenient", false, "exit with status 0 whatever happens to live nodes")
	return c
}
