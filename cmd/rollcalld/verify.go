package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

// asksAtOnce bounds how many daemons one node asks at a time.
const asksAtOnce = 32

// patience is how long a daemon is waited for that is asked for its part, and how long all are that are
// asked for theirs: who gathers answers sooner than its asker gives up, so one daemon that hangs takes
// nobody's answer along.
var patience = map[calls.Scope]struct{ one, all time.Duration }{
	calls.OfNode:    {one: time.Second, all: 2 * time.Second},
	calls.OfGroup:   {one: 2500 * time.Millisecond, all: 3500 * time.Millisecond},
	calls.OfCluster: {one: 4 * time.Second},
}

// Verify implements publish.Source: daemons are asked along the tree, so that none has to know
// more addresses than its rosters have.
func (s *source) Verify(ctx context.Context) (publish.VerifyDocument, error) {
	d, err := s.held(ctx, calls.OfCluster)
	if err != nil {
		return publish.VerifyDocument{}, err
	}
	return *d, nil
}

// held gathers which views the nodes of a part of the cluster hold, this one among them.
func (s *source) held(ctx context.Context, of calls.Scope) (*publish.VerifyDocument, error) {
	d := &publish.VerifyDocument{Schema: publish.Schema, Cluster: s.cfg.Cluster, Views: []publish.Verdict{}, Silent: []string{}}
	if of == calls.OfNode {
		s.addOwn(d)
		return settle(d), nil
	}
	seen := s.seen.Load()
	if seen == nil || seen.status.Group.Roster == nil {
		return nil, errors.New("this node is in no group yet: rollcall status says what it waits for")
	}
	if of == calls.OfCluster && len(s.cfg.Groups) > 1 {
		leaders := s.leaders(seen)
		if leaders == nil {
			return s.heldByLeader(ctx, seen)
		}
		s.gather(ctx, d, leaders, calls.OfGroup)
		return settle(d), nil
	}
	var members []control.Seat
	for _, seat := range seen.status.Group.Roster.Seats {
		if seen.register.Committed.Members.Has(seat.Slot) {
			members = append(members, seat)
		}
	}
	s.gather(ctx, d, members, calls.OfNode)
	return settle(d), nil
}

// leaders are those who lead the groups of the view, where this host has a place among them. A roster
// names leaders of groups that are gone as well.
func (s *source) leaders(seen *snapshot) []control.Seat {
	in := s.installed.Load()
	for _, p := range []control.Place{control.SeatAt(1), control.PlaceOf(1, 0)} {
		roster := seen.status.Places[p].Roster
		if roster == nil {
			continue
		}
		var leaders []control.Seat
		for _, seat := range roster.Seats {
			if seat.Slot < control.FirstSeat && (in == nil || in.view.Group(seat.Slot) != nil) {
				leaders = append(leaders, seat)
			}
		}
		return leaders
	}
	return nil
}

// heldByLeader has the leader of the group ask, who knows the leaders of the others.
func (s *source) heldByLeader(ctx context.Context, seen *snapshot) (*publish.VerifyDocument, error) {
	leader := seen.status.Group.Roster.Named(seen.status.Group.Leader)
	if leader == nil || leader.Name == s.cfg.Node {
		return nil, errors.New("the leader of this group has no place in the level above yet")
	}
	ctx, cancel := context.WithTimeout(ctx, patience[calls.OfCluster].one)
	defer cancel()
	d, err := s.ask(ctx, leader.RPC, calls.OfCluster)
	if err != nil {
		return nil, fmt.Errorf("ask %s, the leader of this group: %w", leader.Name, err)
	}
	return d, nil
}

// gather asks each peer for its part, and itself where it is one of them.
func (s *source) gather(ctx context.Context, d *publish.VerifyDocument, peers []control.Seat, part calls.Scope) {
	ctx, cancel := context.WithTimeout(ctx, patience[part].all)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	room := make(chan struct{}, asksAtOnce)
	for _, peer := range peers {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			ctx, cancel := context.WithTimeout(ctx, patience[part].one)
			defer cancel()
			var got *publish.VerifyDocument
			var err error
			if peer.Name == s.cfg.Node {
				got, err = s.held(ctx, part)
			} else {
				got, err = s.ask(ctx, peer.RPC, part)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				d.Silent = append(d.Silent, s.namesOf(peer, part)...)
				return
			}
			merge(d, got)
		})
	}
	wg.Wait()
}

// namesOf are the nodes of whom nothing is known when a peer does not answer for its part.
func (s *source) namesOf(peer control.Seat, part calls.Scope) []string {
	in := s.installed.Load()
	if part == calls.OfNode || in == nil {
		return []string{peer.Name}
	}
	group := in.view.Group(peer.Slot)
	if group == nil {
		return []string{peer.Name}
	}
	var names []string
	for i := range group.Members {
		names = append(names, group.Members[i].Name)
	}
	return names
}

func (s *source) addOwn(d *publish.VerifyDocument) {
	v := publish.Verdict{Hash: publish.Hex(0), Nodes: []string{s.cfg.Node}}
	if in := s.installed.Load(); in != nil {
		v.Instance, v.Epoch, v.Hash = in.view.Instance, in.view.Epoch(), publish.Hex(in.view.Hash())
		v.Valid, _ = s.lease(in.view)
	}
	merge(d, &publish.VerifyDocument{Views: []publish.Verdict{v}})
}

// merge adds what a part of the cluster said.
func merge(d, part *publish.VerifyDocument) {
	for _, v := range part.Views {
		i := slices.IndexFunc(d.Views, func(o publish.Verdict) bool {
			return o.Instance == v.Instance && o.Epoch == v.Epoch && o.Hash == v.Hash && o.Valid == v.Valid
		})
		if i < 0 {
			d.Views = append(d.Views, v)
		} else {
			d.Views[i].Nodes = append(d.Views[i].Nodes, v.Nodes...)
		}
	}
	d.Silent = append(d.Silent, part.Silent...)
}

// settle orders what was gathered and judges it.
func settle(d *publish.VerifyDocument) *publish.VerifyDocument {
	d.Agree, d.Asked = true, len(d.Silent)
	d.Silent = hostlist.Sorted(d.Silent)
	slices.SortFunc(d.Views, func(a, b publish.Verdict) int {
		valid := func(v publish.Verdict) int {
			if v.Valid {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Instance, a.Instance), cmp.Compare(b.Epoch, a.Epoch), cmp.Compare(a.Hash, b.Hash), cmp.Compare(valid(a), valid(b)))
	})
	for i := range d.Views {
		v := &d.Views[i]
		v.Nodes = hostlist.Sorted(v.Nodes)
		d.Asked += len(v.Nodes)
		if i > 0 {
			if o := &d.Views[i-1]; o.Instance == v.Instance && o.Epoch == v.Epoch && o.Hash != v.Hash {
				d.Agree = false
			}
		}
	}
	return d
}
