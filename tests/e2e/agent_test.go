package e2e

import (
	"cmp"
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view"
	"rollcall/view/publish"
)

// unchanged checks that members and incarnations are those of the first view.
func (r *rig) unchanged() {
	r.Helper()
	d := r.agreed(r.Names()...)
	if was, is := incarnations(r.first), incarnations(d); !maps.Equal(was, is) || d.Instance != r.first.Instance {
		r.Errorf("members were %v in instance %d, are %v in %d", was, r.first.Instance, is, d.Instance)
	}
}

// nobodyRemoved checks what all nodes recorded after a moment.
func (r *rig) nobodyRemoved(after control.Time) {
	r.Helper()
	for _, name := range r.Names() {
		for _, e := range installs(r.watch.Sight(name), after) {
			if len(e.Removed) > 0 {
				r.Errorf("%s installed view %d without %v: %s", name, e.To, e.Removed, e.Why)
			}
		}
	}
}

// A stopped agent makes its node stale, never gone.
func TestAgentStopKeepsNode(t *testing.T) {
	r := share(t)
	began, victim := dataplane.Now(), r.members(1)[0]
	r.must(r.Signal(syscall.SIGSTOP, victim))
	others := r.without(victim)
	r.until("the stopped agent's node is stale", others, func(s cluster.Sight) bool {
		return s.View != nil && state(s.View, victim) == "stale"
	})
	for _, name := range others {
		if d := r.watch.Sight(name).View; d == nil || d.Epoch != r.first.Epoch {
			t.Errorf("%s went on to another view: %+v", name, d)
		}
	}
	r.must(r.Signal(syscall.SIGCONT, victim))
	r.until("it is alive again", others, func(s cluster.Sight) bool {
		return s.View != nil && state(s.View, victim) == "alive"
	})
	r.unchanged()
	r.nobodyRemoved(began)
}

// With on_stale = "remove" the node of an agent that stays silent is removed, but not before its
// own clock told it that its view is no longer valid; running again, it joins anew.
func TestStaleRemoved(t *testing.T) {
	r := stand(t, cluster.Options{Nodes: 4, AgentGrace: time.Second, Extra: `on_stale = "remove"`})
	victim := r.members(1)[0]
	r.must(r.Signal(syscall.SIGSTOP, victim))
	others := r.without(victim)
	r.agreed(others...)
	for _, name := range others {
		for _, e := range installs(r.watch.Sight(name), 0) {
			if len(e.Removed) > 0 && (!slices.Equal(e.Removed, []string{victim}) || e.Evidence != nil && e.Why != "agent silent beyond its grace") {
				t.Errorf("%s removed %v: %s", name, e.Removed, e.Why)
			}
		}
	}
	r.must(r.Signal(syscall.SIGCONT, victim))
	d := r.agreed(r.Names()...)
	if was, is := incarnations(r.first)[victim], incarnations(d)[victim]; was == is {
		t.Errorf("%s is back with its old incarnation %s", victim, is)
	}
}

// The kernel keeps the beat: an agent of the leader that is stopped, or killed and started again,
// within its grace costs nobody anything, not even the leader its lead.
func TestKernelKeepsBeat(t *testing.T) {
	for name, c := range map[string]struct {
		halt, resume func(r *rig, name string) error
	}{
		"stopped": {
			func(r *rig, name string) error { return r.Signal(syscall.SIGSTOP, name) },
			func(r *rig, name string) error { return r.Signal(syscall.SIGCONT, name) },
		},
		"killed": {
			func(r *rig, name string) error { return r.End(syscall.SIGKILL, name) },
			func(r *rig, name string) error { return r.Start(name) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := share(t)
			began, leader := dataplane.Now(), r.first.Leader
			others := r.without(leader)
			r.must(c.halt(r, leader))
			r.until("the leader's agent is silent", others, func(s cluster.Sight) bool {
				return s.View != nil && state(s.View, leader) == "stale"
			})
			for _, name := range others {
				if d := r.watch.Sight(name).View; d == nil || !d.Valid || d.Leader != leader || d.Epoch != r.first.Epoch {
					t.Errorf("%s went on without the leader's agent: %+v", name, d)
				}
			}
			r.must(c.resume(r, leader))
			r.until("it is alive again", others, func(s cluster.Sight) bool {
				return s.View != nil && state(s.View, leader) == "alive"
			})
			r.unchanged()
			r.nobodyRemoved(began)
		})
	}
}

// A crash while the leader's agent is stopped does not wait for that: another leads, removes the
// crashed node and nobody else, and the old leader follows when its agent goes on.
func TestLeaderAgentStoppedInACrash(t *testing.T) {
	r := share(t)
	old, victim := r.first.Leader, r.members(1)[0]
	r.must(r.Signal(syscall.SIGSTOP, old))
	_, err := r.Crash(victim)
	r.must(err)
	r.until("the crash is decided on", r.without(old, victim), func(s cluster.Sight) bool {
		return s.View != nil && s.View.Valid && s.View.Leader != old && incarnations(s.View)[victim] == ""
	})
	r.must(r.Signal(syscall.SIGCONT, old))
	d := r.agreed(r.without(victim)...)
	want := maps.Clone(incarnations(r.first))
	delete(want, victim)
	if is := incarnations(d); !maps.Equal(is, want) {
		t.Errorf("members are %v, want %v", is, want)
	}
	r.reboot(victim)
}

