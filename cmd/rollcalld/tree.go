package main

import (
	"cmp"
	"context"
	"slices"

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
