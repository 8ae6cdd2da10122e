package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

func (a *app) groupCommand() *cobra.Command {
	var (
		of    selection
		watch bool
	)
	c := &cobra.Command{
		Use:   "group [NAME]",
		Short: "Show a group, slot by slot",
		Long: `Show this node's group as its kernel and daemon see it, one line for each slot. What members
answered is known to the leader alone: ask there to see rounds missed, ages and round-trip times.
With the name or number of another group, show what the cluster view has of that one, and who
leads it.`,
		Example:           "  rollcall group\n  rollcall group rack7\n  rollcall group -o wide -s suspect",
		Args:              atMost(1),
		ValidArgsFunction: inTurn(a.offerGroup),
		RunE: func(c *cobra.Command, args []string) error {
			which := ""
			if len(args) > 0 {
				which = args[0]
			}
			if err := of.read(); err != nil {
				return err
			}
			return a.again(c.Context(), watch, func(ctx context.Context) error { return a.group(ctx, which, &of) })
		},
	}
	of.flags(a, c)
	watchFlag(c, &watch, "show it again every second")
	return c
}

func (a *app) group(ctx context.Context, which string, of *selection) error {
	g, err := a.client().Group(ctx, which)
	if err != nil {
		return err
	}
	var members []publish.GroupEntry
	var names []string
	for _, m := range g.Members {
		if of.takes(m.Name, m.State) {
			members = append(members, m)
			names = append(names, m.Name)
		}
	}
	switch a.output {
	case outputJSON:
		g.Members = members
		return a.json(g)
	case outputNodeset:
		_, err := fmt.Fprintln(a.stdout, hostlist.Fold(names))
		return err
	}
	if !a.noHeader {
		fmt.Fprintf(a.stdout, "cluster %s, instance %d, level %d, group %d%s: %s\n",
			g.Cluster, g.Instance, g.Level, g.Group, inBrackets(g.Name), headOfGroup(g))
	}
	if g.Role == publish.RoleOther && g.Committed == 0 {
		return nil
	}
	header := []string{"SLOT", "NAME", "STATE", "MISSED", "ECHO", "AGENT", "RTT", "ACCEPTED", "COMMITTED"}
	if a.output == outputWide {
		header = append(header, "INCARNATION", "ADDRESSES")
	}
	var rows [][]string
	for i := range members {
		rows = append(rows, a.groupRow(&members[i]))
	}
	return a.rows(header, rows)
}

func headOfGroup(g *publish.GroupDocument) string {
	switch {
	case g.Role != publish.RoleOther:
		return fmt.Sprintf("%s; leader %s, ballot %s, round %d, accepted %d, committed %d, quorum %d",
			g.Role, dash(g.Leader), g.Ballot, g.Round, g.Accepted, g.Committed, g.Quorum)
	case g.Committed == 0:
		return "not in the cluster view; rollcall tree shows its nodes"
	}
	return fmt.Sprintf("%s; leader %s, ballot %s, committed %d, quorum %d", g.Role, dash(g.Leader), g.Ballot, g.Committed, g.Quorum)
}

func (a *app) groupRow(m *publish.GroupEntry) []string {
	row := []string{
		strconv.Itoa(int(m.Slot)), m.Name, m.State.String(), "-", age(m.EchoAgeMS), agentSeen(m), "-", "-", "-",
	}
	if m.EchoAgeMS >= 0 || m.Missed > 0 {
		row[3] = strconv.Itoa(m.Missed)
	}
	if m.RTTNS != 0 {
		row[6] = time.Duration(m.RTTNS).Round(time.Microsecond).String()
	}
	if m.Committed != 0 || m.Accepted != 0 {
		row[7], row[8] = strconv.FormatUint(m.Accepted, 10), strconv.FormatUint(m.Committed, 10)
	}
	if a.output == outputWide {
		row = append(row, dash(m.Incarnation), dash(strings.Join(m.Addresses, ",")))
	}
	return row
}

// agentSeen tells of a node's agent what its kernel said last.
func agentSeen(m *publish.GroupEntry) string {
	if m.AgentExited {
		return "exited"
	}
	return age(m.AgentAgeMS)
}

// age shows milliseconds of which negative ones mean that nothing was heard.
func age(ms int64) string {
	if ms < 0 {
		return "-"
	}
	return (time.Duration(ms) * time.Millisecond).String()
}

func inBrackets(name string) string {
	if name == "" {
		return ""
	}
	return " (" + name + ")"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
