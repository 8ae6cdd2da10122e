package main

import (
	"slices"
	"time"

	"rollcall/view"
)

// goneMax is how many nodes are remembered to be gone.
const goneMax = 1 << 16

// installed is a view with the moment this node installed it. It never changes.
type installed struct {
	view   *view.ClusterView
	flat   *view.View // the same as one list
	at     time.Time
	monoNS uint64
	gone   []view.Identity // were in an earlier view and are in none since, as they were then
}

// newInstalled is for a view that is installed now, after another or none.
func newInstalled(v *view.ClusterView, before *installed) *installed {
	in := &installed{view: v, flat: v.Flat(), at: time.Now(), monoNS: monotonic()}
	if before == nil || before.view.Instance != v.Instance {
		return in
	}
	d := view.Compare(before.flat, in.flat)
	back := map[string]bool{}
	for _, m := range d.Joined {
		back[m.Name] = true
	}
	in.gone = slices.DeleteFunc(slices.Clone(before.gone), func(m view.Identity) bool { return back[m.Name] })
	in.gone = append(in.gone, d.Removed...)
	in.gone = in.gone[max(0, len(in.gone)-goneMax):]
	return in
}
