package torture

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"rollcall/control"
	"rollcall/view"
	"rollcall/view/publish"
)

// letBackIn has those of the named nodes that are held in quarantine readmitted, as an operator does,
// until it is stopped or ctx ends.
func (f *field) letBackIn(ctx context.Context, names ...string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for ; ctx.Err() == nil; sleep(ctx, 100*time.Millisecond) {
			leader := f.leading()
			for _, name := range f.held(leader) {
				if slices.Contains(names, name) {
					f.readmit(ctx, leader, name)
				}
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// held are the nodes that a leader shows in quarantine.
func (f *field) held(leader string) (names []string) {
	if d := f.watch.Sight(leader).View; d != nil {
		for _, m := range d.Members {
			if m.State == view.Quarantined {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

// readmit asks the leader. The node stays in quarantine until that succeeds, so who asks will ask again.
func (f *field) readmit(ctx context.Context, leader, name string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if n, err := f.cluster.Node(leader); err == nil {
		_ = n.Client().Do(ctx, publish.Order{Verb: publish.Readmit, Node: name})
	}
}

// flapped is a node that was put in quarantine.
type flapped struct {
	node     string
	removals int // of a node that could not be reached, in the scenario
}

// describe tells after how many removals that was: as many as the limit says, of which some may have been in
// scenarios before this one, and more may have followed once it was readmitted.
func (f flapped) describe(limit int) string {
	s := fmt.Sprintf("%s quarantined after %d removals", f.node, limit)
	switch {
	case f.removals < limit:
		s += fmt.Sprintf(", %d of them in this scenario", f.removals)
	case f.removals > limit:
		s += fmt.Sprintf(", removed %d times in all", f.removals)
	}
	return s
}

// quarantines judges who was put in quarantine from a moment on: nobody but those who may be
// removed, and they are let in again by order only.
func quarantines(events map[string][]publish.EventDocument, from control.Time, limit int, a *account, crashes []crash, excused []string) (list []flapped, wrong []string) {
	held, readmitted := map[string]bool{}, map[string]bool{}
	for _, recorded := range events {
		for _, e := range recorded {
			if control.Time(e.AtNS).Before(from) {
				continue
			}
			for _, name := range e.Nodes { // which events of other kinds have, too
				switch e.Kind {
				case control.EventQuarantined.String():
					held[name] = true
				case control.EventReadmitted.String():
					readmitted[name] = true
				}
			}
		}
	}
	removals := map[string]int{}
	for i := range a.excused {
		removals[a.excused[i].node]++
	}
	for _, name := range excused {
		if n := removals[name]; limit > 0 && n >= limit && !held[name] {
			wrong = append(wrong, fmt.Sprintf("%s was removed %d times and is not held in quarantine", name, n))
		} else if limit > 0 && n > limit && !readmitted[name] {
			wrong = append(wrong, fmt.Sprintf("%s was removed %d times, though it is held in quarantine from the removal of number %d on", name, n, limit))
		}
		if held[name] {
			list = append(list, flapped{name, removals[name]})
			delete(held, name)
		}
	}
	for _, c := range crashes {
		delete(held, c.victim)
	}
	for name := range held {
		wrong = append(wrong, name+" was put in quarantine")
	}
	slices.Sort(wrong)
	return list, wrong
}
