package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// exactly wants n arguments.
func exactly(n int) cobra.PositionalArgs { return arguments(n, n) }

// atMost wants n arguments or fewer.
func atMost(n int) cobra.PositionalArgs { return arguments(0, n) }

// arguments wants lo to hi of them, and tells the usage where there are more or fewer.
func arguments(lo, hi int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= lo && len(args) <= hi {
			return nil
		}
		if c.HasSubCommands() {
			return fmt.Errorf("unknown command %q: %s%s --help lists them", args[0], meant(c, args[0]), c.CommandPath())
		}
		return fmt.Errorf("wrong number of arguments (%d); usage: %s", len(args), c.UseLine())
	}
}

// meant asks for the command that a misspelt word may stand for.
func meant(c *cobra.Command, word string) string {
	c.SuggestionsMinimumDistance = 2
	if like := c.SuggestionsFor(word); len(like) > 0 {
		return fmt.Sprintf("did you mean %s? ", like[0])
	}
	return ""
}
