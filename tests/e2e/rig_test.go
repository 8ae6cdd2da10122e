package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/control"
	"rollcall/view/publish"
)

// patience bounds how long a test waits for what must happen.
const patience = 60 * time.Second

// binaries is where TestMain builds the commands; unready says why no cluster can stand.
var (
	binaries string
	unready  error
)

func TestMain(m *testing.M) { os.Exit(prepared(m)) }

func prepared(m *testing.M) int {
	if os.Geteuid() != 0 {
		unready = errors.New("needs root to make network namespaces and load BPF programs")
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "rollcall-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a place for the commands:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir, "rollcall/cmd/rollcalld", "rollcall/cmd/rollcall")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the commands: %v\n%s", err, out)
		return 1
	}
	binaries = dir
	unready = netlab.MountBPF()
	code := m.Run()
	if shared == nil {
		return code
	}
	if err := shared.down(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// rig is a standing cluster under test.
type rig struct {
	*testing.T
	*cluster.Cluster
	watch *cluster.Watch
	first *publish.Document // the view that all agreed on at first
}

// shared is the cluster that tests lend each other, if it stands.
var shared *rig

const (
	sharedNodes     = 9                      // of which five, more than half, are left when four crash at once
	sharedFoundWait = 500 * time.Millisecond // a test waits for several, that nobody founds
)

// share gives a test that needs nothing special of its cluster one that others had before: all agree and are well,
// and so they must be when the test ends. One that fails keeps it to its end: the next gets a new one.
func share(t *testing.T) *rig {
	t.Helper()
	if shared == nil {
		shared = build(t, cluster.Options{Nodes: sharedNodes, FoundWait: sharedFoundWait})
		shared.must(shared.Start(shared.Names()...))
	}
	r := &rig{T: t, Cluster: shared.Cluster, watch: shared.watch}
	t.Cleanup(func() {
		if t.Failed() {
			shared = nil
			r.end()
		}
	})
	var err error
	r.first, err = r.watch.Settled(r.bounded(), r.Names()...)
	r.must(err)
	return r
}

var labs atomic.Int32

// lab names a cluster that no other test of this machine has.
func lab() string { return fmt.Sprintf("e%dx%d", os.Getpid(), labs.Add(1)) }

// stand makes a cluster that ends with the test, and waits until all nodes agree.
func stand(t *testing.T, o cluster.Options) *rig {
	t.Helper()
	r := build(t, o)
	t.Cleanup(r.end)
	r.must(r.Start(r.Names()...))
	r.first = r.agreed(r.Names()...)
	return r
}

// build makes a cluster, and starts no daemon.
func build(t *testing.T, o cluster.Options) *rig {
	t.Helper()
	if unready != nil {
		if os.Getenv("ROLLCALL_REQUIRE_BPF") == "1" {
			t.Fatal(unready)
		}
		t.Skip(unready)
	}
	o.Lab, o.Daemon, o.Tied = lab(), filepath.Join(binaries, "rollcalld"), true
	c, err := cluster.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, Cluster: c}
	if r.watch, err = c.Watch(c.Names()...); err != nil {
		t.Fatal(errors.Join(err, c.Down()))
	}
	return r
}

// end takes the cluster down, and shows what the daemons said when the test failed.
func (r *rig) end() {
	if r.Failed() {
		for _, n := range r.Nodes() {
			r.Logf("%s (%s) said last:\n%s", n.Name, n.Daemon(), n.LogTail(12))
		}
	}
	if err := r.down(); err != nil {
		r.Error(err)
	}
}

func (r *rig) down() error {
	r.watch.Stop()
	return r.Down()
}

