package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/view"
	"rollcall/view/publish"
)

// Group implements publish.Source.
func (s *source) Group(ctx context.Context, which string) (publish.GroupDocument, error) {
	g, err := s.find(which)
	if err != nil {
		return publish.GroupDocument{}, err
	}
	if g.ID == s.cfg.Own().ID {
		return s.ownGroup(), nil
	}
	d, err := s.otherGroup(g)
	if err == nil && d.Committed != 0 {
		d.Leader = s.structure(ctx).Leaders[g.ID]
	}
	return d, err
}

func (s *source) find(which string) (*config.Group, error) {
	if which == "" {
		return s.cfg.Own(), nil
	}
	for i := range s.cfg.Groups {
		if g := &s.cfg.Groups[i]; publish.GroupLabel(g.Name, g.ID) == which || strconv.Itoa(int(g.ID)) == which {
			return g, nil
		}
	}
	return nil, fmt.Errorf("no group %q: rollcall tree -o wide lists them", which)
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

// otherGroup is what the cluster view says of a group.
func (s *source) otherGroup(g *config.Group) (publish.GroupDocument, error) {
	in := s.installed.Load()
	if in == nil {
		return publish.GroupDocument{}, errNoView
	}
	d := publish.GroupDocument{
		Schema: publish.Schema, Cluster: s.cfg.Cluster, Instance: in.view.Instance, Group: g.ID, Name: g.Name, Role: publish.RoleOther,
		Roster: publish.Hex(0), Members: []publish.GroupEntry{},
	}
	held := in.view.Group(g.ID)
	if held == nil {
		return d, nil
	}
	valid, _ := s.lease(in.view)
	state := view.Unknown
	if valid {
		state = view.Alive
	}
	var members control.Bitmap
	for _, m := range held.Members {
		members.Set(m.Slot)
		d.Members = append(d.Members, publish.GroupEntry{
			Name: m.Name, Slot: m.Slot, State: state, Incarnation: publish.Hex(m.Incarnation), Addresses: []string{}, EchoAgeMS: -1, AgentAgeMS: -1,
		})
	}
	d.Ballot, d.Accepted, d.Committed, d.Quorum = fmt.Sprintf("%d.-.-", held.Generation), held.Seq, held.Seq, quorum(members)
	return d, nil
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
