package main

import (
	"context"
	"os"
	"time"

	"rollcall/cmd/internal/version"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

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
