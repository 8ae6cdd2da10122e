package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/view"
	"rollcall/view/publish"
)

func answered(epoch uint64, hash string, valid bool, nodes ...string) *publish.VerifyDocument {
	return &publish.VerifyDocument{Views: []publish.Verdict{{Instance: 2, Epoch: epoch, Hash: hash, Valid: valid, Nodes: nodes}}}
}

// TestVerifyAsksTheGroup asks the two other members of the view, of whom one does not answer.
func TestVerifyAsksTheGroup(t *testing.T) {
	s, _, _ := newSource()
	own := publish.Hex(s.installed.Load().view.Hash())
	roster := s.seen.Load().status.Group.Roster
	for i := range roster.Seats {
		roster.Seats[i].RPC = roster.Seats[i].Name
	}
	other := own
	s.ask = func(_ context.Context, agent string, of calls.Scope) (*publish.VerifyDocument, error) {
		if of != calls.OfNode || agent == "cn001" || agent > "cn003" {
			t.Errorf("asked %s for its %s", agent, of)
		}
		if agent == "cn003" {
			return nil, errors.New("nobody there")
		}
		return answered(7, other, true, "cn002"), nil
	}
	d, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := publish.VerifyDocument{Schema: publish.Schema, Cluster: "tofu", Asked: 3, Agree: true, Silent: []string{"cn003"}, Views: []publish.Verdict{
		{Instance: 2, Epoch: 7, Hash: own, Valid: true, Nodes: []string{"cn001", "cn002"}},
	}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	other = publish.Hex(1)
	if d, err := s.Verify(t.Context()); err != nil || d.Agree || len(d.Views) != 2 {
		t.Errorf("different content for one epoch: %+v, %v", d, err)
	}
}

// TestVerifyFollowsTheTree: a member of one group of several has its leader ask, a leader the leaders of
// all groups; of a group whose leader is silent, nobody answered.
func TestVerifyFollowsTheTree(t *testing.T) {
	s, _, _ := newSource()
	s.cfg.Groups = append(s.cfg.Groups, config.Group{ID: 5, Nodes: []string{"dn001", "dn002"}})
	seen := *s.seen.Load()
	roster := *seen.status.Group.Roster
	roster.Seats[1].RPC = "cn002:1"
	seen.status.Group.Leader = "cn002"
	s.seen.Store(&seen)
	s.ask = func(_ context.Context, agent string, of calls.Scope) (*publish.VerifyDocument, error) {
		if agent != "cn002:1" || of != calls.OfCluster {
			t.Errorf("asked %s for its %s", agent, of)
		}
		return answered(41, "x", true, "cn001", "cn002", "dn001"), nil
	}
	if d, err := s.Verify(t.Context()); err != nil || len(d.Views) != 1 || len(d.Views[0].Nodes) != 3 {
		t.Errorf("by the leader: %+v, %v", d, err)
	}

	leads := *s.seen.Load()
	leads.status.Group.Leader = "cn001"
	s.seen.Store(&leads)
	if _, err := s.Verify(t.Context()); err == nil {
		t.Error("a leader that knows no other asked somebody")
	}
	leads.status.Places[2].Roster = &control.Roster{Seats: []control.Seat{
		{Slot: 4, Peer: control.Peer{Name: "cn002", RPC: "cn002:1"}},
		{Slot: 5, Peer: control.Peer{Name: "dn001", RPC: "dn001:1"}},
		{Slot: 6, Peer: control.Peer{Name: "en001", RPC: "never"}}, // of a group that is gone
		{Slot: control.FirstSeat, Peer: control.Peer{Name: "cn003", RPC: "never"}},
	}}
	top := view.Compose("tofu", 2, 1, 0, 0, 41, []*view.Group{view.Leaf(&view.View{
		Cluster: "tofu", Instance: 2, Group: 4, Epoch: 3, Members: []view.Identity{{Name: "cn001", Group: 4}, {Name: "cn002", Group: 4, Slot: 1}},
	}), view.Leaf(&view.View{
		Cluster: "tofu", Instance: 2, Group: 5, Epoch: 3, Members: []view.Identity{{Name: "dn001", Group: 5}, {Name: "dn002", Group: 5, Slot: 1}},
	})})
	s.installed.Store(newInstalled(&view.ClusterView{Cluster: "tofu", Instance: 2, Top: top}, nil))
	s.ask = func(_ context.Context, agent string, of calls.Scope) (*publish.VerifyDocument, error) {
		if of != calls.OfGroup || agent == "never" {
			t.Errorf("asked %s for its %s", agent, of)
		}
		if agent == "dn001:1" {
			return nil, errors.New("nobody there")
		}
		return answered(41, "x", true, "cn001", "cn002"), nil
	}
	d, err := s.Verify(t.Context())
	if err != nil || d.Asked != 4 || !cmp.Equal(d.Silent, []string{"dn001", "dn002"}) {
		t.Errorf("by all leaders: %+v, %v", d, err)
	}
}

// TestVerifyWaitsForNobody: daemons that hang are silent, and those that answer are heard before whoever
// asked gives up.
func TestVerifyWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newSource()
		roster := s.seen.Load().status.Group.Roster
		for i := range roster.Seats {
			roster.Seats[i].RPC = roster.Seats[i].Name
		}
		s.ask = func(ctx context.Context, agent string, _ calls.Scope) (*publish.VerifyDocument, error) {
			if agent == "cn002" {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return answered(7, "x", true, agent), nil
		}
		began := time.Now()
		d, err := s.Verify(t.Context())
		if err != nil || !cmp.Equal(d.Silent, []string{"cn002"}) || d.Asked != 3 {
			t.Errorf("%+v, %v", d, err)
		}
		if took := time.Since(began); took != patience[calls.OfNode].one {
			t.Errorf("took %v", took)
		}
	})
	for _, part := range []calls.Scope{calls.OfNode, calls.OfGroup} {
		above := map[calls.Scope]calls.Scope{calls.OfNode: calls.OfGroup, calls.OfGroup: calls.OfCluster}[part]
		if p := patience[part]; p.one > p.all || p.all >= patience[above].one {
			t.Errorf("who asks for the %s waits %v, who gathers it %v", above, patience[above].one, p.all)
		}
	}
}

