package main

import (
	"context"
	"fmt"
	"slices"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/view"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

// awaited says what the cluster lacks where this node itself waits for nothing: first the groups that
// are not in the view, except those that are dead; then, if this node has a place above its group,
// the groups without a seat.
func (s *source) awaited(ctx context.Context, seen *snapshot, in *installed) string {
	var absent, unseated []*config.Group
	seated := map[string]bool{}
	free := 0
	if at := seen.above(); at != nil {
		free = control.SeatsWanted
		for _, seat := range seatsOf(at.Roster, at.Members) {
			if seat.Slot >= control.FirstSeat {
				seated[seat.Name] = true
				free--
			}
		}
	}
	dead := in.dead(formAnew(&seen.register))
	for i := range s.cfg.Groups {
		g := &s.cfg.Groups[i]
		switch held := in.view.Group(g.ID); {
		case held == nil && dead[g.ID]:
		case held == nil:
			absent = append(absent, g)
		case free > 0 && !hasSeat(held, seated):
			unseated = append(unseated, g)
		}
	}
	if len(absent) > 0 {
		lost := s.structure(ctx).Lost
		absent = slices.DeleteFunc(absent, func(g *config.Group) bool { return slices.Contains(lost, g.ID) })
	}
	switch {
	case len(absent) > 0:
		return fmt.Sprintf("%d of %d groups: %s", len(absent), len(s.cfg.Groups), labels(absent))
	case len(unseated) > 0:
		return fmt.Sprintf("seats for %d of %d groups: %s", len(unseated), len(s.cfg.Groups), labels(unseated))
	}
	return ""
}

func labels(groups []*config.Group) string {
	var l []string
	for _, g := range groups {
		l = append(l, publish.GroupLabel(g.Name, g.ID))
	}
	return hostlist.Fold(l)
}

func hasSeat(g *view.Group, seated map[string]bool) bool {
	for i := range g.Members {
		if seated[g.Members[i].Name] {
			return true
		}
	}
	return false
}
