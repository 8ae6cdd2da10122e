package main

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/stalls"
	"rollcall/cmd/rollcall-lab/torture"
)

func tortureCommand() *cobra.Command {
	p := torture.Plan{Options: cluster.Options{Tied: true}}
	var intervals []string
	var scenarios string
	var seconds float64
	priority := 50
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
			if p.Scenarios, err = regexp.Compile(scenarios); err != nil {
				return fmt.Errorf("--scenario: %w", err)
			}
			p.During = time.Duration(seconds * float64(time.Second))
			if p.During < time.Second || p.Options.Nodes < torture.NodesMin {
				return fmt.Errorf("--seconds %g --nodes %d: at least 1 and %d", seconds, p.Options.Nodes, torture.NodesMin)
			}
			p.Options.Extra = fmt.Sprintf("priority = %d", priority)
			p.Options.Priority = max(priority-1, 0) // as the service unit starts them
			var each []time.Duration
			for _, s := range intervals {
				d, err := time.ParseDuration(s)
				if err != nil {
					return fmt.Errorf("--interval %q: write for example 10ms", s)
				}
				each = append(each, d)
			}
			if err := torture.Prepare(); err != nil {
				return err
			}
			r := stalls.Record()
			defer r.Stop()
			for _, p.Options.Interval = range each {
				if run := torture.Run(c.Context(), c.OutOrStdout(), p, r); run != nil {
					err = errors.Join(err, fmt.Errorf("at %v: %w", p.Options.Interval, run))
				}
				if c.Context().Err() != nil {
					break
				}
			}
			return err
		},
	}
	f := c.Flags()
	f.IntVar(&p.Options.Nodes, "nodes", 16, "how many nodes")
	f.StringSliceVar(&intervals, "interval", []string{"10ms", "1ms"}, "time between rounds; several are gone through in turn")
	f.IntVar(&p.Options.Rounds, "rounds", 5, "unanswered rounds before a removal")
	f.StringVar(&p.Options.Attach, "attach", "native", "how frames are served: native, tc, generic or socket")
	f.IntVar(&p.Options.Quarantine, "quarantine", 3, "removals within ten minutes after which a node is kept out until its scenario ends, 0: never")
	f.IntVar(&priority, "priority", priority, "real-time priority of the daemons, 0: none")
	f.Float64Var(&seconds, "seconds", 60, "how long each scenario lasts")
	f.StringVar(&scenarios, "scenario", "", "only scenarios whose name matches this regular expression")
	f.StringVar(&p.Peer, "peer", "", "path, and arguments, of a user-space peer to run beside, as tests/memberlist is")
	f.StringVar(&p.Upgrade, "upgrade", "", "path of another build of rollcalld, to and from which restarted daemons are upgraded")
	f.BoolVar(&p.Elections, "elections", false, "tell of each move of the leadership")
	f.BoolVar(&p.Lenient, "lenient", false, "exit with status 0 whatever happens to live nodes")
	f.StringVar(&p.Options.Daemon, "daemon", "", "path of rollcalld (default: beside this program, or in the PATH)")
	nameFlag(f, &p.Options.Lab, "torture")
	return c
}
