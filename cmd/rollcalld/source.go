package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/internal/version"
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

// Status implements publish.Source.
func (s *source) Status(ctx context.Context) publish.StatusDocument {
	d := publish.StatusDocument{
		Schema: publish.Schema, Cluster: s.cfg.Cluster, Node: s.cfg.Node, Role: "absent", Awaiting: "its first step",
		Profile: s.cfg.Profile, IntervalUS: s.cfg.Interval.Microseconds(), Rounds: s.cfg.Rounds,
		PID: os.Getpid(), Realtime: s.granted.realtime, Locked: s.granted.locked, Started: s.started,
		Version: version.String(), Socket: s.cfg.Socket, Config: s.cfg.File, Roster: publish.Hex(0), Places: []publish.Place{},
	}
	about := s.plane.Describe()
	d.Plane, d.Attach, d.Transport = about.Plane, about.Attach, about.Transport
	if len(about.Rails) > 0 {
		d.Interface, d.Address = about.Rails[0].Interface, about.Rails[0].Address
	}
	d.Rails = s.rails(about.Rails)
	d.Adopted, d.PinDir, d.Refused, d.Warning = about.Adopted, about.PinDir, about.Refused, about.Warning
	d.Pacing = pacing(&about.Pacing)
	r := s.register()
	d.Incarnation = publish.Hex(r.Incarnation)
	d.Key, _ = signing(&r)
	d.Keys = keyIDs(&r.Keys)
	if r.State != control.RegisterVacant && r.BeatAt != 0 { // timing is the leader's
		d.IntervalUS, d.Rounds = int64(r.IntervalUS), int(r.Rounds)
	}
	seen, in := s.seen.Load(), s.installed.Load()
	if seen != nil {
		own := &seen.status.Group
		d.Role, d.Leader, d.Slot, d.Awaiting = own.Role, own.Leader, own.Slot, own.Awaiting
		d.Roster = publish.Hex(seen.register.Rosters[0])
		d.Waiting, d.Places = seen.status.Waiting, places(&seen.status)
	}
	if in != nil {
		d.Instance, d.Epoch = in.view.Instance, in.view.Epoch()
		var left time.Duration
		d.Valid, left = s.lease(in.view)
		d.LeaseMS = left.Milliseconds()
	}
	if d.Valid && d.Awaiting == "" && seen != nil {
		d.Awaiting = s.awaited(ctx, seen, in)
	}
	return d
}

// places are those that a host has above its own group.
func places(s *control.HostStatus) []publish.Place {
	list := []publish.Place{}
	for p := range control.Place(control.Places) {
		if at := s.At(p); p.Level() > 0 && at.Role != "" {
			list = append(list, publish.Place{
				Level: at.Level, Group: at.Group, Slot: at.Slot, Seat: p.Votes(), Role: at.Role, Leader: at.Leader, Awaiting: at.Awaiting,
			})
		}
	}
	return list
}

// ownGroup is the group as this node's kernel and daemon see it.
func (s *source) ownGroup() publish.GroupDocument {
	r := s.register()
	d := publish.GroupDocument{
		Schema: publish.Schema, Cluster: s.cfg.Cluster, Instance: r.Instance, Level: r.Level, Group: s.cfg.Own().ID, Name: s.cfg.Own().Name, Role: "absent",
		Ballot: r.Promised.String(), Accepted: r.Accepted.Seq, Committed: r.Committed.Seq, Roster: publish.Hex(r.Rosters[0]),
		Round: r.BeatRound, Quorum: quorum(r.Committed.Members), Members: []publish.GroupEntry{},
	}
	d.Key, d.NextKey = signing(&r)
	seen := s.seen.Load()
	if seen == nil {
		return d
	}
	own := &seen.status.Group
	d.Role, d.Leader = own.Role, own.Leader
	if own.Roster == nil {
		return d
	}
	for i := range own.Roster.Seats {
		seat := &own.Roster.Seats[i]
		if !r.Committed.Members.Has(seat.Slot) && !r.Accepted.New.Has(seat.Slot) {
			continue
		}
		e := publish.GroupEntry{
			Name: seat.Name, Slot: seat.Slot, State: own.States[seat.Slot], Incarnation: publish.Hex(seat.Incarnation),
			Addresses: addresses(seat), EchoAgeMS: -1, AgentAgeMS: -1, Keys: []string{},
		}
		if !r.Committed.Members.Has(seat.Slot) {
			e.State = view.Joining
		}
		if i := slices.IndexFunc(seen.members, func(m member) bool { return m.slot == seat.Slot }); i >= 0 {
			seen.members[i].describe(&e, seen)
		}
		e.LostRails = s.lostRails(own, seat.Slot)
		if seat.Name == s.cfg.Node {
			e.Keys = keyIDs(&r.Keys)
		}
		d.Members = append(d.Members, e)
	}
	return d
}

