package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/view/hostlist"
)

// faultCommands are those that do something to named nodes.
func faultCommands() []*cobra.Command {
	oneWay, together := "", false
	cut := faultCommand("cut", "Cut the links of nodes, both ways or one way", func(c *cluster.Cluster, names []string) error {
		switch {
		case together && oneWay != "":
			return errors.New("--together and --one-way exclude each other")
		case together:
			return c.Split(names...)
		case oneWay == "":
			return c.Cut(netlab.Closed, names...)
		case oneWay == "in":
			return c.Cut(netlab.ClosedIn, names...)
		case oneWay == "out":
			return c.Cut(netlab.ClosedOut, names...)
		}
		return fmt.Errorf("--one-way %q: in (nothing reaches the node) or out (nothing it sends arrives)", oneWay)
	})
	cut.Flags().StringVar(&oneWay, "one-way", "", "in: nothing reaches the nodes; out: nothing they send arrives")
	cut.Flags().BoolVar(&together, "together", false, "cut them off together: they still reach each other")
	crash := false
	restart := faultCommand("restart", "Start the daemons of nodes again; those that run are ended before", func(c *cluster.Cluster, names []string) error {
		if crash {
			return c.Respawn(syscall.SIGKILL, names...)
		}
		return c.Restart(names...)
	})
	restart.Flags().BoolVar(&crash, "crash", false, "end them with SIGKILL")
	return []*cobra.Command{
		faultCommand("kill", "Crash nodes: link, daemon and kernel state are gone in the same instant",
			func(c *cluster.Cluster, names []string) error { return c.Kill(names...) }),
		faultCommand("boot", "Bring crashed nodes back, each with a new incarnation",
			func(c *cluster.Cluster, names []string) error { return c.Boot(names...) }),
		faultCommand("stop", "Stop the daemons of nodes (SIGSTOP); their kernels go on",
			func(c *cluster.Cluster, names []string) error { return c.Signal(syscall.SIGSTOP, names...) }),
		faultCommand("cont", "Let stopped daemons go on (SIGCONT)",
			func(c *cluster.Cluster, names []string) error { return c.Signal(syscall.SIGCONT, names...) }),
		restart,
		cut,
		faultCommand("heal", "Mend the links of nodes",
			func(c *cluster.Cluster, names []string) error { return c.Heal(names...) }),
	}
}

func faultCommand(verb, short string, do func(*cluster.Cluster, []string) error) *cobra.Command {
	var lab string
	c := &cobra.Command{
		Use:   verb + " NODES",
		Short: short,
		Long:  short + ". NODES is a hostlist such as n03 or n[03-05,09].",
		Args:  cobra.MinimumNArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return withNodes(lab, args, do) },
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
