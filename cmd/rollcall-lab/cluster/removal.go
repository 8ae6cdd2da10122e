package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rollcall/control"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

// Install is a node's installing of a view.
type Install struct {
	Node string
	At   control.Time
}

// Removal is the change that took nodes out of the cluster view, put together from what all
// survivors recorded. All nodes of a lab share one clock.
type Removal struct {
	Fault    control.Time
	Record   publish.EventDocument // of the leader that decided it: of the group, of the top where the whole group went
	Epoch    publish.EventDocument // of the leader of the top; where the cluster has one group it is Record
	Installs []Install             // of the first epoch without the nodes, by the survivors, the first one first
}

// First is the first survivor that installed the view.
func (r *Removal) First() Install { return r.Installs[0] }

// Last is the last survivor that installed the view.
func (r *Removal) Last() Install { return r.Installs[len(r.Installs)-1] }

// Since is the time from the fault.
func (r *Removal) Since(t control.Time) time.Duration { return t.Since(r.Fault) }

// Removed waits until every survivor has installed an epoch in which the first of the
// crashed nodes is missing, and returns its story. It is an error if survivors installed
// different ones.
func (w *Watch) Removed(ctx context.Context, fault control.Time, crashed, survivors []string) (*Removal, error) {
	var r *Removal
	var wrong error
	what := fmt.Sprintf("%d nodes have removed %s", len(survivors), hostlist.Fold(crashed))
	group := slices.ContainsFunc(survivors, func(n string) bool { return w.together(n, crashed[0]) })
	err := w.UntilAll(ctx, what, survivors, func(sights map[string]Sight) bool {
		r, wrong = removal(fault, crashed, group, sights)
		return r != nil || wrong != nil
	})
	if err == nil {
		err = wrong
	}
	return r, err
}

// together reports whether nodes are in one group.
func (w *Watch) together(a, b string) bool {
	x, y := w.nodes[a], w.nodes[b]
	return x != nil && y != nil && x.Segment == y.Segment
}

// removal returns nothing while a survivor has not installed such an epoch, or nobody has told who
// decided it, in the group, if survivors are in it, and at the top.
func removal(fault control.Time, crashed []string, group bool, sights map[string]Sight) (*Removal, error) {
	r := &Removal{Fault: fault}
	var first *publish.EventDocument
	for name, s := range sights {
		var installed *publish.EventDocument
		for i := range s.Events {
			e := &s.Events[i]
			if e.Kind != "installed" || control.Time(e.InstallNS) < fault ||
				!slices.ContainsFunc(e.Removed, func(n string) bool { return slices.Contains(crashed, n) }) {
				continue
			}
			if e.Top && installed == nil {
				installed = e
			}
			switch {
			case e.Top && e.CommitNS != 0 && (r.Epoch.To == 0 || e.To < r.Epoch.To):
				r.Epoch = *e
			case !e.Top && e.CommitNS != 0 && (r.Record.To == 0 || e.To < r.Record.To):
				r.Record = *e
			}
		}
		if installed == nil {
			return nil, nil
		}
		if first == nil {
			first = installed
		}
		// Of several groups' epochs one may be skipped: of two nodes the numbers may differ.
		if e := installed; e.Instance != first.Instance || e.Level == 0 && e.To != first.To || e.To == first.To && e.Hash != first.Hash {
			return nil, fmt.Errorf("survivors disagree: %s installed %d.%d %s, %s installed %d.%d %s",
				first.Node, first.Instance, first.To, first.Hash, e.Node, e.Instance, e.To, e.Hash)
		}
		r.Installs = append(r.Installs, Install{Node: name, At: control.Time(installed.InstallNS)})
	}
	if r.Epoch.Level == 0 || !group {
		r.Record = r.Epoch
	}
	if r.Epoch.CommitNS == 0 || r.Record.CommitNS == 0 {
		return nil, nil
	}
	slices.SortFunc(r.Installs, func(a, b Install) int { return int(a.At.Since(b.At)) })
	return r, nil
}
