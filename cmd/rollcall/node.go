package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/view/publish"
)

func (a *app) nodeCommand() *cobra.Command {
	watch := false
	c := &cobra.Command{
		Use:   "node [NODE]",
		Short: "Show all that is known of one node",
		Long: `Show all that this node's daemon knows of one node, by default of itself: who it is, where it
is reached, how it answers, which keys it holds, and the events that name it; of itself, what it
refused as well. What others answered is known to the leader alone: ask there.`,
		Example:           "  rollcall node\n  rollcall node cn007 -o wide",
		Args:              atMost(1),
		ValidArgsFunction: inTurn(a.offerNode),
		RunE: func(c *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return a.again(c.Context(), watch, func(ctx context.Context) error { return a.node(ctx, name) })
		},
	}
	watchFlag(c, &watch, "show it again every second")
	return c
}

func (a *app) node(ctx context.Context, name string) error {
	n, err := a.client().Node(ctx, name)
	if err != nil {
		return err
	}
	switch a.output {
	case outputJSON:
		return a.json(n)
	case outputNodeset:
		_, err := fmt.Fprintln(a.stdout, n.Name)
		return err
	}
	lines := [][2]string{
		{"node", n.Name},
		{"cluster", n.Cluster},
		{"state", n.State.String()},
		{"role", n.Role},
		{"place", fmt.Sprintf("group %d, slot %d", n.Group, n.Slot)},
		{"incarnation", n.Incarnation},
		{"addresses", strings.Join(n.Addresses, ", ")},
		{"agent", n.RPC},
		{"answers", answers(n)},
		{"lost rails", strings.Join(n.LostRails, ", ")},
		{"keys", heldKeys(n)},
	}
	if a.output == outputWide && n.Wire[0] != 0 {
		lines = append(lines, [2]string{"wire", fmt.Sprintf("%d to %d", n.Wire[0], n.Wire[1])},
			[2]string{"accepted", strconv.FormatUint(n.Accepted, 10)}, [2]string{"committed", strconv.FormatUint(n.Committed, 10)})
	}
	if own := n.Own; own != nil {
		lines = append(lines,
			[2]string{"awaiting", own.Awaiting},
			[2]string{"view", describeView(own)},
			[2]string{"rounds", rounds(own)},
			[2]string{"frames", frames(own)})
	}
	if n.Denied != nil {
		lines = append(lines, [2]string{"refused", denied(n.Denied)})
	}
	if err := a.pairs(lines); err != nil || len(n.Events) == 0 {
		return err
	}
	fmt.Fprintln(a.stdout)
	return a.printEvents(n.Events, true)
}

// heldKeys lists the keys of a node; of its own a node knows which one signs.
func heldKeys(n *publish.NodeDocument) string {
	if n.Own != nil {
		return keys(n.Own)
	}
	return strings.Join(n.Keys, ", ")
}

// denied counts the frames that were refused, by reason, and the calls.
func denied(d *publish.Denied) string {
	var counts []string
	for _, reason := range slices.Sorted(maps.Keys(d.Frames)) {
		counts = append(counts, fmt.Sprintf("%s %d", reason, d.Frames[reason]))
	}
	if d.Calls > 0 {
		counts = append(counts, fmt.Sprintf("calls %d", d.Calls))
	}
	return strings.Join(counts, ", ")
}

// answers tells what was heard from a node, where this node asks.
func answers(n *publish.NodeDocument) string {
	if n.EchoAgeMS < 0 {
		return ""
	}
	said := fmt.Sprintf("%s ago, %d missed since", age(n.EchoAgeMS), n.Missed)
	if n.Relayed {
		said += ", through another member"
	}
	if n.RTTNS != 0 {
		said += ", round trip " + time.Duration(n.RTTNS).Round(time.Microsecond).String()
	}
	if n.AgentExited {
		return said + ", its agent has exited"
	}
	return said + ", agent seen " + age(n.AgentAgeMS) + " before"
}
