package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/view/publish"
)

// standInsMax is how many members of a group are called by their names where its leader does not answer.
const standInsMax = 3

// inTurn asks agents one after the other until one answers.
func inTurn[D any](ctx context.Context, agents []control.Peer, ask func(context.Context, control.Peer) (*D, error)) (*D, error) {
	if len(agents) == 0 {
		return nil, errors.New("this node knows nobody to ask")
	}
	var errs []error
	for _, agent := range agents {
		d, err := ask(ctx, agent)
		if err == nil {
			return d, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// above are the agents that may know more of the cluster than this node: the leader of its group, then the
// contacts, of whom no name is known.
func (s *source) above(seen *snapshot) (agents []control.Peer) {
	own := &seen.status.Group
	if own.Roster != nil && own.Leader != s.cfg.Node {
		if leader := own.Roster.Named(own.Leader); leader != nil {
			agents = append(agents, leader.Peer)
		}
	}
	for _, at := range s.cfg.Contacts {
		agents = append(agents, control.Peer{RPC: at})
	}
	return agents
}

// standIns are members who can be asked for their group in place of its leader: those that have seats above,
// whose addresses are known for that, and some others under their names.
func (s *source) standIns(leader control.Seat) (agents []control.Peer) {
	in, at := s.installed.Load(), s.seen.Load().above()
	if in == nil || at == nil || in.view.Group(leader.Slot) == nil {
		return nil
	}
	seated := map[string]control.Peer{}
	for _, seat := range seatsOf(at.Roster, at.Members) {
		seated[seat.Name] = seat.Peer
	}
	var called []control.Peer
	for _, m := range in.view.Group(leader.Slot).Members {
		switch peer, ok := seated[m.Name]; {
		case m.Name == leader.Name:
		case ok:
			agents = append(agents, peer)
		case len(called) < standInsMax:
			called = append(called, control.Peer{Name: m.Name, RPC: net.JoinHostPort(m.Name, strconv.Itoa(int(s.cfg.RPC.Port())))})
		}
	}
	return append(agents, called...)
}

// askPart asks an agent for its part of the cluster; one that gathers it from others is first asked whether
// it is there at all, which is answered at once.
func (s *source) askPart(ctx context.Context, agent control.Peer, part calls.Scope) (*publish.VerifyDocument, error) {
	if agent.Name == s.cfg.Node {
		return s.held(ctx, part)
	}
	if part != calls.OfNode {
		if err := s.there(ctx, agent); err != nil {
			return nil, err
		}
	}
	return s.ask(ctx, agent.RPC, part)
}

// there reports why an agent is not there, or not the one that it is taken for.
func (s *source) there(ctx context.Context, agent control.Peer) error {
	ctx, cancel := context.WithTimeout(ctx, patience[calls.OfNode].one)
	defer cancel()
	d, err := s.ask(ctx, agent.RPC, calls.OfNode)
	switch {
	case err != nil:
		return err
	case len(d.Views) != 1 || len(d.Views[0].Nodes) != 1:
		return fmt.Errorf("ask %s which view it holds: it answers for %d", agent.RPC, len(d.Views))
	}
	if name := d.Views[0].Nodes[0]; name == s.cfg.Node || agent.Name != "" && name != agent.Name {
		return fmt.Errorf("ask %s at %s: %s answers", agent.Name, agent.RPC, name)
	}
	return nil
}
