package main

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
)

func (a *app) statsCommand() *cobra.Command {
	watch := false
	c := &cobra.Command{
		Use:   "stats",
		Short: "Show the counters of this node",
		Long: `Show what this node and its daemon have done. Frames are counted by what became of them,
and the count outlives the daemon; those that never happened are shown with -o wide.`,
		Example: "  rollcall stats\n  rollcall stats -o json | jq .frames.bad_tag",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.noNodeset(c); err != nil {
				return err
			}
			return a.again(c.Context(), watch, a.stats)
		},
	}
	watchFlag(c, &watch, "show them again every second")
	return c
}

func (a *app) stats(ctx context.Context) error {
	s, err := a.client().Stats(ctx)
	if err != nil {
		return err
	}
	if a.output == outputJSON {
		return a.json(s)
	}
	var rows [][]string
	add := func(name string, n uint64) {
		if n != 0 || a.output == outputWide {
			rows = append(rows, []string{name, strconv.FormatUint(n, 10)})
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Frames)) {
		add("frames."+reason, s.Frames[reason])
	}
	add("sent", s.Sent)
	add("messages", s.Letters)
	add("calls_taken", s.Taken)
	add("calls_refused", s.Denied)
	add("calls_failed", s.Failed)
	add("views", s.Views)
	add("wakes", s.Wakes)
	add("steps", s.Steps)
	add("context_switches_voluntary", s.Voluntary)
	add("context_switches_involuntary", s.Involuntary)
	add("cpu_user_us", uint64(s.UserUS))
	add("cpu_system_us", uint64(s.SystemUS))
	return a.rows([]string{"COUNTER", "VALUE"}, rows)
}
