package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view"
	"rollcall/view/publish"
)

// pinnedGroup is what the maps of a node hold: cn001 to cn003, of which cn003 was removed.
func pinnedGroup() *dataplane.Pinned {
	k := &dataplane.Pinned{Cluster: "tofu", At: 50 * control.Time(time.Second)}
	r := &k.Register
	r.State, r.Instance, r.Slot, r.BeatBallot = control.RegisterMember, 2, 1, control.NewBallot(0, 3, 0)
	r.Committed = control.Commit{Ballot: r.BeatBallot, Seq: 9, Members: control.Of(0, 1)}
	r.LeaseUntil, r.UpperUntil = k.At+control.Time(200*time.Millisecond), control.MaxTime
	r.AgentAt = k.At - control.Time(7*time.Second)
	for slot, name := range []string{"cn001", "cn002", "cn003"} {
		m := &k.Members[slot]
		copy(m.Name[:], name)
		m.Expected, m.State = uint64(0xa0+slot), uint32(view.Alive)
	}
	k.Members[2].State = uint32(view.Gone)
	return k
}

func TestKernelDocument(t *testing.T) {
	k := pinnedGroup()
	k.Register.Committed.Digest = k.View().Hash()
	got, warning := kernelDocument(k)
	want := publish.NewDocument(&view.View{
		Cluster: "tofu", Instance: 2, Epoch: 9, Leader: "cn001",
		Members: []view.Identity{{Name: "cn001", Slot: 0, Incarnation: 0xa0}, {Name: "cn002", Slot: 1, Incarnation: 0xa1}},
	}, nil, []publish.Member{{Name: "cn003", Slot: 2, State: view.Gone}})
	want.Valid, want.LeaseMS = true, 200
	if diff := cmp.Diff(&want, got); diff != "" || warning != "" {
		t.Errorf("warning %q, difference:\n%s", warning, diff)
	}
	if age := agentAge(k); age != "7s ago" {
		t.Errorf("agent age %q", age)
	}
}

func TestKernelDocumentDoubts(t *testing.T) {
	k := pinnedGroup()
	k.Register.Committed.Digest = 1
	if _, warning := kernelDocument(k); warning == "" {
		t.Error("names that do not give the digest raise no warning")
	}
	k.Register.LeaseUntil = k.At
	if d, _ := kernelDocument(k); d.Valid || d.LeaseMS != 0 {
		t.Errorf("lease has ended, but valid %v, %d ms", d.Valid, d.LeaseMS)
	}
	empty := &dataplane.Pinned{Cluster: "tofu"}
	if d, _ := kernelDocument(empty); d.Instance != 0 || d.Valid || d.Cluster != "tofu" || agentAge(empty) != "never" {
		t.Errorf("empty maps: %+v", d)
	}
}
