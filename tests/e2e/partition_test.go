package e2e

import (
	"path/filepath"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// register reads a node's register where its kernel keeps it.
func (r *rig) register(n *cluster.Node) control.Register {
	r.Helper()
	m, err := ebpf.LoadPinnedMap(filepath.Join(n.PinDir(), r.Options().Lab, "rc_group"), &ebpf.LoadPinOptions{ReadOnly: true})
	r.must(err)
	defer m.Close()
	b, err := m.LookupBytes(uint32(0))
	r.must(err)
	if len(b) < int(unsafe.Sizeof(control.Register{})) {
		r.Fatalf("rc_group has %d bytes", len(b))
	}
	return *(*control.Register)(unsafe.Pointer(&b[0]))
}

// A node that is cut off knows from its own clock that its view has ended before the others
// commit one without it; healed, it rejoins as a new incarnation.
func TestCutNodeKnowsFirst(t *testing.T) {
	for name, pick := range map[string]func(*rig) string{
		"member": func(r *rig) string { return r.members(1)[0] },
		"leader": func(r *rig) string { return r.first.Leader },
	} {
		t.Run(name, func(t *testing.T) {
			r := share(t)
			victim := pick(r)
			n, err := r.Node(victim)
			r.must(err)
			reader, err := publish.Open(n.Socket())
			r.must(err)
			defer reader.Close()
			if _, code := r.rollcall(n, "view"); !reader.Valid() || code != 0 {
				t.Fatalf("before the cut: valid %v, exit code %d", reader.Valid(), code)
			}

			fault := dataplane.Now()
			r.must(r.Cut(netlab.Closed, victim))
			story := r.removed(fault, victim)
			if until := r.register(n).LeaseUntil; until == 0 || uint64(until) >= story.Record.CommitNS {
				t.Errorf("the lease ended at %d, the others committed at %d", until, story.Record.CommitNS)
			}
			if reader.Valid() {
				t.Error("the reader still says valid after the others committed")
			}
			r.until("it says so itself", []string{victim}, func(s cluster.Sight) bool { return s.View != nil && !s.View.Valid })
			if out, code := r.rollcall(n, "view"); code != 2 {
				t.Errorf("exit code %d of: %s", code, out)
			}

			old := incarnations(r.first)[victim]
			r.must(r.Heal(victim))
			d := r.agreed(r.Names()...)
			if is := incarnations(d)[victim]; is == old || d.Instance != r.first.Instance {
				t.Errorf("rejoined instance %d as %s, was %s in %d", d.Instance, is, old, r.first.Instance)
			}
			if _, code := r.rollcall(n, "view"); code != 0 {
				t.Errorf("exit code %d after it rejoined", code)
			}
		})
	}
}

// Without a quorum nobody installs anything and everybody says so; with one it goes on.
func TestNoQuorumNoView(t *testing.T) {
	r := share(t)
	cut := r.members(len(r.Names())/2 + 1)
	fault := dataplane.Now()
	r.must(r.Cut(netlab.Closed, cut...))
	r.until("nobody trusts its view", r.Names(), func(s cluster.Sight) bool { return s.View != nil && !s.View.Valid })
	for _, n := range r.Nodes() {
		r.awaiting(n)
	}
	for _, name := range r.Names() {
		if got := installs(r.watch.Sight(name), fault); len(got) > 0 {
			t.Errorf("%s installed %+v", name, got)
		}
	}
	r.must(r.Heal(cut...))
	d := r.agreed(r.Names()...)
	if d.Instance != r.first.Instance || d.Epoch < r.first.Epoch {
		t.Errorf("went on in view %d.%d after %d.%d", d.Instance, d.Epoch, r.first.Instance, r.first.Epoch)
	}
}

// awaiting waits until the node says what it waits for. Status has no stream of its own.
func (r *rig) awaiting(n *cluster.Node) string {
	r.Helper()
	for ctx := r.bounded(); ; {
		d, err := n.Client().Status(ctx)
		r.must(err)
		if d.Awaiting != "" {
			return d.Awaiting
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Of two sides the one with the quorum goes on, and the other comes back to it.
func TestSplitOneSideGoesOn(t *testing.T) {
	r := share(t)
	minority := append(r.members(2), r.first.Leader)
	majority := r.without(minority...)
	fault := dataplane.Now()
	r.must(r.Partition(minority))
	d := r.agreed(majority...)
	r.until("the others do not trust their view", minority, func(s cluster.Sight) bool { return s.View != nil && !s.View.Valid })
	for _, name := range minority {
		if got := installs(r.watch.Sight(name), fault); len(got) > 0 {
			t.Errorf("%s installed %+v without a quorum", name, got)
		}
	}
	r.must(r.Heal(minority...))
	if healed := r.agreed(r.Names()...); healed.Instance != d.Instance || healed.Epoch <= d.Epoch {
		t.Errorf("came together in view %d.%d after %d.%d", healed.Instance, healed.Epoch, d.Instance, d.Epoch)
	}
}

// Founders that reboot together, cut off from the running cluster or not, never found a
// second one.
func TestFoundersRebooted(t *testing.T) {
	founders := []string{"n01", "n02", "n03"}
	for name, apart := range map[string]bool{"connected": false, "cut off": true} {
		t.Run(name, func(t *testing.T) {
			r := share(t)
			if apart {
				r.must(r.Partition(founders))
			}
			r.must(r.Kill(founders...))
			rest := r.agreed(r.without(founders...)...)
			r.must(r.Boot(founders...))
			if apart {
				for _, f := range founders {
					n, err := r.Node(f)
					r.must(err)
					r.until(f+" answers", []string{f}, func(s cluster.Sight) bool { return s.View != nil })
					t.Logf("%s waits for %s", f, r.awaiting(n))
				}
				time.Sleep(4 * r.Options().FoundWait) // long enough for those who would found
				for _, f := range founders {
					if d := r.watch.Sight(f).View; d == nil || d.Instance != 0 {
						t.Errorf("%s installed a view: %+v", f, d)
					}
				}
				r.must(r.Heal(founders...))
			}
			d := r.agreed(r.Names()...)
			if d.Instance != r.first.Instance || d.Epoch <= rest.Epoch {
				t.Errorf("came back to view %d.%d, the others were at %d.%d", d.Instance, d.Epoch, rest.Instance, rest.Epoch)
			}
			for _, name := range r.Names() {
				found := slices.ContainsFunc(r.watch.Sight(name).Events, func(e publish.EventDocument) bool { return e.Instance > r.first.Instance })
				if found {
					t.Errorf("%s knows of a second instance", name)
				}
			}
		})
	}
}
