package control

import (
	"slices"
	"testing"
	"time"

	"rollcall/view"
)

// TestProbationIsShown: a leader shows who asks to come back and is not let in yet, for as long as it asks.
func TestProbationIsShown(t *testing.T) {
	n := &Node{cfg: Config{Quarantine: 3, Interval: time.Second}, role: roleLeader, now: 1}
	for _, name := range []string{"n1", "n2", "n3"} {
		n.past = append(n.past, Past{name, n.countRemoval(name)})
	}
	n.past[1].State = view.Left
	before := slices.Clone(n.past)
	states := func(now Time) (l []view.State) {
		for _, p := range n.former(now) {
			l = append(l, p.State)
		}
		return l
	}
	expect := func(now Time, want ...view.State) {
		t.Helper()
		if got := states(now); !slices.Equal(got, want) {
			t.Errorf("shown are %v, want %v", got, want)
		}
	}
	expect(2, view.Gone, view.Left, view.Gone)
	for _, name := range []string{"n2", "n3", "n9"} {
		if why := n.suspected(name); why != "" {
			t.Errorf("%s was not probed yet, and is suspected: %s", name, why)
		}
	}
	n.removedOf("n3").fail(n.now, &probation{probed: 9, answered: 2})
	expect(2, view.Gone, view.Left, view.Probation)
	if !slices.Equal(n.past, before) {
		t.Error("what readers may hold was changed")
	}
	expect(n.now.Add(probationShown+1), view.Gone, view.Left, view.Gone)
	n.role = roleFollower
	expect(2, view.Gone, view.Left, view.Gone)
}

// TestReadmittedFromProbation: the operator's word ends a probation that failed.
func TestReadmittedFromProbation(t *testing.T) {
	n := &Node{cfg: Config{Quarantine: 3}, role: roleLeader, now: 1}
	n.countRemoval("n1")
	if n.readmitted("n1") {
		t.Error("readmitted, though nothing keeps it out")
	}
	n.removedOf("n1").fail(n.now, &probation{})
	if n.suspected("n1") == "" {
		t.Fatal("a probation that failed keeps nobody out")
	}
	if !n.readmitted("n1") || n.suspected("n1") != "" || len(n.out.Events) != 1 {
		t.Errorf("suspected of %q after it was readmitted; told %d events", n.suspected("n1"), len(n.out.Events))
	}
}
