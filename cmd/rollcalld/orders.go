package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rollcall/control"
	"rollcall/view/publish"
)

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
