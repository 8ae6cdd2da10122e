package main

import (
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall-lab/stalls"
	"rollcall/cmd/rollcall-lab/torture"
)

func ladderCommand() *cobra.Command {
	o := newOrdeal()
	c := &cobra.Command{
		Use:   "ladder",
		Short: "Compare clusters of kernel plane, socket plane and a user-space peer under faults of every kind",
		Long: `Go through the faults of torture, each with a cluster whose kernels answer and with one whose
daemons do, one right after the other, and with agents of another membership service beside the
former's daemons. A table in Markdown goes to the standard output, the lines of torture to the
standard error. What happens to live nodes is told, and is no error. Nobody is put in quarantine.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.settle(); err != nil {
				return err
			}
			r := stalls.Record()
			defer r.Stop()
			return torture.Ladder(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), o.Plan, r)
		},
	}
	f := c.Flags()
	o.flags(f, "ladder")
	f.DurationVar(&o.Options.Interval, "interval", 10*time.Millisecond, "time between rounds")
	f.StringVar(&o.Peer, "peer", "", "path, and arguments, of a user-space peer, as tests/memberlist is")
	_ = c.MarkFlagRequired("peer") // fails if there is no such flag
	return c
}
