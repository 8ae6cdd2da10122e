package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

// The sources of a view.
const (
	sourceDaemon = "daemon"
	sourceKernel = "kernel"
)

func (a *app) viewCommand() *cobra.Command {
	var (
		of     selection
		pins   pins
		source string
		watch  bool
	)
	c := &cobra.Command{
		Use:   "view",
		Short: "Show who is in the cluster",
		Long: `Show the current view: one line for each state with the nodes in it, or with -o wide one
line for each node. The exit code is 2 when the view is not valid: none was installed yet, or
this node's lease has ended, and others may go on without it.

With --source kernel the view is read from the pinned maps, also while the daemon is dead.
-o nodeset lists the nodes in the view, or all those in the states of -s.`,
		Example: `  rollcall view
  rollcall view -o wide -s stale,suspect
  rollcall view -o json -w cn[001-064]
  pdsh -w $(rollcall view -o nodeset -s alive) uptime
  rollcall view --source kernel --pin-dir /sys/fs/bpf/rollcall`,
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := of.read(); err != nil {
				return err
			}
			switch {
			case source == sourceKernel && watch:
				return fmt.Errorf("the kernel's maps do not tell of changes: leave out --watch or --source kernel")
			case source == sourceKernel:
				return a.kernelView(&pins, &of)
			case source != sourceDaemon:
				return fmt.Errorf("source %q: give %s or %s", source, sourceDaemon, sourceKernel)
			case watch:
				return a.watch(c.Context(), &of)
			}
			ctx, cancel := a.soon(c.Context())
			defer cancel()
			d, err := a.client().View(ctx)
			if err != nil {
				return err
			}
			return a.showView(d, &of)
		},
	}
	of.flags(a, c)
	pins.flags(c)
	c.Flags().StringVar(&source, "source", sourceDaemon, "`where` to read: "+sourceDaemon+" or "+sourceKernel)
	completes(c, "source", oneOf(sourceDaemon, sourceKernel))
	watchFlag(c, &watch, "show it again whenever it changes")
	return c
}

func (a *app) watchCommand() *cobra.Command {
	var of selection
	c := &cobra.Command{
		Use:   "watch",
		Short: "Show the view, and again whenever it changes",
		Long: `Show the current view, then the new one whenever something changed, until interrupted. With
-o json each is one line. What changes faster than it is read is left out but the newest.`,
		Example: "  rollcall watch\n  rollcall watch -o json | jq --unbuffered -c '[.epoch, .counts.alive]'",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := of.read(); err != nil {
				return err
			}
			return a.watch(c.Context(), &of)
		},
	}
	of.flags(a, c)
	return c
}

// watch shows views as they come. One that is not valid is no reason to stop.
func (a *app) watch(ctx context.Context, of *selection) error {
	ctx, cancel := a.late(ctx)
	defer cancel()
	first := true
	for d, err := range a.views(ctx) {
		if err != nil {
			return err
		}
		if !first && a.output != outputJSON && a.output != outputNodeset {
			fmt.Fprintln(a.stdout)
		}
		first = false
		if err := a.printView(d, of); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) views(ctx context.Context) iter.Seq2[*publish.Document, error] {
	return a.client().Watch(ctx)
}

// showView prints a view and says by its error when it cannot be trusted.
func (a *app) showView(d *publish.Document, of *selection) error {
	if err := a.printView(d, of); err != nil {
		return err
	}
	switch {
	case d.Instance == 0:
		return fmt.Errorf("%w: none was installed yet; rollcall status says what this node waits for", errNoView)
	case !d.Valid:
		return fmt.Errorf("%w: this node's lease has ended, and others may have gone on without it", errNoView)
	}
	return nil
}

func (a *app) printView(d *publish.Document, of *selection) error {
	switch a.output {
	case outputNodeset:
		_, err := fmt.Fprintln(a.stdout, hostlist.Fold(of.names(d)))
		return err
	case outputJSON:
		return a.json(of.of(*d))
	}
	shown := of.of(*d)
	return publish.Text{Wide: a.output == outputWide, NoHeader: a.noHeader}.Write(a.stdout, &shown)
}
