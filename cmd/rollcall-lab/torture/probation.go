package torture

import (
	"fmt"
	"slices"

	"rollcall/control"
	"rollcall/view"
)

// keptOut judges a node whose link has lost most of what it was given since a moment, while it still
// does: if it was removed, then once, and it stays out. Most of its calls are lost as well; once one of them
// asks the leader to let it in again, it is on probation. Without quarantine nobody is, since removals are not counted.
func (f *field) keptOut(name string, since control.Time) error {
	s := f.watch.Sight(f.leading())
	if s.View == nil {
		return fmt.Errorf("nobody leads who could say how %s fares", name)
	}
	removals := 0
	for _, e := range s.Events {
		if e.Kind == control.EventInstalled.String() && since.Before(control.Time(e.AtNS)) && slices.Contains(e.Removed, name) {
			removals++
		}
	}
	if removals == 0 {
		return nil
	}
	state := view.Absent
	for _, m := range s.View.Members {
		if m.Name == name {
			state = m.State
		}
	}
	f.note("removed and now "+state.String(), 1)
	if f.cluster.Options().Quarantine == 0 {
		return nil
	}
	return staysOut(name, removals, state)
}

// staysOut says what is wrong with the state of a node that was removed so often.
func staysOut(name string, removals int, state view.State) error {
	switch state {
	case view.Gone, view.Absent, view.Probation, view.Quarantined:
	default:
		return fmt.Errorf("%s was removed, is let in again (%s), and loses most frames still", name, state)
	}
	if removals > 1 && state != view.Quarantined {
		return fmt.Errorf("%s was removed %d times, and should have stayed out after the first", name, removals)
	}
	return nil
}