// An agent of the leader that is stopped for longer than its grace costs it the leadership, and
// nobody the membership.
func TestLeaderAgentStopMovesLeadership(t *testing.T) {
	t.Parallel()
	r := stand(t, cluster.Options{Nodes: 4, AgentGrace: time.Second, Interval: 20 * time.Millisecond})
	began, old := dataplane.Now(), r.first.Leader
	others := r.without(old)
	r.must(r.Signal(syscall.SIGSTOP, old))
	r.until("another node leads", others, func(s cluster.Sight) bool {
		return s.View != nil && s.View.Valid && s.View.Leader != old && s.View.Leader != ""
	})
	for _, name := range others {
		if d := r.watch.Sight(name).View; d == nil || incarnations(d)[old] != incarnations(r.first)[old] {
			t.Errorf("%s lost the old leader: %+v", name, d)
		}
	}
	r.must(r.Signal(syscall.SIGCONT, old))
	r.until("the old leader follows", []string{old}, func(s cluster.Sight) bool {
		return s.View != nil && s.View.Valid && s.View.Leader != old
	})
	r.unchanged()
	r.nobodyRemoved(began)
}

// A daemon that is killed and started again adopts the pinned state, also where a round
// takes a millisecond: nobody is removed and no incarnation changes.
func TestAgentRestartAdopts(t *testing.T) {
	for name, lend := range map[string]func(*testing.T) *rig{
		"10ms": share,
		"1ms":  func(t *testing.T) *rig { return stand(t, cluster.Options{Nodes: 5, Interval: time.Millisecond}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := lend(t)
			began := dataplane.Now()
			for _, victim := range []string{r.members(1)[0], r.first.Leader} {
				r.must(r.End(syscall.SIGKILL, victim))
				if victim != r.first.Leader {
					r.exitTold(r.first.Leader, victim)
				}
				r.until("its end is seen", []string{victim}, func(s cluster.Sight) bool { return s.View == nil && s.Err != nil })
				r.must(r.Start(victim))
				r.unchanged()
				n, err := r.Node(victim)
				r.must(err)
				d, err := n.Client().Status(r.bounded())
				r.must(err)
				if !d.Adopted || d.Incarnation != incarnations(r.first)[victim] {
					t.Errorf("%s: adopted %v, incarnation %s, was %s", victim, d.Adopted, d.Incarnation, incarnations(r.first)[victim])
				}
			}
			r.must(r.Restart(r.Names()...)) // an upgrade of everybody at once
			r.unchanged()
			r.nobodyRemoved(began)
		})
	}
}

// exitTold waits until the leader shows a member as stale: since its agent has exited, which the member's kernel tells
// at once, not because the agent was silent for long. On a busy machine another may lead by now, and is asked.
func (r *rig) exitTold(leader, member string) {
	r.Helper()
	for ctx := r.bounded(); leader != member; time.Sleep(10 * time.Millisecond) { // no event tells
		n, err := r.Node(leader)
		r.must(err)
		g, err := n.Client().Group(ctx, "")
		r.must(err)
		m := g.Members[slices.IndexFunc(g.Members, func(m publish.GroupEntry) bool { return m.Name == member })]
		switch {
		case g.Role != "leader":
			leader = cmp.Or(g.Leader, leader)
		case m.State != view.Alive:
			if m.State != view.Stale || !m.AgentExited {
				r.Errorf("%s is %v after its agent was killed; exited: %v, last sign %d ms ago", member, m.State, m.AgentExited, m.AgentAgeMS)
			}
			return
		}
	}
}

// Heartbeats wake no daemon, the leader's neither, but where its thread keeps the beat.
func TestIdleDaemonsSleep(t *testing.T) {
	for _, pacer := range []string{dataplane.PacerKernel, dataplane.PacerThread} {
		t.Run(pacer, func(t *testing.T) {
			r := stand(t, cluster.Options{Nodes: 4, Interval: 5 * time.Millisecond, Pacer: pacer})
			r.watch.Stop() // whoever watches is woken
			const span = 3 * time.Second
			before := r.activity()
			time.Sleep(span) // what is measured is that nothing happens
			after := r.activity()
			for _, name := range r.Names() {
				b, a := before[name], after[name]
				wakes, switches, rounds := a.wakes-b.wakes, a.switches-b.switches, a.round-b.round
				t.Logf("%s: %d wake-ups, %d context switches in %d rounds, pacer %s", name, wakes, switches, rounds, a.pacer)
				busy := pacer == dataplane.PacerThread && name == r.first.Leader
				switch {
				case a.pacer != pacer:
					t.Errorf("%s says that its pacer is %s", name, a.pacer)
				case rounds == 0:
					t.Errorf("%s took no beat", name)
				case wakes == 0:
					t.Errorf("%s did not even look after itself; are wake-ups counted?", name)
				case wakes > rounds/25: // a housekeeping tick a second, who asks, and who had a late beat
					t.Errorf("%s was woken %d times in %d rounds", name, wakes, rounds)
				case busy != (switches > rounds): // a beat and its answers wake the thread several times
					t.Errorf("%s was switched to or from %d times in %d rounds", name, switches, rounds)
				}
			}
		})
	}
}

// activity is what a node's daemon has done so far.
type activity struct {
	wakes, switches, round uint64
	pacer                  string
}

func (r *rig) activity() map[string]activity {
	all := map[string]activity{}
	for _, n := range r.Nodes() {
		s, err := n.Client().Stats(r.bounded())
		r.must(err)
		g, err := n.Client().Group(r.bounded(), "")
		r.must(err)
		d, err := n.Client().Status(r.bounded())
		r.must(err)
		all[n.Name] = activity{s.Wakes, s.Voluntary + s.Involuntary, g.Round, d.Pacing.Pacer}
	}
	return all
}
