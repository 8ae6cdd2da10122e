package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

// A cluster of several groups forms whatever the order in which its nodes start, and any node says
// meanwhile for whom it waits: first for founders, which start last, and none of which alone
// may found.
func TestFoundersStartLast(t *testing.T) {
	t.Parallel()
	r := build(t, cluster.Options{Groups: 3, PerGroup: 3, Interval: 50 * time.Millisecond})
	t.Cleanup(r.end)
	var founders, others []string
	for _, names := range r.Groups() {
		founders, others = append(founders, names[0]), append(others, names[1:]...)
	}
	slices.Reverse(others)
	awaits := func(name string, all ...string) {
		n, err := r.Node(name)
		r.must(err)
		r.eventually(n, fmt.Sprintf("%s awaits %q", name, all), func(d *publish.StatusDocument) bool {
			return !slices.ContainsFunc(all, func(s string) bool { return !strings.Contains(d.Awaiting, s) })
		})
	}
	r.must(r.Start(others...))
	for _, name := range others {
		awaits(name, fmt.Sprintf("none of %d answers: %s", len(founders), hostlist.Fold(founders)))
	}
	r.must(r.Start(founders[2]))
	for _, name := range []string{founders[2], others[0], others[1]} { // of several groups
		awaits(name, "no cluster yet", "1 of 3 founders heard, 2 awaited: "+hostlist.Fold(founders[:2]))
	}
	if _, code := r.rollcall(r.Nodes()[1], "view"); code != 2 {
		t.Errorf("exit code %d without a cluster", code)
	}
	r.must(r.Start(founders[1]))
	d := r.agreed(r.without(founders[0])...)
	r.must(r.Start(founders[0]))
	r.agreed(r.Names()...)
	if d.Instance != 1 {
		t.Errorf("instance %d", d.Instance)
	}
}
