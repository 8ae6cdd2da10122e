package main

import (
	"cmp"
	"context"
	"errors"
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
	calls.OfCluster: {one: 4700 * time.Millisecond},
}

// Verify implements publish.Source: daemons are asked along the tree, so that none has to know
// more addresses than its rosters have. Where the one who leads the way is silent, others are asked.
func (s *source) Verify(ctx context.Context) (publish.VerifyDocument, error) {
	seen := s.seen.Load()
	if seen == nil || seen.status.Group.Roster == nil || s.installed.Load() == nil {
		return publish.VerifyDocument{}, errNoView
	}
	var d *publish.VerifyDocument
	var err error
	if len(s.cfg.Groups) > 1 && seen.above() == nil {
		ctx, cancel := context.WithTimeout(ctx, patience[calls.OfCluster].one)
		defer cancel()
		d, err = inTurn(ctx, s.above(seen), func(ctx context.Context, agent control.Peer) (*publish.VerifyDocument, error) {
			return s.askPart(ctx, agent, calls.OfCluster)
		})
	} else {
		d, err = s.held(ctx, calls.OfCluster)
	}
	if err != nil {
		return publish.VerifyDocument{}, err
	}
	return *d, nil
}

var errNoView = errors.New("this node has no view yet: rollcall status says what it waits for")

var errNoGroup = errors.New("this node is in no group yet: rollcall status says what it waits for")

// held gathers which views the nodes of a part of the cluster hold, this one among them.
func (s *source) held(ctx context.Context, of calls.Scope) (*publish.VerifyDocument, error) {
	d := &publish.VerifyDocument{Schema: publish.Schema, Cluster: s.cfg.Cluster, Views: []publish.Verdict{}, Silent: []string{}}
	if of == calls.OfNode {
		s.addOwn(d)
		return settle(d), nil
	}
	seen := s.seen.Load()
	if seen == nil || seen.status.Group.Roster == nil {
		return nil, errNoGroup
	}
	if of == calls.OfGroup || len(s.cfg.Groups) == 1 {
		s.gather(ctx, d, seatsOf(seen.status.Group.Roster, seen.register.Committed.Members), calls.OfNode)
		return settle(d), nil
	}
	at := seen.above()
	if at == nil {
		leader := seen.status.Group.Roster.Named(seen.status.Group.Leader)
		if leader == nil || leader.Name == s.cfg.Node {
			return nil, errors.New("the leader of this group has no place in the level above yet")
		}
		return s.askPart(ctx, leader.Peer, calls.OfCluster)
	}
	leaders := slices.DeleteFunc(seatsOf(at.Roster, at.Members), func(seat control.Seat) bool { return seat.Slot >= control.FirstSeat })
	s.gather(ctx, d, leaders, calls.OfGroup)
	return settle(d), nil
}

// seatsOf are those in a roster that have the slots of a set.
func seatsOf(r *control.Roster, of control.Bitmap) (list []control.Seat) {
	for _, seat := range r.Seats {
		if of.Has(seat.Slot) {
			list = append(list, seat)
		}
	}
	return list
}

// gather asks each member of a group for its part.
func (s *source) gather(ctx context.Context, d *publish.VerifyDocument, members []control.Seat, part calls.Scope) {
	ctx, cancel := context.WithTimeout(ctx, patience[part].all)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	room := make(chan struct{}, asksAtOnce)
	for _, member := range members {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			ctx, cancel := context.WithTimeout(ctx, patience[part].one)
			defer cancel()
			agents := []control.Peer{member.Peer}
			if part == calls.OfGroup {
				agents = append(agents, s.standIns(member)...)
			}
			got, err := inTurn(ctx, agents, func(ctx context.Context, agent control.Peer) (*publish.VerifyDocument, error) {
				return s.askPart(ctx, agent, part)
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				d.Silent = append(d.Silent, s.namesOf(member, part)...)
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