// bounded is a context for one wait.
func (r *rig) bounded() context.Context {
	ctx, cancel := context.WithTimeoutCause(r.Context(), patience, fmt.Errorf("not within %v", patience))
	r.Cleanup(cancel)
	return ctx
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// agreed waits until the named nodes, and no others, are the members of a view that they all have.
func (r *rig) agreed(names ...string) *publish.Document {
	r.Helper()
	d, err := r.watch.Agreed(r.bounded(), names...)
	r.must(err)
	return d
}

// seated waits until nobody is about to get or to lose a seat above the groups, and all nodes show the epoch in
// which that is so: who lost a seat knows it before others have heard of that.
func (r *rig) seated() {
	r.Helper()
	r.must(r.Seated(r.bounded()))
	var newest uint64
	for _, name := range r.Names() {
		newest = max(newest, r.status(name).Epoch)
	}
	r.must(r.watch.UntilAll(r.bounded(), "all nodes show the epoch of the seats", r.Names(), func(sights map[string]cluster.Sight) bool {
		return cluster.Agree(sights, r.Names()) && sights[r.Names()[0]].View.Epoch >= newest
	}))
}

// until waits for a condition on each of the named nodes.
func (r *rig) until(what string, names []string, ok func(cluster.Sight) bool) {
	r.Helper()
	r.must(r.watch.Until(r.bounded(), what, names, func(_ string, s cluster.Sight) bool { return ok(s) }))
}

// without is all names but some.
func (r *rig) without(some ...string) []string {
	return slices.DeleteFunc(slices.Clone(r.Names()), func(n string) bool { return slices.Contains(some, n) })
}

// members gives n members that do not lead, the last ones.
func (r *rig) members(n int) []string {
	names := r.without(r.first.Leader)
	return names[len(names)-n:]
}

// reboot brings crashed nodes back.
func (r *rig) reboot(names ...string) {
	r.Helper()
	r.must(r.Clear(names...))
	r.must(r.Boot(names...))
	r.agreed(r.Names()...)
}

// removed waits until all but the crashed nodes have removed them, and returns the story.
func (r *rig) removed(fault control.Time, crashed ...string) *cluster.Removal {
	r.Helper()
	story, err := r.watch.Removed(r.bounded(), fault, crashed, r.without(crashed...))
	r.must(err)
	return story
}

// crashOne crashes a node and checks that exactly it was removed, in so many rounds, in the
// event record and in frames on the bridge.
func (r *rig) crashOne(victim string, rounds int) *cluster.Removal {
	r.Helper()
	frames, err := r.Record()
	r.must(err)
	fault, err := r.Crash(victim)
	r.must(err)
	story := r.removed(fault, victim)
	r.must(frames.Stop())
	e := &story.Record
	if !slices.Equal(e.Removed, []string{victim}) || len(e.Joined) > 0 {
		r.Errorf("removed %v, joined %v; want just %s removed", e.Removed, e.Joined, victim)
	}
	if e.RoundsUsed != rounds {
		r.Errorf("the record tells of %d rounds, want %d: %+v", e.RoundsUsed, rounds, *e)
	}
	if x := frames.Exchange(e.Ballot, e.To); x.Rounds != rounds {
		r.Errorf("on the bridge: %v; want %d", x, rounds)
	}
	if e.VerdictNS < uint64(fault) || e.CommitNS < e.VerdictNS || uint64(story.First().At) < e.CommitNS {
		r.Errorf("times out of order: fault %d, then %+v", fault, *e)
	}
	for _, name := range r.without(victim) {
		if own := installs(r.watch.Sight(name), fault)[0]; !slices.Equal(own.Evidence, e.Evidence) || own.RoundsUsed != rounds || own.CommitNS != e.CommitNS {
			r.Errorf("%s's record of the change is not its leader's:\n%+v\n%+v", name, own, *e)
		}
	}
	r.agreed(r.without(victim)...)
	return story
}

// installs are the views that a node installed after a moment.
func installs(s cluster.Sight, after control.Time) []publish.EventDocument {
	return slices.DeleteFunc(slices.Clone(s.Events), func(e publish.EventDocument) bool {
		return e.Kind != "installed" || control.Time(e.InstallNS) <= after
	})
}

// incarnations are those of the view's members, by name.
func incarnations(d *publish.Document) map[string]string {
	m := map[string]string{}
	for _, n := range d.Members {
		if n.Incarnation != "" {
			m[n.Name] = n.Incarnation
		}
	}
	return m
}

// state is how a node fares in a view.
func state(d *publish.Document, name string) string {
	for _, m := range d.Members {
		if m.Name == name {
			return m.State.String()
		}
	}
	return "unheard of"
}

// rollcall runs the command on a node's daemon and returns its output and exit code.
func (r *rig) rollcall(n *cluster.Node, args ...string) (string, int) {
	r.Helper()
	out, err := exec.CommandContext(r.bounded(), filepath.Join(binaries, "rollcall"), append([]string{"--socket", n.Socket()}, args...)...).Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		r.Fatal(err)
	} else if err != nil {
		return string(out), exit.ExitCode()
	}
	return string(out), 0
}
