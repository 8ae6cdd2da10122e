package main

import (
	"github.com/spf13/cobra"

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

// orderCommand makes the command of a verb that has no argument.
func (a *app) orderCommand(verb publish.Verb, c *cobra.Command, done string) *cobra.Command {
	c.Args = cobra.NoArgs
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, cancel := a.soon(c.Context())
		defer cancel()
		if err := a.client().Do(ctx, publish.Order{Verb: verb}); err != nil {
			return err
		}
		a.note("%s", done)
		return nil
	}
	return c
}
