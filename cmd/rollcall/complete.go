package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/view"
	"rollcall/view/publish"
)

// completeTime is how long the daemon may take to answer who presses tab.
const completeTime = 500 * time.Millisecond

// candidatesMax bounds the words that are offered; shells take seconds over more.
const candidatesMax = 1000

// completer offers the words that an argument or flag may be.
type completer = cobra.CompletionFunc

// oneOf offers a word of a list.
func oneOf(words ...string) completer {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// someOf offers further words of a list, separated by commas.
func someOf(words ...string) completer {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return further(typed, words), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// further is what was typed up to the last comma, with each of the words that may come next.
func further(typed string, words []string) (list []cobra.Completion) {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	had := strings.Split(before, ",")
	for _, w := range starting(typed[len(before):], words) {
		if !slices.Contains(had, w) {
			list = append(list, before+w)
		}
	}
	return list
}

// starting are the words that start with what was typed; none where there are too many.
func starting(typed string, words []string) (list []cobra.Completion) {
	for _, w := range words {
		if strings.HasPrefix(w, typed) {
			list = append(list, w)
		}
	}
	if len(list) > candidatesMax {
		return nil
	}
	return list
}

// inTurn offers for each argument what its completer does, and nothing after the last.
func inTurn(each ...completer) completer {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return each[len(args)](c, args, typed)
	}
}

// files leaves it to the shell to offer files.
func files(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// offerNode offers the nodes that the daemon knows.
func (a *app) offerNode(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return starting(typed, a.nodes(c)), cobra.ShellCompDirectiveNoFileComp
}

// offerNodes offers a node, or further ones; of those in some states alone where states are given.
func (a *app) offerNodes(in ...view.State) completer {
	return func(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return further(typed, a.nodes(c, in...)), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// nodes are those that the daemon knows. One that cannot be reached offers none.
func (a *app) nodes(c *cobra.Command, in ...view.State) (names []string) {
	ctx, cancel := context.WithTimeout(c.Context(), completeTime)
	defer cancel()
	d, err := a.client().View(ctx)
	if err != nil {
		return nil
	}
	for _, m := range d.Members {
		if in == nil || slices.Contains(in, m.State) {
			names = append(names, m.Name)
		}
	}
	return names
}

// offerGroup offers the groups of the cluster.
func (a *app) offerGroup(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(c.Context(), completeTime)
	defer cancel()
	var names []string
	if d, err := a.client().Tree(ctx); err == nil {
		for _, g := range d.Groups {
			names = append(names, publish.GroupLabel(g.Name, g.Group))
		}
	}
	return starting(typed, names), cobra.ShellCompDirectiveNoFileComp
}

// completes has a flag's value completed.
func completes(c *cobra.Command, flag string, by completer) {
	if err := c.RegisterFlagCompletionFunc(flag, by); err != nil {
		panic(err) // no such flag
	}
}
