package main

import (
	"context"
	"slices"

	"rollcall/control"
	"rollcall/view/publish"
)

// eventsOfNode is how many events of one node are told at most.
const eventsOfNode = 16

// Node implements publish.Source.
func (s *source) Node(ctx context.Context, name string) (publish.NodeDocument, bool) {
	if name == "" {
		name = s.cfg.Node
	}
	v := s.View()
	i := slices.IndexFunc(v.Members, func(m publish.Member) bool { return m.Name == name })
	if i < 0 {
		return publish.NodeDocument{}, false
	}
	m := &v.Members[i]
	d := publish.NodeDocument{
		Schema: publish.Schema, Cluster: s.cfg.Cluster, Group: m.Group, Events: s.eventsOf(name),
		GroupEntry: publish.GroupEntry{
			Name: name, Slot: m.Slot, State: m.State, Incarnation: m.Incarnation, Addresses: []string{}, Keys: []string{},
			EchoAgeMS: -1, AgentAgeMS: -1,
		},
	}
	if m.Incarnation != "" {
		d.Role = "member"
		if name == v.Leader || m.Group == s.cfg.Own().ID && name == s.groupLeader() {
			d.Role = "leader"
		}
	}
	for _, e := range s.ownGroup().Members { // of nodes of other groups no more is known here
		if e.Name == name {
			e.State = m.State // the lease may have ended since the group was looked at
			d.GroupEntry = e
		}
	}
	if seen := s.seen.Load(); seen != nil && seen.status.Group.Roster != nil && d.Group == s.cfg.Own().ID {
		if seat := seen.status.Group.Roster.Named(name); seat != nil {
			d.RPC, d.Addresses = seat.RPC, addresses(seat)
			d.Wire = seen.wire(seat.Slot)
		}
	}
	if name == s.cfg.Node {
		own := s.Status(ctx)
		d.Own, d.Denied, d.Wire = &own, s.denied(), [2]int{control.WireVersion, control.WireVersion}
	}
	return d, true
}

// groupLeader is who leads this node's group; empty: nobody, or it is not known.
func (s *source) groupLeader() string {
	if seen := s.seen.Load(); seen != nil {
		return seen.status.Group.Leader
	}
	return ""
}

// denied is what this node refused.
func (s *source) denied() *publish.Denied {
	d := &publish.Denied{Frames: map[string]uint64{}}
	_, d.Calls = s.called.Counts()
	for i, n := range s.plane.Stats() {
		if reason := control.Reason(i); n > 0 && reason.Refuses() {
			d.Frames[reason.String()] = n
		}
	}
	return d
}

// eventsOf are the newest events that name a node.
func (s *source) eventsOf(name string) []publish.EventDocument {
	list := []publish.EventDocument{}
	for _, e := range s.Events(0) {
		if slices.Contains(e.Joined, name) || slices.Contains(e.Removed, name) || slices.Contains(e.Suspected, name) || slices.Contains(e.Nodes, name) {
			list = append(list, e)
		}
	}
	return list[max(0, len(list)-eventsOfNode):]
}
