package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/key"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

func (a *app) keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Show the cluster's keys, and replace them",
		Long: `Show which keys the nodes hold, and replace the cluster's key while it runs:

 1. rollcall key rotate FILE adds a next key to the file. Bring the file to every node, and
    have every daemon read it: rollcall key reload, or SIGHUP.
 2. Once every member holds the next key, the leader signs with it. rollcall key status on
    the leader says whom it waits for.
 3. rollcall key retire FILE takes the old key out. Bring the file to every node, reload.
    From then on whoever has only the old key is shut out.

A step out of order is refused, and changes nothing.`,
		Example: "  rollcall key status\n  rollcall key rotate /etc/rollcall/cluster.key",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.keyStatusCommand(), a.keyReloadCommand(), a.keyRotateCommand(), a.keyRetireCommand())
	return c
}

func (a *app) keyReloadCommand() *cobra.Command {
	return a.orderCommand(publish.ReloadKeys, &cobra.Command{
		Use:   "reload",
		Short: "Have this node's daemon read its key file again",
		Long: `Have this node's daemon read its key file again. It takes the keys in the file at once, and
no longer takes those that left it ten seconds later. It refuses a file without the key that the
group signs its frames with, and then goes on with the keys that it has.`,
		Example: "  rollcall key reload\n  pdsh -a rollcall key reload",
	}, "read; rollcall key status on the leader shows who holds which key")
}

func (a *app) keyRotateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rotate FILE",
		Short: "Add the next key to a key file",
		Long: `Draw the next key and add it to the key file, whose nodes then take both. This is the first step
of a rotation; rollcall key --help has them all.`,
		Example:           "  rollcall key rotate /etc/rollcall/cluster.key",
		Args:              exactly(1),
		ValidArgsFunction: inTurn(files),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := key.Rotate(args[0])
			if err != nil {
				return err
			}
			a.note("added key %v beside %v; bring %s to every node and run rollcall key reload there", r[1].ID(), r[0].ID(), args[0])
			return nil
		},
	}
}

func (a *app) keyRetireCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "retire FILE",
		Short: "Take the old key out of a key file",
		Long: `Take the key that was replaced out of the key file. This is the last step of a rotation: first
rollcall key status must say that the next key signs.`,
		Example:           "  rollcall key retire /etc/rollcall/cluster.key",
		Args:              exactly(1),
		ValidArgsFunction: inTurn(files),
		RunE: func(_ *cobra.Command, args []string) error {
			id, err := key.Retire(args[0])
			if err != nil {
				return err
			}
			a.note("took key %v out; bring %s to every node and run rollcall key reload there", id, args[0])
			return nil
		},
	}
}

func (a *app) keyStatusCommand() *cobra.Command {
	watch := false
	c := &cobra.Command{
		Use:   "status",
		Short: "Show which keys the members hold, and which one signs",
		Long: `Show which keys the members of the group hold, and which one signs their frames. What the
members hold is known to the leader alone: ask there. -o nodeset lists those awaited.`,
		Example: "  rollcall key status\n  rollcall key status -o nodeset",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.again(c.Context(), watch, a.keyStatus)
		},
	}
	watchFlag(c, &watch, "show it again every second")
	return c
}

// keyDocument is what `rollcall key status` says of a group.
type keyDocument struct {
	Cluster string      `json:"cluster"`
	Group   uint16      `json:"group"`
	Leader  string      `json:"leader"`
	Signs   string      `json:"signs"`          // id of the key that signs
	Next    string      `json:"next,omitempty"` // id of the one that is to
	Keys    []keyHolder `json:"keys"`
	Awaited string      `json:"awaited,omitempty"` // who is not known to hold the next one
}

// keyHolder is a key and who holds it.
type keyHolder struct {
	ID    string `json:"id"`
	Use   string `json:"use"` // signs | next | old
	Count int    `json:"nnodes"`
	Nodes string `json:"nodes"`
}

// keysOf folds the keys of a group's members, the one that signs first, then the next one.
func keysOf(g *publish.GroupDocument) keyDocument {
	holders := map[string][]string{g.Key: nil, g.NextKey: nil}
	ids := []string{g.Key, g.NextKey}
	var awaited []string
	for _, m := range g.Members {
		for _, id := range m.Keys {
			if _, known := holders[id]; !known {
				ids = append(ids, id)
			}
			holders[id] = append(holders[id], m.Name)
		}
		if g.NextKey != "" && !slices.Contains(m.Keys, g.NextKey) {
			awaited = append(awaited, m.Name)
		}
	}
	d := keyDocument{
		Cluster: g.Cluster, Group: g.Group, Leader: g.Leader, Signs: g.Key, Next: g.NextKey,
		Keys: []keyHolder{}, Awaited: hostlist.Fold(awaited),
	}
	for i, id := range ids {
		if id == "" {
			continue
		}
		use := [...]string{"signs", "next", "old"}[min(i, 2)]
		d.Keys = append(d.Keys, keyHolder{ID: id, Use: use, Count: len(holders[id]), Nodes: hostlist.Fold(holders[id])})
	}
	return d
}

func (a *app) keyStatus(ctx context.Context) error {
	g, err := a.client().Group(ctx, "")
	if err != nil {
		return err
	}
	d := keysOf(g)
	switch a.output {
	case outputJSON:
		return a.json(d)
	case outputNodeset:
		_, err := fmt.Fprintln(a.stdout, d.Awaited)
		return err
	}
	if !a.noHeader {
		fmt.Fprintf(a.stdout, "cluster %s, group %d: %s\n", d.Cluster, d.Group, strings.Join(d.story(g), "; "))
	}
	var rows [][]string
	for _, k := range d.Keys {
		rows = append(rows, []string{k.ID, k.Use, strconv.Itoa(k.Count), dash(k.Nodes)})
	}
	return a.rows([]string{"KEY", "USE", "NNODES", "NODELIST"}, rows)
}

// story says where the rotation stands, and what to do.
func (d *keyDocument) story(g *publish.GroupDocument) []string {
	said := []string{fmt.Sprintf("key %s signs", dash(d.Signs))}
	old := slices.IndexFunc(d.Keys, func(k keyHolder) bool { return k.Use == "old" })
	switch {
	case g.Role != "leader":
		said = append(said, fmt.Sprintf("what the members hold is known to the leader, %s", dash(d.Leader)))
	case d.Next != "":
		said = append(said, fmt.Sprintf("%s does once all members hold it, awaited: %s", d.Next, dash(d.Awaited)))
	case old >= 0:
		said = append(said, fmt.Sprintf("%s may be retired: rollcall key retire FILE", d.Keys[old].ID))
	}
	return said
}