func TestDiffOfEpochs(t *testing.T) {
	s, _, _ := newSource()
	at := func(instance uint32, epoch uint64, names ...string) {
		v := &view.View{Cluster: "tofu", Instance: instance, Group: 4, Epoch: epoch}
		for slot, name := range names {
			v.Members = append(v.Members, view.Identity{Name: name, Group: 4, Slot: uint16(slot), Incarnation: 1})
		}
		s.epochs.add(&view.ClusterView{Cluster: "tofu", Instance: instance, Top: view.Leaf(v)})
	}
	at(1, 9, "cn009")
	at(2, 1, "cn001")
	at(2, 2, "cn001", "cn002")
	if d, err := s.Diff(1, 2); err != nil || !cmp.Equal(d.Joined, []string{"cn002"}) || len(d.Removed)+len(d.Restarted) != 0 {
		t.Errorf("got %+v, %v", d, err)
	}
	if d, err := s.Diff(2, 1); err != nil || !cmp.Equal(d.Removed, []string{"cn002"}) {
		t.Errorf("backwards: %+v, %v", d, err)
	}
	if _, err := s.Diff(1, 9); err == nil {
		t.Error("an epoch of another instance was found")
	}
	for epoch := range uint64(epochsMax) {
		at(2, epoch+3, "cn001")
	}
	if first, last := s.epochs.span(); last-first != epochsMax-1 || last != epochsMax+2 {
		t.Errorf("held are %d to %d", first, last)
	}
}

func TestTreeAndOtherGroups(t *testing.T) {
	s, r, _ := newSource()
	s.cfg.Groups = append(s.cfg.Groups, config.Group{ID: 1, Name: "rack1", Nodes: []string{"dn001", "dn002"}})
	if _, err := s.Group("rack2"); err == nil {
		t.Error("there is a rack2")
	}
	if tree := s.Tree(); tree.State != publish.Degraded || tree.Here != 2 || tree.Nodes != 8 || tree.Groups[0].Group != 1 || tree.Groups[0].State != publish.Lost {
		t.Errorf("tree %+v", tree)
	}
	top := view.Compose("tofu", 2, 1, 0, 0, 41, []*view.Group{view.Leaf(&view.View{
		Cluster: "tofu", Instance: 2, Group: 1, Generation: 2, Epoch: 3, Members: []view.Identity{{Name: "dn001", Group: 1}, {Name: "dn002", Group: 1, Slot: 1}},
	})})
	s.installed.Store(newInstalled(&view.ClusterView{Cluster: "tofu", Instance: 2, Top: top}, nil))
	r.Epoch = 41
	tree := s.Tree()
	if b := tree.Groups[0]; b.State != publish.Full || b.Seq != 3 || b.Generation != 2 || b.Here != 2 {
		t.Errorf("rack1 %+v", b)
	}
	for _, which := range []string{"1", "rack1"} {
		g, err := s.Group(which)
		if err != nil || g.Name != "rack1" || g.Committed != 3 || len(g.Members) != 2 || g.Members[1].State != view.Alive || g.Role != "other" {
			t.Errorf("group %s: %+v, %v", which, g, err)
		}
	}
}
