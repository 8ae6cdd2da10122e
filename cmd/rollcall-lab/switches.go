package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall-lab/cluster"
)

func switchesCommand() *cobra.Command {
	var lab string
	var span time.Duration
	c := &cobra.Command{
		Use:   "switches",
		Short: "Print the context switches of every daemon, per second",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if span < time.Second {
				return fmt.Errorf("--span %v: at least 1s", span)
			}
			k, err := cluster.Find(lab)
			if err != nil {
				return err
			}
			defer k.Close()
			return switches(c.Context(), c.OutOrStdout(), k, span)
		},
	}
	nameFlag(c.Flags(), &lab, "lab")
	c.Flags().DurationVar(&span, "span", 10*time.Second, "how long to count")
	return c
}

// switches counts over the span, and prints those first that lead, the root before the leaders of groups.
func switches(ctx context.Context, out io.Writer, c *cluster.Cluster, span time.Duration) error {
	list, err := status(ctx, c)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(s nodeStatus) bool { return s.PID == 0 })
	before := make([]uint64, len(list))
	for i := range list {
		if before[i], err = contextSwitches(list[i].PID); err != nil {
			return err
		}
	}
	began := time.Now()
	select {
	case <-time.After(span):
	case <-ctx.Done():
		return ctx.Err()
	}
	seconds := time.Since(began).Seconds()
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "NODE\tROLE\tLEVELS\tSWITCHES/S\t")
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return -slices.Compare(list[i].Leads, list[j].Leads) })
	for _, i := range order {
		after, err := contextSwitches(list[i].PID)
		if err != nil {
			return err
		}
		levels := "-"
		if len(list[i].Leads) > 0 {
			levels = strings.Trim(fmt.Sprint(list[i].Leads), "[]")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\t\n", list[i].Name, list[i].Role, levels, float64(int64(after-before[i]))/seconds)
	}
	return w.Flush()
}

// contextSwitches sums up those of all threads of a process. A thread that ends takes its
// own along.
func contextSwitches(pid int) (uint64, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("count context switches: process %d has ended", pid)
	}
	sum := uint64(0)
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		for line := range bytes.Lines(b) {
			name, value, _ := bytes.Cut(line, []byte(":"))
			if bytes.HasSuffix(name, []byte("voluntary_ctxt_switches")) {
				n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 64)
				if err != nil {
					return 0, fmt.Errorf("count context switches: %w", err)
				}
				sum += n
			}
		}
	}
	return sum, nil
}
