package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/view"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

func (a *app) waitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "wait NODESET STATE",
		Short: "Wait until nodes are in a state",
		Long: `Wait until every node of the set is in the state, by a view that is valid. With --timeout,
exit code 4 when that did not happen in time; which nodes are missing is said on standard error.`,
		Example:           "  rollcall wait cn[001-064] alive -t 30s\n  rollcall wait cn007 gone -t 5s && echo cn007 is out",
		Args:              exactly(2),
		ValidArgsFunction: inTurn(a.offerNodes(), oneOf(stateNames()...)),
		RunE: func(c *cobra.Command, args []string) error {
			nodes, err := hostlist.Expand(args[0])
			if err != nil {
				return fmt.Errorf("nodes %q: %w", args[0], err)
			}
			if len(nodes) == 0 {
				return fmt.Errorf("nodes %q: an empty set; name at least one node", args[0])
			}
			state, err := parseState(args[1])
			if err != nil {
				return err
			}
			return a.wait(c.Context(), nodes, state)
		},
	}
}

func (a *app) wait(ctx context.Context, nodes []string, want view.State) error {
	ctx, cancel := a.late(ctx)
	defer cancel()
	var last *publish.Document
	for d, err := range a.views(ctx) {
		if errors.Is(err, publish.ErrTimeout) && last != nil {
			return fmt.Errorf("wait for %s: %w after %v: %s", want, publish.ErrTimeout, a.timeout, missing(last, nodes, want))
		}
		if err != nil {
			return err
		}
		if last = d; missing(d, nodes, want) == "" {
			return nil
		}
	}
	return nil
}

// missing says which of the nodes are not in the state, and in which they are instead; it is
// empty when there is nothing left to wait for.
func missing(d *publish.Document, nodes []string, want view.State) string {
	states := make(map[string]view.State, len(d.Members))
	for _, m := range d.Members {
		states[m.Name] = m.State
	}
	instead := make(map[view.State][]string)
	for _, n := range nodes {
		if s := states[n]; s != want { // a name that nobody knows is unknown
			instead[s] = append(instead[s], n)
		}
	}
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(instead)) {
		parts = append(parts, hostlist.Fold(instead[s])+" "+s.String())
	}
	if !d.Valid {
		parts = append(parts, "the view is not valid")
	}
	return strings.Join(parts, ", ")
}
