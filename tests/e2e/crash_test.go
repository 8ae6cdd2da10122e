package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/view"
	"rollcall/view/publish"
)

// After a crash every survivor installs the same next view, in one round.
func TestCrashOneRound(t *testing.T) {
	r := share(t)
	victim := r.members(1)[0]
	story := r.crashOne(victim, 1)
	if story.Record.From != r.first.Epoch || story.Record.To != r.first.Epoch+1 {
		t.Errorf("view %d after %d, want the one after %d", story.Record.To, story.Record.From, r.first.Epoch)
	}
	if got := len(story.Installs); got != len(r.Names())-1 {
		t.Errorf("%d survivors installed it", got)
	}
	r.reboot(victim)
}

// A dead leader costs two rounds: the prepare, and its successor's first own view, which
// drops it and nobody else.
func TestLeaderCrashTwoRounds(t *testing.T) {
	r := share(t)
	old := r.first.Leader
	story := r.crashOne(old, 2)
	if story.Record.Leader == old || story.Record.To != r.first.Epoch+1 {
		t.Errorf("%s leads in view %d after %d", story.Record.Leader, story.Record.To, r.first.Epoch)
	}
	r.reboot(old)
}

// A crashed node comes back with a new incarnation, in the same instance.
func TestCrashedNodeRejoins(t *testing.T) {
	r := share(t)
	victims := []string{r.members(1)[0], r.first.Leader}
	for i, victim := range victims {
		r.must(r.Kill(victim))
		r.agreed(r.without(victims[:i+1]...)...)
	}
	r.must(r.Boot(victims...))
	d := r.agreed(r.Names()...)
	if d.Instance != r.first.Instance || d.Epoch <= r.first.Epoch {
		t.Errorf("came back to view %d.%d after %d.%d", d.Instance, d.Epoch, r.first.Instance, r.first.Epoch)
	}
	before, after := incarnations(r.first), incarnations(d)
	for _, name := range r.Names() {
		if changed := before[name] != after[name]; changed != slices.Contains(victims, name) {
			t.Errorf("%s had incarnation %s, has %s", name, before[name], after[name])
		}
	}
}

// A node that is removed again and again is kept out until it is readmitted, by an order that any
// member takes.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	r := stand(t, cluster.Options{Nodes: 4, Quarantine: 2, Interval: 20 * time.Millisecond})
	victim, other := r.members(2)[1], r.members(2)[0]
	r.must(r.Kill(victim))
	r.agreed(r.without(victim)...)
	r.must(r.Boot(victim))
	r.agreed(r.Names()...)
	r.must(r.Kill(victim))
	r.agreed(r.without(victim)...)
	r.must(r.Boot(victim))
	r.until("told that it is quarantined", []string{victim}, func(s cluster.Sight) bool {
		return slices.ContainsFunc(s.Events, func(e publish.EventDocument) bool {
			return e.Kind == "refused" && strings.Contains(e.Why, "rollcall readmit "+victim)
		})
	})
	if d := r.watch.Sight(other).View; state(d, victim) != "quarantined" || d.Counts[view.Quarantined] != 1 {
		t.Errorf("%s sees it %s", other, state(d, victim))
	}
	n, err := r.Node(other)
	r.must(err)
	if out, code := r.rollcall(n, "readmit", victim); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	r.agreed(r.Names()...)
}

// Four nodes that crash in the same instant are one view change.
func TestFourCrashesOneView(t *testing.T) {
	r := share(t)
	victims := r.members(4)
	fault, err := r.Crash(victims...)
	r.must(err)
	story := r.removed(fault, victims...)
	if got := slices.Sorted(slices.Values(story.Record.Removed)); !slices.Equal(got, victims) {
		t.Errorf("removed %v in one view, want %v", got, victims)
	}
	survivors := r.without(victims...)
	r.agreed(survivors...)
	for _, name := range survivors {
		if got := installs(r.watch.Sight(name), fault); len(got) != 1 {
			t.Errorf("%s installed %d views: %+v", name, len(got), got)
		}
	}
	r.reboot(victims...)
}

// A node that reboots faster than it is missed is told apart by its incarnation, and removed for that.
func TestQuickRebootIsNoticed(t *testing.T) {
	t.Parallel()
	r := stand(t, cluster.Options{Nodes: 5, Interval: time.Second})
	victim := r.members(1)[0]
	r.must(r.Kill(victim))
	r.must(r.Boot(victim))
	old := incarnations(r.first)[victim]
	r.until("the rebooted node is back", r.Names(), func(s cluster.Sight) bool {
		return s.View != nil && s.View.Valid && incarnations(s.View)[victim] != "" && incarnations(s.View)[victim] != old
	})
	d := r.agreed(r.Names()...)
	if d.Instance != r.first.Instance || d.Epoch < r.first.Epoch+2 {
		t.Errorf("view %d.%d after %d.%d: it must go out in one view and come back in a later one",
			d.Instance, d.Epoch, r.first.Instance, r.first.Epoch)
	}
	told := 0
	for _, name := range r.without(victim) {
		for _, e := range r.watch.Sight(name).Events {
			if !slices.Contains(e.Removed, victim) {
				continue
			}
			for _, why := range e.Evidence {
				told++
				if why.Why != "rebooted" || why.Missed >= r.Options().Rounds {
					t.Errorf("%s: %s was removed because of %+v, want a reboot and fewer than %d rounds unanswered", name, victim, why, r.Options().Rounds)
				}
			}
		}
	}
	if told == 0 {
		t.Errorf("nobody tells why %s was removed", victim)
	}
}
