package e2e

import (
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/dataplane"
	"rollcall/view"
	"rollcall/view/publish"
)

// seats tells who has which seat above the groups, and who leads there.
func (r *rig) seats() (bySlot map[uint16]string, root string) {
	r.Helper()
	bySlot = map[uint16]string{}
	for _, n := range r.Nodes() {
		d, err := n.Client().Status(r.bounded())
		if err != nil {
			continue // it is down
		}
		for _, p := range d.Places {
			if !p.Seat || p.Role == "absent" {
				continue
			}
			bySlot[p.Slot] = n.Name
			if p.Role == "leader" {
				root = n.Name
			}
		}
	}
	return bySlot, root
}

// inOrder lists who has seats, the root first and then who would succeed it.
func (r *rig) inOrder() []string {
	r.Helper()
	bySlot, root := r.seats()
	var before, after []string
	for slot := uint16(0); slot < 256; slot++ {
		switch name := bySlot[slot]; {
		case name == "":
		case name == root || len(after) > 0:
			after = append(after, name)
		default:
			before = append(before, name)
		}
	}
	return append(after, before...)
}

// epochs checks that no two nodes ever installed different content for one epoch.
func (r *rig) epochs() {
	r.Helper()
	type number struct {
		instance uint32
		level    uint8
		group    uint16
		ballot   string
		to       uint64
	}
	hashes := map[number]string{}
	for _, name := range r.Names() {
		for _, e := range r.watch.Sight(name).Events {
			if e.Kind != "installed" || e.Hash == "" {
				continue
			}
			n := number{e.Instance, e.Level, e.Group, "", e.To}
			if !e.Top {
				n.ballot, _, _ = strings.Cut(e.Ballot, ".") // numbers begin anew with each generation
			}
			if known := hashes[n]; known != "" && known != e.Hash {
				r.Errorf("%+v is %s, and %s at %s", n, known, e.Hash, name)
			}
			hashes[n] = e.Hash
		}
	}
}

// comeBack boots crashed nodes and waits until all agree and every seat is taken again.
func (r *rig) comeBack(names ...string) {
	r.Helper()
	r.reboot(names...)
	r.seated()
}

