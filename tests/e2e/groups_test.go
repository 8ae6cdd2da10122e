package e2e

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

// Groups on bridges of their own, joined by a router, two of which use Ethernet below the level that all reach by
// UDP, lose a member, a group's leader, the leader of the cluster and a whole group: each time one
// epoch, the same everywhere, without them and nobody else, and they come back.
func TestGroupsLoseAndRegain(t *testing.T) {
	t.Parallel()
	r := stand(t, cluster.Options{Groups: 3, PerGroup: 3, EtherOf: []int{1, 2}, Interval: 50 * time.Millisecond})
	for i, names := range r.Groups() {
		want := "udp"
		if slices.Contains(r.Options().EtherOf, i) {
			want = "ether"
		}
		for _, name := range names {
			if d := r.status(name); d.Transport != want {
				t.Errorf("%s of group %d uses %s", name, i, d.Transport)
			}
		}
	}
	root := func() string { return r.agreed(r.Names()...).Leader }
	other := func() []string { // a group that the root is not in, its leader first
		groups := r.Groups()
		names := groups[2]
		if slices.Contains(names, root()) {
			names = groups[1]
		}
		n, err := r.Node(names[0])
		r.must(err)
		d, err := n.Client().Status(r.bounded())
		r.must(err)
		return slices.Insert(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == d.Leader }), 0, d.Leader)
	}
	r.seated()
	r.rests(root())
	for _, tc := range []struct {
		what          string
		victims       func() []string
		inGroup, atop int // rounds at most; 0: the group decides nothing
	}{
		{"a member", func() []string { return other()[2:] }, 1, 1},
		{"a group's leader", func() []string { return other()[:1] }, 2, 1},
		{"the root", func() []string { return []string{root()} }, 2, 2},
		{"a group", other, 0, 1},
	} {
		r.seated()
		victims := slices.Sorted(slices.Values(tc.victims()))
		from := r.agreed(r.Names()...).Epoch
		fault, err := r.Crash(victims...)
		r.must(err)
		story := r.removed(fault, victims...)
		if gone := slices.Sorted(slices.Values(story.Epoch.Removed)); !slices.Equal(gone, victims) || len(story.Epoch.Joined) > 0 {
			t.Errorf("%s, %v: the epoch removed %v, and let in %v", tc.what, victims, gone, story.Epoch.Joined)
		}
		if story.Epoch.RoundsUsed > tc.atop || tc.inGroup > 0 && story.Record.RoundsUsed > tc.inGroup || story.Record.Top != (tc.inGroup == 0) {
			t.Errorf("%s: rounds used: %d at the top, %d in the group, by the records %+v and %+v", tc.what, story.Epoch.RoundsUsed, story.Record.RoundsUsed, story.Epoch, story.Record)
		}
		to := r.agreed(r.without(victims...)...).Epoch
		said := strings.Fields(r.ask(0, r.without(victims...)[0], "diff", strconv.FormatUint(from, 10), strconv.FormatUint(to, 10)))
		if want := []string{"CHANGE", "NNODES", "NODELIST", "removed", strconv.Itoa(len(victims)), hostlist.Fold(victims)}; !slices.Equal(said, want) {
			t.Errorf("%s: the difference of epochs %d and %d is told as %v, want %v", tc.what, from, to, said, want)
		}
		r.reboot(victims...)
	}
	r.seated()
	n := r.follower(r.Groups()[0]...)
	v, err := n.Client().Verify(r.bounded())
	r.must(err)
	if !v.Agree || v.Asked != len(r.Names()) || len(v.Silent) != 0 {
		t.Errorf("all daemons were asked: %+v", v)
	}
	tree, err := n.Client().Tree(r.bounded())
	r.must(err)
	leaders := map[int]string{}
	for _, b := range tree.Groups {
		leaders[int(b.Group)] = b.Leader
	}
	for i, names := range r.Groups() {
		if !slices.Contains(names, leaders[i]) {
			t.Errorf("%s says that %q leads the group of %v", n.Name, leaders[i], names)
		}
	}
	if bySlot, now := r.seats(); tree.Leader != now || len(tree.Seats) != len(bySlot) {
		t.Errorf("%s says that %s leads and %v have seats, which are %v", n.Name, tree.Leader, tree.Seats, bySlot)
	}

	// Of leaders whose daemons are away, their kernels lead on: of their groups all others are asked.
	lost := []string{leaders[n.Segment], other()[0]}
	r.must(r.Signal(syscall.SIGSTOP, lost[0]))
	r.must(r.End(syscall.SIGKILL, lost[1]))
	if v, err = n.Client().Verify(r.bounded()); err != nil || !v.Agree || v.Asked != len(r.Names()) || !slices.Equal(v.Silent, slices.Sorted(slices.Values(lost))) {
		t.Errorf("without the daemons of %v: %+v, %v", lost, v, err)
	}
}

// follower is one of the nodes that leads nothing, and has to ask others.
func (r *rig) follower(names ...string) *cluster.Node {
	r.Helper()
	for _, name := range names {
		n, err := r.Node(name)
		r.must(err)
		d, err := n.Client().Status(r.bounded())
		r.must(err)
		if d.Leader != name && len(d.Places) == 0 {
			return n
		}
	}
	r.Fatalf("all of %v lead or have seats", names)
	return nil
}

// rests waits until the kernel of a node that leads at levels 0 and 1 has sent beats of both, and its daemon none.
func (r *rig) rests(name string) {
	r.Helper()
	const enough = 20
	n, err := r.Node(name)
	r.must(err)
	var before []publish.PacedLevel
	r.eventually(n, "beats by the kernel alone", func(d *publish.StatusDocument) bool {
		now := d.Pacing.Levels
		for i, l := range now {
			if len(before) != len(now) || l.Level != before[i].Level || l.Thread != before[i].Thread {
				before = now
				return false
			}
		}
		return len(now) == 2 && now[0].Kernel >= before[0].Kernel+enough && now[1].Kernel >= before[1].Kernel+enough
	})
}
