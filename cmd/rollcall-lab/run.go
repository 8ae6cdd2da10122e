package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/view/publish"
)

// runWithin bounds the whole demonstration.
const runWithin = 55 * time.Second

func runCommand() *cobra.Command {
	o := cluster.Options{Tied: true}
	c := &cobra.Command{
		Use:   "run",
		Short: "Show a cluster lose a node and its leader, and get them back",
		Long: `Show a cluster lose a node and its leader, and get them back; with --groups, a member, the leader
of a group, the leader of the cluster and a whole group, one after the other.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Groups > 1 {
				return runGroups(c.Context(), c.OutOrStdout(), o)
			}
			ctx, cancel := context.WithTimeoutCause(c.Context(), runWithin, fmt.Errorf("not within %v", runWithin))
			defer cancel()
			return run(ctx, c.OutOrStdout(), o)
		},
	}
	optionFlags(c.Flags(), &o)
	nameFlag(c.Flags(), &o.Lab, "run")
	return c
}

// demonstrate makes a cluster, shows it, tells a story of it and takes it down again.
func demonstrate(ctx context.Context, out io.Writer, o cluster.Options, tell func(*story) error) (err error) {
	began := time.Now()
	c, d, err := stand(ctx, out, o)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, c.Down())
		if err == nil {
			fmt.Fprintf(out, "\nAll is gone again; it took %v.\n", time.Since(began).Round(time.Millisecond))
		}
	}()
	if err := show(out, d); err != nil {
		return err
	}
	w, err := c.Watch(c.Names()...)
	if err != nil {
		return err
	}
	defer w.Stop()
	return tell(&story{cluster: c, watch: w, out: out, first: d, alive: c.Names()})
}

// run is the demonstration with one group; its error says what did not happen.
func run(ctx context.Context, out io.Writer, o cluster.Options) error {
	if o.Nodes < 4 {
		return fmt.Errorf("--nodes %d: at least 4, two of which crash", o.Nodes)
	}
	return demonstrate(ctx, out, o, func(s *story) error {
		leader, member := s.first.Leader, s.alive[len(s.alive)-1]
		if member == leader {
			member = s.alive[len(s.alive)-2]
		}
		if err := s.lose(ctx, member, leader, 1); err != nil {
			return fmt.Errorf("crash of member %s: %w", member, err)
		}
		if err := s.lose(ctx, leader, leader, 2); err != nil {
			return fmt.Errorf("crash of leader %s: %w", leader, err)
		}
		if err := s.rejoin(ctx, member, leader); err != nil {
			return fmt.Errorf("boot of %s and %s: %w", member, leader, err)
		}
		return nil
	})
}

// story is a demonstration under way.
type story struct {
	cluster *cluster.Cluster
	watch   *cluster.Watch
	out     io.Writer
	first   *publish.Document // before anything happened
	alive   []string
}

// lose crashes a node and shows how the others remove it, in the given number of rounds.
func (s *story) lose(ctx context.Context, victim, leader string, rounds int) error {
	frames, err := s.cluster.Record()
	if err != nil {
		return err
	}
	survivors := slices.DeleteFunc(slices.Clone(s.alive), func(n string) bool { return n == victim })
	fault, err := s.cluster.Crash(victim)
	if err != nil {
		return errors.Join(err, frames.Stop())
	}
	r, err := s.watch.Removed(ctx, fault, []string{victim}, survivors)
	if err = errors.Join(err, frames.Stop()); err != nil {
		return err
	}
	if err := s.cluster.Clear(victim); err != nil {
		return err
	}
	s.alive = survivors
	x := frames.Exchange(r.Record.Ballot, r.Record.To)
	role := "a member"
	if victim == leader {
		role = "the leader"
	}
	fmt.Fprintf(s.out, "\nCrash of %s, %s:\n\n", victim, role)
	if err := timeline(s.out, r, x); err != nil {
		return err
	}
	switch {
	case !slices.Equal(r.Record.Removed, []string{victim}):
		return fmt.Errorf("removed %s, and not just %s", strings.Join(r.Record.Removed, ","), victim)
	case r.Record.RoundsUsed != rounds:
		return fmt.Errorf("took %d rounds, not %d", r.Record.RoundsUsed, rounds)
	case x.Rounds != rounds:
		return fmt.Errorf("frames of %d rounds crossed the bridge, not of %d", x.Rounds, rounds)
	}
	_, err = s.watch.Agreed(ctx, s.alive...)
	return err
}

// rejoin boots crashed nodes and shows the view with them.
func (s *story) rejoin(ctx context.Context, names ...string) error {
	began := time.Now()
	if err := s.cluster.Boot(names...); err != nil {
		return err
	}
	s.alive = append(s.alive, names...)
	d, err := s.watch.Settled(ctx, s.alive...)
	if err != nil {
		return err
	}
	for _, m := range d.Members {
		if slices.Contains(names, m.Name) && m.Incarnation == incarnation(s.first, m.Name) {
			return fmt.Errorf("%s has its old incarnation %s", m.Name, m.Incarnation)
		}
	}
	fmt.Fprintf(s.out, "\n%s are back, with new incarnations, after %v:\n\n",
		strings.Join(names, " and "), time.Since(began).Round(time.Millisecond))
	return show(s.out, d)
}

// incarnation finds that of a node in a view.
func incarnation(d *publish.Document, name string) string {
	for _, m := range d.Members {
		if m.Name == name {
			return m.Incarnation
		}
	}
	return ""
}

// show prints a view as `rollcall view` does.
func show(out io.Writer, d *publish.Document) error { return publish.Table(out, d) }
