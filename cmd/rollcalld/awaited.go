package main

import (
	"fmt"
	"strconv"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/view"
	"rollcall/view/hostlist"
)

// awaited says what the cluster lacks where this node itself waits for nothing: groups that are not in the view
// but for those taken for dead, then, as far as this node has a place above its group to know it, seats.
func (s *source) awaited(seen *snapshot, in *installed) string {
	var absent, unseated []string
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
			absent = append(absent, label(g))
		case free > 0 && !hasSeat(held, seated):
			unseated = append(unseated, label(g))
		}
	}
	switch {
	case len(absent) > 0:
		return fmt.Sprintf("%d of %d groups: %s", len(absent), len(s.cfg.Groups), hostlist.Fold(absent))
	case len(unseated) > 0:
		return fmt.Sprintf("seats for %d of %d groups: %s", len(unseated), len(s.cfg.Groups), hostlist.Fold(unseated))
	}
	return ""
}

func hasSeat(g *view.Group, seated map[string]bool) bool {
	for i := range g.Members {
		if seated[g.Members[i].Name] {
			return true
		}
	}
	return false
}

// label is a group's name, or its number as rollcall tree has it.
func label(g *config.Group) string {
	if g.Name != "" {
		return g.Name
	}
	return "group" + strconv.Itoa(int(g.ID))
}
