package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

// groupsWithin bounds each fault of the demonstration, and the return of who crashed.
const groupsWithin = 60 * time.Second

// runGroups is the demonstration with several groups: a member, a group's leader, the leader of
// the cluster and a whole group crash in turn, and come back. Its error says what did not happen.
func runGroups(ctx context.Context, out io.Writer, o cluster.Options) error {
	if o.Groups < 3 || o.PerGroup < 3 {
		return fmt.Errorf("--groups %d --per-group %d: at least 3 of 3, so that more than half of all that vote stay whoever crashes", o.Groups, o.PerGroup)
	}
	return demonstrate(ctx, out, o, func(s *story) error {
		for _, f := range []fault{
			{"a member", 1, 1, s.member},
			{"a group's leader", 2, 1, s.groupLeader},
			{"the leader of the cluster", 2, 2, s.root},
			{"a whole group", 0, 1, s.group},
		} {
			if err := s.suffer(ctx, f); err != nil {
				return fmt.Errorf("crash of %s: %w", f.what, err)
			}
		}
		return nil
	})
}

// fault is a crash of some nodes of a cluster of groups.
type fault struct {
	what          string
	inGroup, atop int // in how many rounds it is to be decided, in the group and at the top
	victims       func(context.Context) ([]string, error)
}

// suffer crashes nodes, shows how the others remove them, and brings them back.
func (s *story) suffer(ctx context.Context, f fault) error {
	ctx, cancel := context.WithTimeoutCause(ctx, groupsWithin, fmt.Errorf("not within %v", groupsWithin))
	defer cancel()
	if err := s.cluster.Seated(ctx); err != nil {
		return err
	}
	victims, err := f.victims(ctx)
	if err != nil {
		return err
	}
	survivors := slices.DeleteFunc(slices.Clone(s.alive), func(n string) bool { return slices.Contains(victims, n) })
	before, err := s.watch.Agreed(ctx, s.alive...)
	if err != nil {
		return err
	}
	at, err := s.cluster.Crash(victims...)
	if err != nil {
		return err
	}
	r, err := s.watch.Removed(ctx, at, victims, survivors)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\nCrash of %s, %s:\n\n", hostlist.Fold(victims), f.what)
	if err := groupsTimeline(s.out, r); err != nil {
		return err
	}
	if _, err := s.watch.Agreed(ctx, survivors...); err != nil {
		return err
	}
	gone := slices.Sorted(slices.Values(r.Epoch.Removed))
	switch {
	case !slices.Equal(gone, victims):
		return fmt.Errorf("removed %s, and not just %s", hostlist.Fold(gone), hostlist.Fold(victims))
	case f.inGroup > 0 && r.Record.RoundsUsed != f.inGroup:
		return fmt.Errorf("took %d rounds in the group, not %d", r.Record.RoundsUsed, f.inGroup)
	case r.Epoch.RoundsUsed > f.atop:
		return fmt.Errorf("took %d rounds at the top, not %d", r.Epoch.RoundsUsed, f.atop)
	}
	return s.comeBack(ctx, before, victims)
}

// comeBack boots crashed nodes and waits until all agree again.
func (s *story) comeBack(ctx context.Context, before *publish.Document, names []string) error {
	began := time.Now()
	if err := s.cluster.Clear(names...); err != nil {
		return err
	}
	if err := s.cluster.Boot(names...); err != nil {
		return err
	}
	d, err := s.watch.Settled(ctx, s.alive...)
	if err != nil {
		return err
	}
	for _, name := range names {
		if incarnation(d, name) == incarnation(before, name) {
			return fmt.Errorf("%s has its old incarnation", name)
		}
	}
	_, err = fmt.Fprintf(s.out, "  back in epoch %d, with new incarnations, after %v\n", d.Epoch, time.Since(began).Round(time.Millisecond))
	return err
}

// root is the leader of the cluster.
func (s *story) root(ctx context.Context) ([]string, error) {
	d, err := s.watch.Agreed(ctx, s.alive...)
	if err != nil {
		return nil, err
	}
	return []string{d.Leader}, nil
}

// elsewhere gives the names of a group that the cluster's leader is not in, and its leader.
func (s *story) elsewhere(ctx context.Context) (names []string, leader string, err error) {
	root, err := s.root(ctx)
	if err != nil {
		return nil, "", err
	}
	groups := s.cluster.Groups()
	names = groups[len(groups)-1]
	if slices.Contains(names, root[0]) {
		names = groups[len(groups)-2]
	}
	n, err := s.cluster.Node(names[0])
	if err != nil {
		return nil, "", err
	}
	d, err := n.Client().Status(ctx)
	if err != nil {
		return nil, "", err
	}
	return names, d.Leader, nil
}

func (s *story) member(ctx context.Context) ([]string, error) {
	names, leader, err := s.elsewhere(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(names, func(n string) bool { return n != leader })
	return names[i : i+1], nil
}

func (s *story) groupLeader(ctx context.Context) ([]string, error) {
	_, leader, err := s.elsewhere(ctx)
	return []string{leader}, err
}

func (s *story) group(ctx context.Context) ([]string, error) {
	names, _, err := s.elsewhere(ctx)
	return names, err
}
