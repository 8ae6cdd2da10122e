package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/flood"
)

func floodCommand() *cobra.Command {
	var lab, from, output string
	during := 10 * time.Second
	c := &cobra.Command{
		Use:   "flood NODE KIND",
		Short: "Send a node frames that it must not serve, as many as one CPU can",
		Long: `Send NODE frames that it must not serve, as many as one CPU can, and print what the node
counted meanwhile, its regular frames as well. KIND is garbage (random bytes), forged (frames
of the cluster signed with another key), foreign (frames of another cluster that has the same
key) or replayed (frames that crossed the bridge before).`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return fmt.Errorf("--output %q: table or json", output)
			}
			k, err := cluster.Find(lab)
			if err != nil {
				return err
			}
			defer k.Close()
			if from == "" {
				names := slices.DeleteFunc(slices.Clone(k.Names()), func(n string) bool { return n == args[0] })
				if len(names) == 0 {
					return fmt.Errorf("lab %s has no other node to flood %s from", lab, args[0])
				}
				from = names[len(names)-1]
			}
			r, err := flood.Send(c.Context(), k, args[1], from, args[0], during)
			if err != nil {
				return err
			}
			if output == "json" {
				return json.NewEncoder(c.OutOrStdout()).Encode(r)
			}
			return flooded(c.OutOrStdout(), args[0], r)
		},
	}
	nameFlag(c.Flags(), &lab, "lab")
	c.Flags().DurationVar(&during, "for", during, "how long")
	c.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	c.Flags().StringVar(&from, "from", "", "the node that sends (default: the last other one)")
	return c
}

func flooded(out io.Writer, target string, r *flood.Result) error {
	fmt.Fprintf(out, "sent %d frames, %d different ones, in %v, %.0f a second; %s counted\n\n", r.Sent, r.Packets, r.Took.Round(time.Millisecond), float64(r.Sent)/r.Took.Seconds(), target)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "REASON\tFRAMES")
	for _, reason := range slices.Sorted(maps.Keys(r.Counted)) {
		fmt.Fprintf(w, "%s\t%d\n", strings.ReplaceAll(reason, "_", " "), r.Counted[reason])
	}
	return w.Flush()
}
