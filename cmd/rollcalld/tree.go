package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/view"
	"rollcall/view/publish"
)

// Tree implements publish.Source.
func (s *source) Tree(ctx context.Context) publish.TreeDocument {
	d := s.View()
	var led publish.Structure
	if d.Valid {
		led = s.structure(ctx)
	}
	in := s.installed.Load()
	groups := make([]publish.TreeBranch, 0, len(s.cfg.Groups))
	for i := range s.cfg.Groups {
		g := &s.cfg.Groups[i]
		b := publish.TreeBranch{Group: g.ID, Name: g.Name, Down: []publish.Member{}}
		if in != nil {
			if held := in.view.Group(g.ID); held != nil {
				b.Generation, b.Seq = held.Generation, held.Seq
			}
		}
		groups = append(groups, b)
	}
	slices.SortFunc(groups, func(a, b publish.TreeBranch) int { return cmp.Compare(a.Group, b.Group) })
	return publish.NewTree(&d, groups, led)
}

// Group implements publish.Source.
func (s *source) Group(ctx context.Context, which string) (publish.GroupDocument, error) {
	g, err := s.find(which)
	if err != nil {
		return publish.GroupDocument{}, err
	}
	if g.ID == s.cfg.Own().ID {
		return s.ownGroup(), nil
	}
	d, err := s.otherGroup(g)
	if err == nil && d.Committed != 0 {
		d.Leader = s.structure(ctx).Leaders[g.ID]
	}
	return d, err
}

func (s *source) find(which string) (*config.Group, error) {
	if which == "" {
		return s.cfg.Own(), nil
	}
	for i := range s.cfg.Groups {
		if g := &s.cfg.Groups[i]; publish.GroupLabel(g.Name, g.ID) == which || strconv.Itoa(int(g.ID)) == which {
			return g, nil
		}
	}
	return nil, fmt.Errorf("no group %q: rollcall tree -o wide lists them", which)
}

// otherGroup is what the cluster view says of a group.
func (s *source) otherGroup(g *config.Group) (publish.GroupDocument, error) {
	in := s.installed.Load()
	if in == nil {
		return publish.GroupDocument{}, errNoView
	}
	d := publish.GroupDocument{
		Schema: publish.Schema, Cluster: s.cfg.Cluster, Instance: in.view.Instance, Group: g.ID, Name: g.Name, Role: publish.RoleOther,
		Roster: publish.Hex(0), Members: []publish.GroupEntry{},
	}
	held := in.view.Group(g.ID)
	if held == nil {
		return d, nil
	}
	valid, _ := s.lease(in.view)
	state := view.Unknown
	if valid {
		state = view.Alive
	}
	var members control.Bitmap
	for _, m := range held.Members {
		members.Set(m.Slot)
		d.Members = append(d.Members, publish.GroupEntry{
			Name: m.Name, Slot: m.Slot, State: state, Incarnation: publish.Hex(m.Incarnation), Addresses: []string{}, EchoAgeMS: -1, AgentAgeMS: -1,
		})
	}
	d.Ballot, d.Accepted, d.Committed, d.Quorum = fmt.Sprintf("%d.-.-", held.Generation), held.Seq, held.Seq, quorum(members)
	return d, nil
}

// Diff implements publish.Source.
func (s *source) Diff(from, to uint64) (publish.DiffDocument, error) {
	a, b := s.epochs.find(from), s.epochs.find(to)
	if a == nil || b == nil {
		missing := from
		if a != nil {
			missing = to
		}
		first, last := s.epochs.span()
		if last == 0 {
			return publish.DiffDocument{}, errNoView
		}
		return publish.DiffDocument{}, fmt.Errorf("this node does not hold epoch %d: it has some of %d to %d", missing, first, last)
	}
	return publish.NewDiff(a, b), nil
}
