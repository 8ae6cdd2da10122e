package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// The formats of output.
const (
	outputTable   = "table"
	outputWide    = "wide"
	outputJSON    = "json"
	outputNodeset = "nodeset"
)

var outputs = []string{outputTable, outputWide, outputJSON, outputNodeset}

// check judges the shared flags before any command runs.
func (a *app) check() error {
	if !slices.Contains(outputs, a.output) {
		return fmt.Errorf("output format %q: give one of %s", a.output, strings.Join(outputs, ", "))
	}
	if a.timeout < 0 {
		return fmt.Errorf("timeout %v: give a positive time such as 30s", a.timeout)
	}
	return nil
}

// noNodeset refuses -o nodeset where there are no nodes to list.
func (a *app) noNodeset(c *cobra.Command) error {
	if a.output == outputNodeset {
		return fmt.Errorf("%s lists no nodes: give -o table, wide or json", c.Name())
	}
	return nil
}

// json writes a document on one line, as the API sends it.
func (a *app) json(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write json: %w", err)
	}
	_, err = a.stdout.Write(append(b, '\n'))
	return err
}

// pairs writes "key  value" lines; those with an empty value are left out.
func (a *app) pairs(lines [][2]string) error {
	var rows [][]string
	for _, l := range lines {
		if l[1] != "" {
			rows = append(rows, l[:])
		}
	}
	return a.rows(nil, rows)
}

// rows writes aligned columns under a header.
func (a *app) rows(header []string, rows [][]string) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	if header != nil && !a.noHeader {
		fmt.Fprintln(w, strings.Join(header, "\t"))
	}
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	w.Flush()
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(a.stdout, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// refresh is how often --watch looks again at what changes without telling.
const refresh = time.Second

// again runs show once, or with --watch until the context ends.
func (a *app) again(ctx context.Context, watch bool, show func(context.Context) error) error {
	if !watch {
		ctx, cancel := a.soon(ctx)
		defer cancel()
		return show(ctx)
	}
	ctx, cancel := a.late(ctx)
	defer cancel()
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for {
		if err := show(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if a.output != outputJSON {
			fmt.Fprintln(a.stdout)
		}
	}
}

func watchFlag(c *cobra.Command, watch *bool, how string) {
	c.Flags().BoolVar(watch, "watch", false, how)
}