func (m *member) describe(e *publish.GroupEntry, seen *snapshot) {
	e.Relayed = m.relayed
	e.RTTNS, e.Accepted, e.Committed, e.Keys = m.rttNS, m.accepted, m.committed, keyIDs(&m.keys)
	if m.echoAt != 0 {
		e.EchoAgeMS = seen.at.Since(m.echoAt).Milliseconds()
	}
	e.AgentExited = m.exited
	if m.agentAgeMS != control.NoAgent {
		e.AgentAgeMS = int64(m.agentAgeMS)
	}
	if m.round != 0 && seen.asking.Preparing == 0 && seen.asking.Round > m.round+1 {
		e.Missed = int(seen.asking.Round - m.round - 1) // the newest round may still be under way
	}
}

// quorum is how many votes decide for the members, at most.
func quorum(members control.Bitmap) int {
	n := members.Len()
	if n == 0 {
		return 0
	}
	return n/2 + 1
}

func addresses(seat *control.Seat) []string {
	list := []string{}
	for _, rail := range seat.Rails {
		if rail.UDP.IsValid() {
			list = append(list, rail.UDP.String())
		} else {
			list = append(list, net.HardwareAddr(rail.MAC[:]).String())
		}
	}
	return list
}

// Events implements publish.Source.
func (s *source) Events(since uint64) []publish.EventDocument { return s.history.since(since) }

// Do implements publish.Source.
func (s *source) Do(ctx context.Context, o publish.Order) error {
	if o.Verb == publish.ReloadKeys {
		return s.reload()
	}
	in, err := s.order(o)
	if err != nil {
		return err
	}
	taken := make(chan error, 1)
	if err := s.offer(input{HostInput: in, taken: taken}); err != nil {
		return err
	}
	select {
	case err := <-taken:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: the daemon is too busy: %w", o.Verb, ctx.Err())
	}
}

// order translates an order, or says why it makes no sense here.
func (s *source) order(o publish.Order) (control.HostInput, error) {
	role := ""
	if seen := s.seen.Load(); seen != nil {
		role = seen.status.Group.Role
	}
	switch o.Verb {
	case publish.Leave:
		if role == "left" {
			return control.HostInput{}, errors.New("this node has left already")
		}
		return control.HostInput{Order: control.OrderLeave}, nil
	case publish.Join:
		if role != "left" {
			return control.HostInput{}, errors.New("this node has not left: it joins by itself")
		}
		return control.HostInput{Order: control.OrderJoin}, nil
	case publish.Shutdown:
		if s.register().State != control.RegisterMember {
			return control.HostInput{}, errors.New("this node is no member: order it on one that is")
		}
		return control.HostInput{Order: control.OrderShutdown}, nil
	case publish.Readmit:
		switch own := s.cfg.Own(); {
		case !slices.Contains(own.Nodes, o.Node):
			return control.HostInput{}, fmt.Errorf("%.80q is no node of this node's group: order it on one of its own", o.Node)
		case s.register().State != control.RegisterMember:
			return control.HostInput{}, errors.New("this node is no member: order it on one that is")
		}
		return control.HostInput{Order: control.OrderReadmit, Name: o.Node}, nil
	case publish.Recover:
		if len(s.cfg.Groups) == 1 {
			return control.HostInput{}, errors.New("this cluster has one group and no seats above it: rollcall found --abandon is its decree")
		}
		if seen := s.seen.Load(); seen == nil || !seen.seated() {
			return control.HostInput{}, errors.New("this node has no seat above the groups: order it on one that has, as founders do; rollcall status shows its places")
		}
		return control.HostInput{Order: control.OrderRecover}, nil
	case publish.Found:
		switch {
		case !s.cfg.Founder():
			return control.HostInput{}, fmt.Errorf("this node is no founder: order it on one of %v", s.cfg.Founders)
		case role != "absent":
			return control.HostInput{}, errors.New("this node belongs to a cluster: nothing to found")
		}
		return control.HostInput{Order: control.OrderAbandon, Abandon: o.Abandon}, nil
	}
	return control.HostInput{}, fmt.Errorf("no order %q", string(o.Verb))
}

func pacing(p *dataplane.Pacing) publish.Pacing {
	d := publish.Pacing{
		Pacer: p.Pacer, Refused: p.Refused, Ticking: p.Ticking, CPU: p.CPU, Ticks: p.Ticks,
		IntervalUS: p.Interval.Microseconds(), LateUS: p.Late.Microseconds(), LatestUS: p.Latest.Microseconds(), Lost: p.Lost,
		Levels: []publish.PacedLevel{},
	}
	for _, l := range p.Levels {
		d.Levels = append(d.Levels, publish.PacedLevel{Level: l.Level, IntervalUS: l.Interval.Microseconds(), Kernel: l.Kernel, Thread: l.Thread})
	}
	return d
}
