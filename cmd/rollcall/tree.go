package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/view"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

func (a *app) treeCommand() *cobra.Command {
	var down, summary, watch bool
	c := &cobra.Command{
		Use:   "tree",
		Short: "Show the cluster group by group, and what is down",
		Long: `Show the root, who has seats above the groups, and how much of each group of the inventory
is there, led by whom. Groups that are full, or lost, or unknown are folded into one line for each
state, the nodes that are down are listed below theirs; -o wide gives every group a line. Leaders
of other groups are asked for above; where nobody answers, the tree does without them.

States: full, degraded (some nodes are down), lost (all are), unknown (this node has no view, or
none that is valid, or the group lost its leader and may yet be formed anew). The exit code is 2
when the view is not valid.`,
		Example: "  rollcall tree\n  rollcall tree --down\n  rollcall tree --summary --watch",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.again(c.Context(), watch, func(ctx context.Context) error { return a.tree(ctx, down, summary) })
		},
	}
	c.Flags().BoolVar(&down, "down", false, "only groups with nodes that are down")
	c.Flags().BoolVar(&summary, "summary", false, "only the line about the cluster")
	watchFlag(c, &watch, "show it again every second")
	return c
}

func (a *app) tree(ctx context.Context, down, summary bool) error {
	t, err := a.client().Tree(ctx)
	if err != nil {
		return err
	}
	switch a.output {
	case outputJSON:
		err = a.json(t)
	case outputNodeset:
		var names []string
		for i := range t.Groups {
			for _, m := range t.Groups[i].Down {
				names = append(names, m.Name)
			}
		}
		_, err = fmt.Fprintln(a.stdout, hostlist.Fold(names))
	default:
		lines := []string{headOfTree(t)}
		if !summary {
			lines = append(lines, branches(t, down, a.output == outputWide)...)
		}
		_, err = fmt.Fprintln(a.stdout, strings.Join(lines, "\n"))
	}
	if err == nil && !t.Valid {
		err = fmt.Errorf("%w: rollcall status says what this node waits for", errNoView)
	}
	return err
}

func headOfTree(t *publish.TreeDocument) string {
	line := fmt.Sprintf("%s: %s  %d/%d nodes  epoch %d  root %s", t.Cluster, t.State, t.Here, t.Nodes, t.Epoch, dash(t.Leader))
	if len(t.Seats) > 0 {
		line += "  seats " + hostlist.Fold(t.Seats)
	}
	return line
}

// twig is a line of the tree, of one group or several in the same state, and the lines below it.
type twig struct {
	groups  []*publish.TreeBranch
	labels  []string
	leaders []string
	here    int
	nodes   int
	down    []publish.Member
}

func (w *twig) add(b *publish.TreeBranch) {
	w.groups, w.labels = append(w.groups, b), append(w.labels, publish.GroupLabel(b.Name, b.Group))
	w.here, w.nodes, w.down = w.here+b.Here, w.nodes+b.Nodes, append(w.down, b.Down...)
	if b.Leader != "" {
		w.leaders = append(w.leaders, b.Leader)
	}
}

func (w *twig) line() string {
	first := w.groups[0]
	line := fmt.Sprintf("%s: %s  %d/%d", hostlist.Fold(w.labels), first.State, w.here, w.nodes)
	if len(w.leaders) > 0 {
		line += "  led by " + hostlist.Fold(w.leaders)
	}
	if len(w.groups) == 1 && first.Generation > 1 { // it was formed anew
		line += fmt.Sprintf("  generation %d", first.Generation)
	}
	return line
}

// below lists the nodes that are down, by state.
func (w *twig) below() (lines []string) {
	for s := range view.States {
		var names []string
		for _, m := range w.down {
			if m.State == s {
				names = append(names, m.Name)
			}
		}
		if len(names) > 0 {
			lines = append(lines, fmt.Sprintf("%s  %d  %s", s, len(names), hostlist.Fold(names)))
		}
	}
	return lines
}

// branches draws the groups below the cluster's line. Of those that are degraded each has a line;
// those that are full, lost or unknown are folded into one for each state, at its first group's place, unless
// all are asked for.
func branches(t *publish.TreeDocument, onlyDown, all bool) []string {
	var twigs []*twig
	folded := map[publish.BranchState]*twig{}
	for i := range t.Groups {
		b := &t.Groups[i]
		if b.State == publish.Full && onlyDown {
			continue
		}
		w := folded[b.State]
		if w == nil || all || b.State == publish.Degraded {
			w = new(twig)
			twigs, folded[b.State] = append(twigs, w), w
		}
		w.add(b)
	}
	return draw(twigs)
}

func draw(twigs []*twig) []string {
	var lines []string
	for i, w := range twigs {
		branch, trunk := "├─ ", "│  "
		if i == len(twigs)-1 {
			branch, trunk = "└─ ", "   "
		}
		lines = append(lines, branch+w.line())
		down := w.below()
		for j, line := range down {
			leaf := "├─ "
			if j == len(down)-1 {
				leaf = "└─ "
			}
			lines = append(lines, trunk+leaf+line)
		}
	}
	return lines
}
