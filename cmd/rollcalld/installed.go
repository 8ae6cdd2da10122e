package main

import (
	"slices"
	"time"

	"rollcall/control"
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
	gone   []departed
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
	in.gone = slices.DeleteFunc(slices.Clone(before.gone), func(m departed) bool { return back[m.Name] })
	for i := range in.gone {
		in.gone[i].whole = in.gone[i].whole && v.Group(in.gone[i].Group) == nil
	}
	for _, m := range d.Removed {
		in.gone = append(in.gone, departed{m, in.at, v.Group(m.Group) == nil})
	}
	in.gone = in.gone[max(0, len(in.gone)-goneMax):]
	return in
}

// departed is a node that was in an earlier view and is in none since, as it was then.
type departed struct {
	view.Identity
	at    time.Time
	whole bool // with all of its group, which is not back
}

// state is what is known of it. A group that left as a whole lost its leader, be it that all are dead, that
// those left have no quorum, or that it is cut off: how its nodes fare nobody knows until they are
// formed anew, or do not come to be.
func (m *departed) state(formed time.Duration) view.State {
	if m.whole && time.Since(m.at) < formed {
		return view.Unknown
	}
	return view.Gone
}

// dead are the groups that left as a whole, and that nobody formed anew in time: nothing more is expected of them.
func (in *installed) dead(formed time.Duration) map[uint16]bool {
	groups := map[uint16]bool{}
	for i := range in.gone {
		if m := &in.gone[i]; m.whole && m.state(formed) == view.Gone {
			groups[m.Group] = true
		}
	}
	return groups
}

// mayReturn reports whether a group is in the view, or left it as a whole a short while ago and may be formed anew.
func (in *installed) mayReturn(group uint16, formed time.Duration) bool {
	return in == nil || in.view.Group(group) != nil || slices.ContainsFunc(in.gone, func(m departed) bool {
		return m.Group == group && m.whole && m.state(formed) == view.Unknown
	})
}

// formAnew is how long it takes at most, by this node's register, until those left of a group that lost its
// quorum are formed anew: they take their leader for silent after 2(k+1) intervals, and ask ever more
// seldom for who knows.
func formAnew(r *control.Register) time.Duration { return 2*r.Calm() + 10*time.Second }
