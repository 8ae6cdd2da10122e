package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/view/publish"
)

// settled bounds how long a new cluster may take to agree: the kernel verifies the programs of every node
// anew, and daemons that come in call each other while others still load theirs. Two busy processors brought 256 nodes
// to agree in 151 s at best, 1.2 s of a processor for each, and not within 288 s at worst.
func settled(nodes int) time.Duration {
	const each = 5 * time.Second
	return 30*time.Second + time.Duration(nodes)*each/time.Duration(runtime.NumCPU())
}

// patient bounds a wait for so many nodes whose daemons start.
func patient(ctx context.Context, nodes int) (context.Context, context.CancelFunc) {
	within := settled(nodes)
	return context.WithTimeoutCause(ctx, within, fmt.Errorf("not within %v", within))
}

// optionFlags adds the flags that describe a cluster.
func optionFlags(f *pflag.FlagSet, o *cluster.Options) {
	f.IntVar(&o.Nodes, "nodes", 16, "how many nodes")
	f.IntVar(&o.Groups, "groups", 1, "how many groups, each on a bridge of its own, joined by a router")
	f.IntVar(&o.PerGroup, "per-group", 0, "how many nodes in each group, instead of --nodes")
	f.DurationVar(&o.Interval, "interval", 0, "time between rounds (default: 10ms, or what so many nodes can keep up on this machine)")
	f.IntVar(&o.Rounds, "rounds", 5, "unanswered rounds before a removal")
	f.IntVar(&o.Quarantine, "quarantine", 0, "removals within ten minutes after which a node is kept out, 0: never")
	f.StringVar(&o.Pacer, "pacer", "auto", "who keeps a leader's beat: auto, kernel or thread")
	f.StringVar(&o.Attach, "attach", "native", "how frames are served: native, tc, generic or socket")
	f.StringVar(&o.Transport, "transport", "udp", "udp or ether")
	f.IntSliceVar(&o.EtherOf, "ether-of", nil, "groups that use ether beside others that use udp, by number from 0")
	f.DurationVar(&o.FoundWait, "found-wait", 0, "silence before founding (default: what interval and nodes allow)")
	f.IntVar(&o.Rails, "rails", 1, "how many interfaces each node has, each on a bridge of its own")
	f.BoolVar(&o.IPv6, "ipv6", false, "frames over IPv6")
	f.StringVar(&o.Extra, "extra", "", "more of every node's configuration, such as 'prefer = \"n02\"'")
	f.StringVar(&o.Daemon, "daemon", "", "path of rollcalld (default: beside this program, or in the PATH)")
}

func nameFlag(f *pflag.FlagSet, name *string, lab string) {
	f.StringVar(name, "name", lab, "name of the lab, 1 to 16 lower-case letters and digits")
}

func upCommand() *cobra.Command {
	var o cluster.Options
	c := &cobra.Command{
		Use:   "up",
		Short: "Make a cluster and leave it standing",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return up(c.Context(), c.OutOrStdout(), o) },
	}
	optionFlags(c.Flags(), &o)
	nameFlag(c.Flags(), &o.Lab, "lab")
	c.Flags().BoolVar(&o.Tied, "foreground", false, "stay, and take the cluster down on Ctrl-C")
	return c
}

func up(ctx context.Context, out io.Writer, o cluster.Options) (err error) {
	c, d, err := stand(ctx, out, o)
	if err != nil {
		return err
	}
	if err := show(out, d); err != nil {
		return errors.Join(err, c.Down())
	}
	hints(out, c)
	if !o.Tied {
		c.Close()
		return nil
	}
	fmt.Fprintln(out, "\nCtrl-C takes it down.")
	<-ctx.Done()
	return c.Down()
}

// made says what a cluster is made of.
func made(c *cluster.Cluster) string {
	o := c.Options()
	s := fmt.Sprintf("%d nodes", o.Nodes)
	if o.Groups > 1 {
		s += fmt.Sprintf(" in %d groups", o.Groups)
	}
	return s + fmt.Sprintf(", rounds every %v,", o.Interval)
}

// stand makes a cluster and waits until it agrees; when that fails nothing is left of it. It says at once of what the
// cluster is made: that may be why it fails.
func stand(ctx context.Context, out io.Writer, o cluster.Options) (*cluster.Cluster, *publish.Document, error) {
	began := time.Now()
	c, err := cluster.Build(o)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprint(out, made(c))
	d, err := agree(ctx, c)
	if err != nil {
		fmt.Fprintln(out, " do not agree")
		return nil, nil, errors.Join(err, c.Down())
	}
	fmt.Fprintf(out, " agree after %v:\n\n", time.Since(began).Round(time.Millisecond))
	return c, d, nil
}

// agree starts the daemons of a cluster and waits until all have the same view.
func agree(ctx context.Context, c *cluster.Cluster) (*publish.Document, error) {
	ctx, cancel := patient(ctx, len(c.Names()))
	defer cancel()
	if err := c.Start(c.Names()...); err != nil {
		return nil, err
	}
	if err := c.Answering(ctx, c.Names()...); err != nil {
		return nil, err
	}
	w, err := c.Watch(c.Names()...)
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	return w.Settled(ctx, c.Names()...)
}

// hints says what to try in a standing cluster.
func hints(out io.Writer, c *cluster.Cluster) {
	o := c.Options()
	name := ""
	if o.Lab != "lab" {
		name = " --name " + o.Lab
	}
	first, last := c.Nodes()[0], c.Nodes()[len(c.Nodes())-1]
	fmt.Fprintf(out, `
Try:
  %[7]srollcall --socket %[1]s view
  %[7]srollcall --socket %[1]s watch &
  %[7]srollcall-lab kill %[2]s%[3]s      and boot, stop, cont, restart, cut, heal
  %[7]srollcall --socket %[1]s events -o wide
  bpftool map dump pinned %[4]s/%[5]s/rc_group
  ip netns exec %[6]s ip address
  %[7]srollcall-lab switches%[3]s
  %[7]srollcall-lab status%[3]s
  %[7]srollcall-lab down%[3]s
`, first.Socket(), last.Name, name, first.PinDir(), o.Lab, first.Namespace, calledFrom(os.Args[0]))
}

// calledFrom is the directory by which a command was called, with its slash, empty where the
// PATH found it.
func calledFrom(command string) string {
	return command[:strings.LastIndexByte(command, '/')+1]
}

func downCommand() *cobra.Command {
	var lab string
	c := &cobra.Command{
		Use:   "down [NODES]",
		Short: "Take clusters down, or shut nodes down in order",
		Long: `Without NODES, takes a cluster down: the one that --name gives, or else every one that stands
or was left behind by a run that crashed. With NODES (a hostlist such as n[03-05]), these
nodes leave their cluster and are shut down; "boot" brings them back.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return withNodes(lab, args, func(k *cluster.Cluster, names []string) error {
					ctx, cancel := patient(c.Context(), len(names))
					defer cancel()
					return k.Leave(ctx, names...)
				})
			case c.Flags().Changed("name"):
				return cluster.Down(lab)
			}
			return downAll(c.OutOrStdout())
		},
	}
	nameFlag(c.Flags(), &lab, "lab")
	return c
}

// downAll takes down what no running process takes care of.
func downAll(out io.Writer) error {
	labs, err := cluster.Labs()
	errs := []error{err}
	for _, lab := range labs {
		err := cluster.Down(lab)
		if err == nil {
			fmt.Fprintf(out, "took down %s\n", lab)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
