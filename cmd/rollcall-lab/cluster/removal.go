package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/control"
	"rollcall/view/publish"
)

// Install is a node's installing of a view.
type Install struct {
	Node string
	At   control.Time
}

// Removal is the view change that took nodes out, put together from what all survivors
// recorded. All nodes of a lab share one clock.
type Removal struct {
	Fault    control.Time
	Record   publish.EventDocument // of the leader that decided it
	Installs []Install             // of the survivors, the first one first
}

// First is the first survivor that installed the view.
func (r *Removal) First() Install { return r.Installs[0] }

// Last is the last survivor that installed the view.
func (r *Removal) Last() Install { return r.Installs[len(r.Installs)-1] }

// Since is the time from the fault.
func (r *Removal) Since(t control.Time) time.Duration { return t.Since(r.Fault) }

// Removed waits until every survivor has installed the view in which the first of the
// crashed nodes is missing, and returns its story. It is an error if survivors installed
// different views.
func (w *Watch) Removed(ctx context.Context, fault control.Time, crashed, survivors []string) (*Removal, error) {
	var r *Removal
	var wrong error
	what := fmt.Sprintf("%d nodes have removed %s", len(survivors), strings.Join(crashed, ","))
	err := w.UntilAll(ctx, what, survivors, func(sights map[string]Sight) bool {
		r, wrong = removal(fault, crashed, sights)
		return r != nil || wrong != nil
	})
	if err == nil {
		err = wrong
	}
	return r, err
}

// removal returns nothing while a survivor has not installed the view or nobody has told who
// decided it.
func removal(fault control.Time, crashed []string, sights map[string]Sight) (*Removal, error) {
	r := &Removal{Fault: fault}
	var first *publish.EventDocument
	for name, s := range sights {
		i := slices.IndexFunc(s.Events, func(e publish.EventDocument) bool {
			return e.Kind == "installed" && control.Time(e.InstallNS) >= fault &&
				slices.ContainsFunc(e.Removed, func(n string) bool { return slices.Contains(crashed, n) })
		})
		if i < 0 {
			return nil, nil
		}
		e := &s.Events[i]
		if first == nil {
			first = e
		}
		if e.Instance != first.Instance || e.To != first.To || e.Hash != first.Hash {
			return nil, fmt.Errorf("survivors disagree: %s installed %d.%d %s, %s installed %d.%d %s",
				first.Node, first.Instance, first.To, first.Hash, e.Node, e.Instance, e.To, e.Hash)
		}
		r.Installs = append(r.Installs, Install{Node: name, At: control.Time(e.InstallNS)})
		if e.VerdictNS != 0 {
			r.Record = *e
		}
	}
	if r.Record.VerdictNS == 0 {
		return nil, nil
	}
	slices.SortFunc(r.Installs, func(a, b Install) int { return int(a.At.Since(b.At)) })
	return r, nil
}
