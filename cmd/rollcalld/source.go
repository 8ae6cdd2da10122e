package main

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view"
	"rollcall/view/publish"
)

// source answers the API from what the loop last showed, and from the register's page for
// what must be true at the moment: the lease. It never waits for the loop but in Do.
type source struct {
	publish.Signal
	cfg   *config.Config
	plane interface {
		Stats() [control.Reasons]uint64
		Describe() dataplane.Description
	}
	register     func() control.Register
	now          func() control.Time
	offer        func(input) error
	reload       func() error // of the key file
	ask          func(ctx context.Context, agent string, of calls.Scope) (*publish.VerifyDocument, error)
	askChange    func(ctx context.Context, leader string, c calls.Change) (*publish.EventDocument, error)
	askStructure func(ctx context.Context, agent string) (*publish.Structure, error)
	called       interface {
		Counts() (taken, refused uint64)
	}
	sender interface {
		Counts() (sent, failed uint64)
	}
	loop    *loop // its counters only
	granted granted
	started time.Time

	seen      atomic.Pointer[snapshot]
	installed atomic.Pointer[installed]
	recorder  *recorder
	history   history
	epochs    epochs
}

// lease tells whether v may be trusted now, and for how long. Of a cluster of several groups the
// register knows the epoch from the beats.
func (s *source) lease(v *view.ClusterView) (valid bool, left time.Duration) {
	r, now := s.register(), s.now()
	if v == nil || !r.Valid(now) || r.Instance != v.Instance {
		return false, 0
	}
	if v.Top.Level == 0 && r.Committed.Seq > v.Epoch() || v.Top.Level > 0 && r.Outdates(v.Epoch(), v.Hash()) {
		return false, 0
	}
	return true, min(r.LeaseUntil, r.UpperUntil).Since(now)
}

// View implements publish.Source.
func (s *source) View() publish.Document {
	seen, in := s.seen.Load(), s.installed.Load()
	if in == nil {
		in = &installed{}
	}
	valid, left := s.lease(in.view)
	own := s.cfg.Own().ID
	state := func(m view.Identity) view.State {
		switch {
		case m.Name == s.cfg.Node:
			return s.self(seen)
		case m.Group == own:
			return s.beside(m, seen, in)
		case !valid:
			return view.Unknown
		}
		return view.Alive // how they fare is known in their group
	}
	d := publish.NewDocument(in.flat, state, s.others(seen, in))
	if in.view != nil {
		d.Hash = publish.Hex(in.view.Hash())
	}
	d.Cluster, d.Valid, d.LeaseMS, d.At, d.MonoNS = s.cfg.Cluster, valid, left.Milliseconds(), in.at, in.monoNS
	return d
}

// self is how this node fares, which it alone knows for sure.
func (s *source) self(seen *snapshot) view.State {
	switch {
	case seen != nil && seen.status.Group.Role == "left":
		return view.Left
	case s.register().State != control.RegisterMember:
		return view.Joining // the view is one that this node was in before
	}
	return view.Alive
}

// beside is how a member of the view fares that is in this node's own group, which knows it though it may be
// cut off from all others.
func (s *source) beside(m view.Identity, seen *snapshot, in *installed) view.State {
	r := s.register()
	switch {
	case seen == nil || !r.Leased(s.now()) || r.Instance != in.view.Instance:
		return view.Unknown
	case !seen.register.Committed.Members.Has(m.Slot) && seen.register.Committed.Seq > in.view.Group(m.Group).Seq:
		return view.Gone // and the cluster does not know yet
	}
	return seen.status.Group.States[m.Slot]
}

// others are the nodes that are known but not in the view.
func (s *source) others(seen *snapshot, in *installed) (list []publish.Member) {
	known := map[string]bool{}
	group, r := s.cfg.Own().ID, s.register()
	add := func(name string, slot uint16, state view.State) {
		if !known[name] {
			known[name] = true
			list = append(list, publish.Member{Name: name, Group: group, Slot: slot, State: state})
		}
	}
	if in.flat != nil {
		for i := range in.flat.Members {
			known[in.flat.Members[i].Name] = true
		}
	}
	if seen != nil {
		roster := seen.status.Group.Roster
		if roster == nil {
			roster = &control.Roster{}
		}
		for _, p := range seen.status.Group.Past {
			var slot uint16
			if seat := roster.Named(p.Name); seat != nil {
				slot = seat.Slot
			}
			add(p.Name, slot, p.State)
		}
		for i := range roster.Seats {
			seat := &roster.Seats[i]
			switch {
			case seen.register.Accepted.New.Has(seat.Slot):
				add(seat.Name, seat.Slot, view.Joining)
			case in.flat != nil:
				add(seat.Name, seat.Slot, view.Gone) // was a member once, before this node was
			default: // the roster may be of an instance before this host's boot
			}
		}
	}
	formed := formAnew(&r)
	for i := range in.gone {
		m := &in.gone[i]
		group = m.Group
		add(m.Name, m.Slot, m.state(formed))
	}
	for i := range s.cfg.Groups {
		group = s.cfg.Groups[i].ID
		for _, name := range s.cfg.Groups[i].Nodes {
			add(name, 0, view.Absent)
		}
	}
	slices.SortFunc(list, func(a, b publish.Member) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name))
	})
	return list
}
