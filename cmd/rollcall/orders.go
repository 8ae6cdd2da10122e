package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/view"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

func (a *app) leaveCommand() *cobra.Command {
	return a.orderCommand(publish.Leave, &cobra.Command{
		Use:   "leave",
		Short: "Take this node out of the cluster",
		Long: `Take this node out of the cluster: it hands over first if it leads, and says goodbye, so
that nobody takes it for dead. The daemon goes on running; join brings the node back.`,
		Example: "  rollcall leave\n  rollcall leave && systemctl stop rollcalld",
	}, "leaving; rollcall status shows when this node is out")
}

func (a *app) joinCommand() *cobra.Command {
	return a.orderCommand(publish.Join, &cobra.Command{
		Use:     "join",
		Short:   "Bring this node back after it left",
		Long:    "Bring this node back into the cluster after rollcall leave. A node that was removed comes\nback by itself.",
		Example: "  rollcall join && rollcall wait $(hostname -s) alive -t 10s",
	}, "joining; rollcall status shows when this node is a member")
}

func (a *app) shutdownCommand() *cobra.Command {
	return a.orderCommand(publish.Shutdown, &cobra.Command{
		Use:   "shutdown",
		Short: "End the cluster on every node",
		Long: `End this instance of the cluster in good order, on every node. The founders note that it is
over, and may found the next one without asking anybody. Daemons go on running: rollcall join on
every node, or their restart, begins the next instance.`,
		Example: "  rollcall shutdown",
	}, "shutting the cluster down")
}

func (a *app) foundCommand() *cobra.Command {
	var abandon uint32
	c := &cobra.Command{
		Use:   "found --abandon INSTANCE",
		Short: "Decree that an instance of the cluster is dead, so that the next can be founded",
		Long: `Decree, on a founder that is in no cluster, that an instance is dead: most of its members lost
their state for good, and no quorum will ever answer. The founder then no longer waits for
it; a majority of the founders has to be told. Members that still hold the old instance join the
new one. Where the old one lives on elsewhere, this makes a second cluster.`,
		Example: "  rollcall status\n  rollcall found --abandon 4",
	}
	c.Flags().Uint32Var(&abandon, "abandon", 0, "the `instance` that is dead, and all before it")
	return a.orderCommandOf(func() (publish.Order, error) {
		if abandon == 0 {
			return publish.Order{}, errors.New("say which instance is dead: --abandon and its number; rollcall status shows it")
		}
		return publish.Order{Verb: publish.Found, Abandon: abandon}, nil
	}, c, "ordered; rollcall status shows what this founder still waits for")
}

func (a *app) readmitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "readmit NODESET",
		Short: "Let nodes come back that were removed too often, or whose links were mended",
		Long: `Let nodes of this node's group come back from quarantine or probation. A node that was removed
as often as the key quarantine says, three times, within ten minutes is kept out, lest the view
change for it again and again; one that was removed once, and whose link lost too many probes, is
tried again after ten seconds, then twenty, and so on. It goes on asking, and is let in as soon
as it is readmitted.`,
		Example:           "  rollcall view -s quarantined,probation\n  rollcall readmit cn007",
		Args:              exactly(1),
		ValidArgsFunction: inTurn(a.offerNodes(view.Quarantined, view.Probation)),
		RunE: func(c *cobra.Command, args []string) error {
			nodes, err := hostlist.Expand(args[0])
			if err != nil {
				return fmt.Errorf("nodes %q: %w", args[0], err)
			}
			ctx, cancel := a.soon(c.Context())
			defer cancel()
			for _, node := range nodes {
				if err := a.client().Do(ctx, publish.Order{Verb: publish.Readmit, Node: node}); err != nil {
					return err
				}
			}
			a.note("readmitted; rollcall wait %s alive shows when they are members", args[0])
			return nil
		},
	}
}

// orderCommand makes the command of a verb that has no argument.
func (a *app) orderCommand(verb publish.Verb, c *cobra.Command, done string) *cobra.Command {
	return a.orderCommandOf(func() (publish.Order, error) { return publish.Order{Verb: verb}, nil }, c, done)
}

// orderCommandOf makes the command of an order that its flags settle.
func (a *app) orderCommandOf(order func() (publish.Order, error), c *cobra.Command, done string) *cobra.Command {
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		o, err := order()
		if err != nil {
			return err
		}
		ctx, cancel := a.soon(c.Context())
		defer cancel()
		if err := a.client().Do(ctx, o); err != nil {
			return err
		}
		a.note("%s", done)
		return nil
	}
	return c
}
