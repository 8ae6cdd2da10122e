package e2e

import (
	"slices"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/dataplane"
)

// A rail that is dead at one node, and then everywhere, removes nobody: it is told, and so is
// that it is back. Meanwhile a crash is noticed and agreed on in one round, as ever, and the node
// comes back.
func TestDeadRail(t *testing.T) {
	t.Parallel()
	r := stand(t, cluster.Options{Nodes: 5, Rails: 2, Interval: 20 * time.Millisecond})
	began := dataplane.Now()
	m := r.members(1)[0]
	r.must(r.CutRail(0, netlab.Closed, m))
	r.told("rail_lost", []string{m}, r.first.Leader, m)
	r.must(r.HealRail(0, m))
	r.told("rail_back", []string{m}, r.first.Leader, m)

	r.must(r.CutRail(0, netlab.Closed, r.Names()...))
	r.told("rail_lost", r.without(r.first.Leader), r.first.Leader)
	for _, name := range r.Names() {
		s := r.watch.Sight(name)
		if !s.View.Valid || len(installs(s, began)) > 0 {
			t.Errorf("%s: a dead rail brought another view: %+v", name, s.View)
		}
	}
	fault, err := r.Crash(m)
	r.must(err)
	story := r.removed(fault, m)
	if e := &story.Record; !slices.Equal(e.Removed, []string{m}) || e.RoundsUsed != 1 {
		t.Errorf("removed %v in %d rounds, want just %s in one", e.Removed, e.RoundsUsed, m)
	}
	r.reboot(m) // agents call each other by the rail that is left

	r.must(r.HealRail(0, r.Names()...))
	r.told("rail_back", r.without(r.first.Leader, m), r.first.Leader)
	r.agreed(r.Names()...)
}

// told waits until each of the named nodes has told, as its last word of a kind about rails,
// that it happened to all of whom it is about, itself or those that it leads.
func (r *rig) told(kind string, whom []string, names ...string) {
	r.Helper()
	r.until(kind, names, func(s cluster.Sight) bool {
		last := map[string]string{}
		for _, e := range s.Events {
			if e.Rail == "eth0" {
				for _, name := range e.Nodes {
					last[name] = e.Kind
				}
			}
		}
		return !slices.ContainsFunc(whom, func(name string) bool { return last[name] != kind })
	})
}

// Where there are several groups, a rail that is dead at every node removes nobody from any of them, and a
// crash is told in the other groups as well.
func TestDeadRailOfGroups(t *testing.T) {
	t.Parallel()
	r := stand(t, cluster.Options{Groups: 3, PerGroup: 2, Rails: 2, Interval: 50 * time.Millisecond})
	r.seated()
	began := dataplane.Now()
	r.must(r.CutRail(0, netlab.Closed, r.Names()...))
	leaders := map[string]bool{}
	for _, name := range r.Names() {
		n, err := r.Node(name)
		r.must(err)
		d, err := n.Client().Status(r.bounded())
		r.must(err)
		leaders[d.Leader] = true
	}
	for _, group := range r.Groups() {
		for _, name := range group {
			if leaders[name] {
				r.told("rail_lost", slices.DeleteFunc(slices.Clone(group), func(n string) bool { return n == name }), name)
			}
		}
	}
	for _, name := range r.Names() {
		if s := r.watch.Sight(name); !s.View.Valid || len(installs(s, began)) > 0 {
			t.Errorf("%s: a dead rail brought another view: %+v", name, s.View)
		}
	}
	victim := r.Groups()[2][1]
	if leaders[victim] {
		victim = r.Groups()[2][0]
	}
	fault, err := r.Crash(victim)
	r.must(err)
	r.removed(fault, victim)
	r.agreed(r.without(victim)...)
	r.must(r.HealRail(0, r.without(victim)...))
	r.reboot(victim)
}
