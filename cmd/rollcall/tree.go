package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
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
		Long: `Show how much of each group of the inventory is there. Groups that are full are folded into one
line, the nodes that are down are listed below theirs; -o wide gives every group a line.

States: full, degraded (some nodes are down), lost (all are), unknown (this node's view is not
valid). The exit code is 2 when the view is not valid.`,
		Example: "  rollcall tree\n  rollcall tree --down\n  rollcall tree --summary --watch",
		Args:    cobra.NoArgs,
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
	return fmt.Sprintf("%s: %s  %d/%d nodes  epoch %d  leader %s", t.Cluster, t.State, t.Here, t.Nodes, t.Epoch, dash(t.Leader))
}

// twig is a line of the tree and those below it.
type twig struct {
	line  string
	below []string
}

// branches draws the groups below the cluster's line.
func branches(t *publish.TreeDocument, onlyDown, all bool) []string {
	var twigs []twig
	var full []string
	fullAt, here := 0, 0
	for i := range t.Groups {
		b := &t.Groups[i]
		if b.State == publish.Full && !all {
			if len(full) == 0 {
				fullAt = len(twigs)
				if !onlyDown {
					twigs = append(twigs, twig{})
				}
			}
			full, here = append(full, label(b)), here+b.Here
			continue
		}
		w := twig{line: fmt.Sprintf("%s: %s  %d/%d", label(b), b.State, b.Here, b.Nodes)}
		if b.Generation > 0 {
			w.line += fmt.Sprintf("  generation %d", b.Generation)
		}
		for s := range view.States {
			var names []string
			for _, m := range b.Down {
				if m.State == s {
					names = append(names, m.Name)
				}
			}
			if len(names) > 0 {
				w.below = append(w.below, fmt.Sprintf("%s  %d  %s", s, len(names), hostlist.Fold(names)))
			}
		}
		twigs = append(twigs, w)
	}
	if len(full) > 0 && !onlyDown {
		twigs[fullAt] = twig{line: fmt.Sprintf("%s: full  %d/%d", hostlist.Fold(full), here, here)}
	}
	return draw(twigs)
}

// label is a group's name, or its number as the configuration has it.
func label(b *publish.TreeBranch) string {
	if b.Name != "" {
		return b.Name
	}
	return "group" + strconv.Itoa(int(b.Group))
}

func draw(twigs []twig) []string {
	var lines []string
	for i, w := range twigs {
		branch, trunk := "├─ ", "│  "
		if i == len(twigs)-1 {
			branch, trunk = "└─ ", "   "
		}
		lines = append(lines, branch+w.line)
		for j, below := range w.below {
			leaf := "├─ "
			if j == len(w.below)-1 {
				leaf = "└─ "
			}
			lines = append(lines, trunk+leaf+below)
		}
	}
	return slices.Clip(lines)
}
