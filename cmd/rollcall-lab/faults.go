package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/view/hostlist"
)

// faultCommands are those that do something to named nodes.
func faultCommands() []*cobra.Command {
	oneWay, cutRail := "", allRails
	cut := faultCommand("cut", "Cut the links of nodes, both ways or one way", func(c *cluster.Cluster, names []string) error {
		way, ok := map[string]netlab.Gate{"": netlab.Closed, "in": netlab.ClosedIn, "out": netlab.ClosedOut}[oneWay]
		switch {
		case !ok:
			return fmt.Errorf("--one-way %q: in (nothing reaches the node) or out (nothing it sends arrives)", oneWay)
		case cutRail == allRails:
			return c.Cut(way, names...)
		}
		return c.CutRail(cutRail, way, names...)
	})
	cut.Flags().StringVar(&oneWay, "one-way", "", "in: nothing reaches the nodes; out: nothing they send arrives")
	railFlag(cut, &cutRail)
	healRail := allRails
	heal := faultCommand("heal", "Take every fault from the links of nodes", func(c *cluster.Cluster, names []string) error {
		if healRail == allRails {
			return c.Heal(names...)
		}
		return c.HealRail(healRail, names...)
	})
	railFlag(heal, &healRail)
	crash := false
	restart := startCommand("restart", "Start the daemons of nodes again; those that run are ended before", func(c *cluster.Cluster, names []string) error {
		if crash {
			return c.Respawn(syscall.SIGKILL, names...)
		}
		return c.Restart(names...)
	})
	restart.Flags().BoolVar(&crash, "crash", false, "end them with SIGKILL")
	return []*cobra.Command{
		faultCommand("kill", "Crash nodes: link, daemon and kernel state are gone in the same instant",
			func(c *cluster.Cluster, names []string) error { return c.Kill(names...) }),
		startCommand("boot", "Bring crashed nodes back, each with a new incarnation",
			func(c *cluster.Cluster, names []string) error { return c.Boot(names...) }),
		faultCommand("stop", "Stop the daemons of nodes (SIGSTOP); their kernels go on",
			func(c *cluster.Cluster, names []string) error { return c.Signal(syscall.SIGSTOP, names...) }),
		faultCommand("cont", "Let stopped daemons go on (SIGCONT)",
			func(c *cluster.Cluster, names []string) error { return c.Signal(syscall.SIGCONT, names...) }),
		restart,
		cut,
		lossCommand(),
		flipCommand(),
		partitionCommand(),
		heal,
	}
}

// allRails as a rail is every one.
const allRails = -1

func railFlag(c *cobra.Command, rail *int) {
	c.Flags().IntVar(rail, "rail", *rail, "only the links on this rail, 0 the first (default: on all)")
	c.Flags().Lookup("rail").DefValue = "0" // which help takes for none, and leaves out
}

func faultCommand(verb, short string, do func(*cluster.Cluster, []string) error) *cobra.Command {
	return nodesCommand(verb, short, func(_ context.Context, c *cluster.Cluster, names []string) error { return do(c, names) })
}

// startCommand starts daemons, and has succeeded when they answer.
func startCommand(verb, short string, start func(*cluster.Cluster, []string) error) *cobra.Command {
	return nodesCommand(verb, short, func(ctx context.Context, c *cluster.Cluster, names []string) error {
		if err := start(c, names); err != nil {
			return err
		}
		ctx, cancel := patient(ctx, len(names))
		defer cancel()
		return c.Answering(ctx, names...)
	})
}

func nodesCommand(verb, short string, do func(context.Context, *cluster.Cluster, []string) error) *cobra.Command {
	var lab string
	c := &cobra.Command{
		Use:   verb + " NODES",
		Short: short,
		Long:  short + ". NODES is a hostlist such as n03 or n[03-05,09].",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withNodes(lab, args, func(k *cluster.Cluster, names []string) error { return do(c.Context(), k, names) })
		},
	}
	nameFlag(c.Flags(), &lab, "lab")
	return c
}

func lossCommand() *cobra.Command {
	var lab string
	var to, from bool
	rail := allRails
	c := &cobra.Command{
		Use:   "loss NODES PERCENT",
		Short: "Lose frames of nodes by chance, both ways or one way",
		Long: `Lose PERCENT of the frames to and from NODES, a hostlist such as n[03-05], by chance. A
frame and its answer both get through in (1-PERCENT/100) squared of all cases. "heal" ends it.`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			percent, err := strconv.ParseFloat(args[1], 64)
			if err != nil || percent < 0 || percent > 100 {
				return fmt.Errorf("PERCENT %q: a number from 0 to 100", args[1])
			}
			share := uint32(math.Round(percent * netlab.Whole / 100))
			return withNodes(lab, args[:1], func(c *cluster.Cluster, names []string) error {
				there, back := share, share
				switch {
				case to && !from:
					back = 0
				case from && !to:
					there = 0
				}
				if rail == allRails {
					return c.Lose(there, back, names...)
				}
				return c.LoseRail(rail, there, back, names...)
			})
		},
	}
	c.Flags().BoolVar(&to, "to", false, "lose only frames to the nodes")
	c.Flags().BoolVar(&from, "from", false, "lose only frames from the nodes")
	railFlag(c, &rail)
	nameFlag(c.Flags(), &lab, "lab")
	return c
}

func flipCommand() *cobra.Command {
	var lab string
	c := &cobra.Command{
		Use:   "flip NODES PERIOD",
		Short: "Close the links of nodes for a period, open them for one, and so on",
		Long: `Close the links of NODES, a hostlist such as n[03-05], for PERIOD (1s, 200ms, …), open them
for as long, and so on until "heal".`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			period, err := time.ParseDuration(args[1])
			if err != nil || period <= 0 {
				return fmt.Errorf("PERIOD %q: write for example 1s", args[1])
			}
			return withNodes(lab, args[:1], func(c *cluster.Cluster, names []string) error { return c.Flip(period, names...) })
		},
	}
	nameFlag(c.Flags(), &lab, "lab")
	return c
}

func partitionCommand() *cobra.Command {
	var lab string
	c := &cobra.Command{
		Use:   "partition NODES [NODES …]",
		Short: "Split the network: each set of nodes reaches only itself",
		Long: `Split the network into sides that do not reach each other: one for each NODES, a hostlist
such as n[03-05], and one for all that are not named. "heal" brings nodes back.
The router between groups is not named: nodes of several groups reach each other only on its side.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return withNodes(lab, args, func(c *cluster.Cluster, _ []string) error {
				sets := make([][]string, len(args))
				for i := range args {
					var err error
					if sets[i], err = hostlist.Expand(args[i]); err != nil {
						return err
					}
				}
				return c.Partition(sets...)
			})
		},
	}
	nameFlag(c.Flags(), &lab, "lab")
	return c
}

// withNodes finds the lab and checks that it has the nodes before anything is done to one.
func withNodes(lab string, args []string, do func(*cluster.Cluster, []string) error) error {
	names, err := hostlist.Expand(strings.Join(args, ","))
	if err != nil {
		return err
	}
	c, err := cluster.Find(lab)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, name := range names {
		if _, err := c.Node(name); err != nil {
			return err
		}
	}
	return do(c, names)
}
