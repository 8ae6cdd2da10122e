package e2e

import (
	"slices"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
)

// Of three groups one uses Ethernet on its segment, below the level that all reach by UDP: it loses a member and its
// leader, and a group that uses UDP loses its own.
func TestEthernetBesideUDP(t *testing.T) {
	r := stand(t, cluster.Options{Groups: 3, PerGroup: 3, EtherOf: []int{1}, Interval: 50 * time.Millisecond})
	for i, names := range r.Groups() {
		want := "udp"
		if i == 1 {
			want = "ether"
		}
		for _, name := range names {
			if d := r.status(name); d.Transport != want {
				t.Errorf("%s of group %d uses %s", name, i, d.Transport)
			}
		}
	}
	r.seated()
	leader := func(group int) string { return r.status(r.Groups()[group][0]).Leader }
	for _, victim := range []string{r.follower(r.Groups()[1]...).Name, leader(1), leader(2)} {
		r.seated()
		fault, err := r.Crash(victim)
		r.must(err)
		if story := r.removed(fault, victim); !slices.Equal(story.Epoch.Removed, []string{victim}) {
			t.Errorf("%s crashed: the epoch removed %v", victim, story.Epoch.Removed)
		}
		r.must(r.Clear(victim))
		r.must(r.Boot(victim))
		r.agreed(r.Names()...)
	}
}
