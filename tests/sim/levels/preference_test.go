package levels

import (
	"slices"
	"testing"
	"time"

	"rollcall/control"
)

// TestAvoidedYield: those who found lead at first, groups and cluster, and are to be avoided: others have
// the lead of both soon, and all agree.
func TestAvoidedYield(t *testing.T) {
	o := Story(5, 3)
	o.Avoid = []string{"g0n0", "g1n0", "g2n0"}
	w := New(t, o)
	for _, h := range w.hosts {
		h.boot()
	}
	w.Stand(w.hosts, 60*time.Second)
	avoided := func(h *host) bool { return h == nil || slices.Contains(o.Avoid, h.name) }
	if !avoided(w.leader(1, 0)) {
		t.Fatal("the cluster is led by none of its founders: this shows nothing")
	}
	yielded := w.Run(60*time.Second, func() bool {
		for g := range o.Groups {
			if avoided(w.leader(0, uint16(g))) {
				return false
			}
		}
		return !avoided(w.leader(1, 0))
	})
	if !yielded {
		t.Errorf("those to be avoided still lead:\n%s", w.Describe())
	}
	w.Stand(w.hosts, 10*time.Second)
}

// TestPreferredIsSeatedFirst: of more groups than there are seats, a free one goes to the group whose leader is
// preferred, though it is the last by number, and with it the lead of group and cluster: only who has a seat can
// have that.
func TestPreferredIsSeatedFirst(t *testing.T) {
	o := Story(control.SeatsWanted+2, 2)
	preferred := "g8n1"
	o.Prefer = []string{preferred}
	w := New(t, o)
	for _, h := range w.hosts {
		h.boot()
	}
	w.Stand(w.hosts, 60*time.Second)
	if !w.Run(60*time.Second, func() bool { return len(w.voters()) == control.SeatsWanted }) {
		t.Fatalf("seats are left free:\n%s", w.Describe())
	}
	leads := func(level uint8, group uint16) bool {
		h := w.leader(level, group)
		return h != nil && h.name == preferred
	}
	if !slices.ContainsFunc(w.voters(), func(h *host) bool { return h.name == preferred }) {
		t.Errorf("%s has no seat:\n%s", preferred, w.Describe())
	}
	if !w.Run(60*time.Second, func() bool { return leads(0, 8) && leads(1, 0) }) {
		t.Errorf("%s does not lead its group and the cluster:\n%s", preferred, w.Describe())
	}
	w.Stand(w.hosts, 10*time.Second)
}