// What can become of the structure above the groups, in one cluster with IPv6: the root and its deputy die
// at once; a group loses its quorum; a group is cut off; most of the seats die.
func TestStructureFails(t *testing.T) {
	t.Parallel()
	r := stand(t, cluster.Options{Groups: 5, PerGroup: 3, IPv6: true, Interval: 50 * time.Millisecond})
	defer r.epochs()
	r.seated()

	step := func(what string, f func(*testing.T)) {
		if !t.Run(what, func(t *testing.T) {
			whole := r.T
			r.T = t
			defer func() { r.T = whole }()
			f(t)
		}) {
			t.FailNow()
		}
	}
	step("root and deputy", func(t *testing.T) {
		victims := slices.Sorted(slices.Values(r.inOrder()[:2]))
		_, err := r.Crash(victims...)
		r.must(err)
		d := r.agreed(r.without(victims...)...)
		if slices.Contains(victims, d.Leader) {
			t.Errorf("%s leads, and is dead", d.Leader)
		}
		r.comeBack(victims...)
	})
	step("half a group", func(t *testing.T) {
		names := r.away()
		before, after := r.generation(names[2]), 0
		_, err := r.Crash(names[:2]...)
		r.must(err)
		r.agreed(r.without(names[:2]...)...)
		if after = r.generation(names[2]); after != before+1 {
			t.Errorf("generation %d after %d", after, before)
		}
		r.comeBack(names[:2]...)
	})
	step("a group is cut off", func(t *testing.T) {
		names := r.away()
		n, err := r.Node(names[1])
		r.must(err)
		before := incarnations(r.watch.Sight(names[1]).View)
		fault := dataplane.Now()
		r.must(r.Network().SetUplink(n.Segment, netlab.Closed))
		story := r.removed(fault, names...)
		for _, name := range names {
			n, err := r.Node(name)
			r.must(err)
			d, err := n.Client().View(r.bounded())
			r.must(err)
			if d.Valid {
				t.Errorf("%s trusts epoch %d when epoch %d was decided without it", name, d.Epoch, story.Epoch.To)
			}
		}
		unknown := func(v *publish.Document, those []string) bool {
			return !slices.ContainsFunc(v.Members, func(m publish.Member) bool {
				return (m.State == view.Unknown) != slices.Contains(those, m.Name)
			})
		}
		rest := r.without(names...)
		r.until("those cut off know of their own group only", names, func(s cluster.Sight) bool { return s.View != nil && unknown(s.View, rest) })
		r.agreed(rest...)
		r.until("nobody knows of those cut off", rest, func(s cluster.Sight) bool { return s.View != nil && unknown(s.View, names) })
		if out, code := r.rollcall(n, "view"); code != 2 {
			t.Errorf("exit code %d of: %s", code, out)
		}
		r.eventually(n, "isolated", func(d *publish.StatusDocument) bool { return strings.Contains(d.Awaiting, "isolated") })
		r.must(r.Network().SetUplink(n.Segment, netlab.Open))
		d := r.agreed(r.Names()...)
		for _, name := range names {
			if got := incarnations(d)[name]; got != before[name] {
				t.Errorf("%s came back as %s, was %s", name, got, before[name])
			}
		}
		r.seated()
	})
	step("no quorum of seats", func(t *testing.T) {
		seated := r.inOrder()
		most := len(seated)/2 + 1
		victims, left := slices.Sorted(slices.Values(seated[:most])), seated[most:]
		_, err := r.Crash(victims...)
		r.must(err)
		survivors := r.without(victims...)
		r.until("nobody's view is valid", survivors, func(s cluster.Sight) bool { return s.View != nil && !s.View.Valid })
		n, err := r.Node(left[0])
		r.must(err)
		r.eventually(n, "promises of a quorum", func(d *publish.StatusDocument) bool {
			return slices.ContainsFunc(d.Places, func(p publish.Place) bool { return strings.Contains(p.Awaiting, "promises of a quorum") })
		})
		if code := r.typed(n, "another\n", "recover"); code != 1 {
			t.Errorf("exit code %d with another cluster's name", code)
		}
		if code := r.typed(n, r.Options().Lab+"\n", "recover"); code != 0 {
			t.Errorf("exit code %d", code)
		}
		d := r.agreed(survivors...)
		if d.Instance != r.first.Instance {
			t.Errorf("instance %d after %d", d.Instance, r.first.Instance)
		}
		r.comeBack(victims...)
	})
}

// away gives the names of a group that the root is not in, its leader first.
func (r *rig) away() []string {
	r.Helper()
	_, root := r.seats()
	groups := r.Groups()
	names := groups[len(groups)-1]
	if slices.Contains(names, root) {
		names = groups[len(groups)-2]
	}
	n, err := r.Node(names[0])
	r.must(err)
	d, err := n.Client().Status(r.bounded())
	r.must(err)
	return slices.Insert(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == d.Leader }), 0, d.Leader)
}

// generation is that of a node's group, as the node's cluster view has it.
func (r *rig) generation(name string) int {
	r.Helper()
	n, err := r.Node(name)
	r.must(err)
	d, err := n.Client().Tree(r.bounded())
	r.must(err)
	for _, g := range d.Groups {
		if int(g.Group) == n.Segment {
			return int(g.Generation)
		}
	}
	r.Fatalf("%s knows no group %d", name, n.Segment)
	return 0
}

// eventually asks a node's status until it is as wanted.
func (r *rig) eventually(n *cluster.Node, what string, ok func(*publish.StatusDocument) bool) {
	r.Helper()
	ctx := r.bounded()
	for {
		d, err := n.Client().Status(ctx)
		if err == nil && ok(d) {
			return
		}
		select {
		case <-ctx.Done():
			r.Fatalf("%s: not within %v; it says %+v, %v", what, patience, d, err)
		case <-time.After(20 * time.Millisecond): // no event tells
		}
	}
}

// typed runs the command on a node's daemon with something typed, and returns its exit code.
func (r *rig) typed(n *cluster.Node, text string, args ...string) int {
	r.Helper()
	c := exec.CommandContext(r.bounded(), filepath.Join(binaries, "rollcall"), append([]string{"--socket", n.Socket()}, args...)...)
	c.Stdin = strings.NewReader(text)
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		r.Logf("%s: %s", args, out)
		return exit.ExitCode()
	}
	r.must(err)
	return 0
}
