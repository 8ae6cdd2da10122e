package main

import (
	"errors"

	"github.com/spf13/cobra"

	"rollcall/dataplane"
)

func (a *app) detachCommand() *cobra.Command {
	var (
		pins pins
		all  bool
	)
	c := &cobra.Command{
		Use:   "detach --all | --cluster NAME",
		Short: "Remove what daemons left in the kernel",
		Long: `Remove the programs, filters, multicast addresses and pins that outlive a daemon. The node
answers no frame from then on, and the others remove it. Stop the daemon first.`,
		Example: "  rollcall detach --all\n  rollcall detach --cluster tofu --pin-dir /sys/fs/bpf/rollcall",
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			if all == (pins.cluster != "") {
				return errors.New("say what to detach: --all, or --cluster and its name")
			}
			if pins.dir == "" {
				pins.dir = configuredPinDir()
			}
			if !all {
				if err := dataplane.Detach(pins.dir, pins.cluster); err != nil {
					return err
				}
				a.note("detached cluster %s", pins.cluster)
				return nil
			}
			done, err := dataplane.DetachAll(pins.dir)
			for _, cluster := range done {
				a.note("detached cluster %s", cluster)
			}
			if err == nil && len(done) == 0 {
				a.note("nothing is pinned under %s", pins.dir)
			}
			return err
		},
	}
	pins.flags(c)
	c.Flags().BoolVar(&all, "all", false, "detach every cluster that is pinned under pin_dir")
	return c
}
