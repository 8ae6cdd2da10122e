package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// TestLostRails tells which, and to whom, by the names of this node's interfaces.
func TestLostRails(t *testing.T) {
	s, _, _ := newSource()
	s.cfg.Interfaces = []string{"hsn0", "eth1"}
	seen := *s.seen.Load()
	seen.status.Group.LostRails[1] = control.Of(1, 2)
	s.seen.Store(&seen)
	if d, ok := s.Node(t.Context(), "cn003"); !ok || !slices.Equal(d.LostRails, []string{"eth1"}) {
		t.Errorf("node cn003: %+v", d)
	}
	if d, ok := s.Node(t.Context(), "cn004"); !ok || d.LostRails != nil {
		t.Errorf("node cn004: %+v", d)
	}
	rails := s.rails([]dataplane.OnRail{{Interface: "hsn0"}, {Interface: "eth1", Address: "10.1.0.1:7746", Attach: "tc"}})
	want := []publish.Rail{{Interface: "hsn0"}, {Interface: "eth1", Address: "10.1.0.1:7746", Attach: "tc", LostTo: []string{"cn002", "cn003"}}}
	if diff := cmp.Diff(want, rails); diff != "" {
		t.Errorf("rails (-want +got):\n%s", diff)
	}
	d := s.eventDocument(&control.Event{Kind: control.EventRailLost, Rail: 1, Nodes: []string{"cn002"}}, 0, 0, time.Now())
	if d.Kind != "rail_lost" || d.Rail != "eth1" || !slices.Equal(d.Nodes, []string{"cn002"}) || d.Removed != nil {
		t.Errorf("event: %+v", d)
	}
}

// TestStatusOfARemovedNode keeps instance and epoch together: both are of the last view.
func TestStatusOfARemovedNode(t *testing.T) {
	s, r, _ := newSource()
	*r = control.Register{}
	seen := *s.seen.Load()
	seen.status.Group.Instance, seen.status.Group.Role = 0, "absent"
	s.seen.Store(&seen)
	if d := s.Status(t.Context()); d.Instance != 2 || d.Epoch != 7 || d.Valid {
		t.Errorf("instance %d, epoch %d, valid %v; want the view 2.7, not valid", d.Instance, d.Epoch, d.Valid)
	}
}
