package e2e

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// ask runs a command line on a node and returns its output, which must come with the code.
func (r *rig) ask(code int, name string, args ...string) string {
	r.Helper()
	n, err := r.Node(name)
	r.must(err)
	out, got := r.rollcall(n, args...)
	if got != code {
		r.Fatalf("%s on %s: exit %d, want %d: %s", strings.Join(args, " "), name, got, code, out)
	}
	return strings.TrimSpace(out)
}

func (r *rig) status(name string) *publish.StatusDocument {
	r.Helper()
	n, err := r.Node(name)
	r.must(err)
	for ctx := r.bounded(); ; time.Sleep(10 * time.Millisecond) {
		s, err := n.Client().Status(ctx)
		if !errors.Is(err, publish.ErrUnreachable) { // it starts
			r.must(err)
			return s
		}
	}
}

// signed polls the nodes, which have no stream for it, until they sign with a key.
func (r *rig) signed(with string, names ...string) {
	r.Helper()
	ctx := r.bounded()
	for _, name := range names {
		for r.status(name).Key != with {
			if ctx.Err() != nil {
				r.Fatalf("%s does not sign with %s: %v", name, with, context.Cause(ctx))
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// replaceKeys puts another key file in the place of the cluster's.
func (r *rig) replaceKeys(text string) {
	r.Helper()
	r.must(os.Remove(r.KeyFile()))
	r.must(os.WriteFile(r.KeyFile(), []byte(text), 0o400))
}

// frames are each node's counts of frames, by reason.
func (r *rig) frames() map[string]map[string]uint64 {
	r.Helper()
	all := map[string]map[string]uint64{}
	for _, n := range r.Nodes() {
		s, err := n.Client().Stats(r.bounded())
		r.must(err)
		all[n.Name] = s.Frames
	}
	return all
}

// The cluster's key is replaced while it runs, past steps out of order and a restart: no
// frame is refused, nobody is suspected, and whoever has the old key alone is shut out, under the next leader as well.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	r := stand(t, cluster.Options{Nodes: 5, Interval: 20 * time.Millisecond})
	began := dataplane.Now()
	leader, last := r.first.Leader, r.members(1)[0]
	thief := r.intrude(t, r.members(2)[0], leader, last) // with the keys of before
	was := r.status(leader).Key
	before := r.frames()
	r.ask(0, leader, "key", "rotate", r.KeyFile())
	text, err := os.ReadFile(r.KeyFile())
	r.must(err)
	lines := strings.SplitAfter(string(text), "\n")

	for _, name := range r.without(last) {
		r.ask(0, name, "key", "reload")
	}
	for awaited := ""; awaited != last; { // at first the leader has not heard of any
		awaited = r.ask(0, leader, "key", "status", "-o", "nodeset")
	}
	r.signed(was, r.Names()...)
	next := strings.Replace(strings.Join(r.status(leader).Keys, ""), was, "", 1)
	r.replaceKeys(lines[1])
	r.ask(1, last, "key", "reload") // it was not even told of the next one
	r.replaceKeys(string(text))
	r.must(r.Signal(syscall.SIGHUP, last))
	r.signed(next, r.Names()...)

	r.replaceKeys(lines[0])
	r.ask(1, last, "key", "reload")
	r.replaceKeys(string(text))
	r.must(r.Restart(last))
	r.signed(next, last)

	for name, counted := range r.frames() {
		for _, reason := range []string{control.ReasonUnknownKey.String(), control.ReasonBadTag.String()} {
			if refused := counted[reason] - before[name][reason]; refused != 0 {
				t.Errorf("%s refused %d frames as %s though no key was retired yet", name, refused, reason)
			}
		}
		if d := r.watch.Sight(name).View; d == nil || d.Epoch != r.first.Epoch {
			t.Errorf("%s went on to another view: %+v", name, d)
		}
	}
	r.ask(0, leader, "key", "retire", r.KeyFile())
	for _, name := range r.Names() {
		r.ask(0, name, "key", "reload")
	}
	stolen := thief.packet(thief.sign(thief.probe()), thief.to.IPv4.As4())
	for ctx := r.bounded(); ; { // first it is taken for as long as the withdrawal lasts
		s, err := thief.to.Client().Stats(ctx)
		r.must(err)
		if s.Frames[control.ReasonUnknownKey.String()] > 0 {
			break
		}
		r.must(unix.Send(thief.socket, stolen, 0))
	}

	r.unchanged()
	r.nobodyRemoved(began)
	for _, name := range r.Names() {
		for _, e := range r.watch.Sight(name).Events {
			if len(e.Suspected) > 0 && control.Time(e.AtNS) > began {
				t.Errorf("%s suspected %v", name, e.Suspected)
			}
		}
	}
	r.crashOne(leader, 2)
	r.signed(next, r.without(leader)...)
}
