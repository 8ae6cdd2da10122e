package main

import (
	"context"
	"errors"

	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/view/publish"
)

// structure is who leads the cluster and its groups and has seats above them. Only who has a place above its group
// knows of others; who has none asks.
func (s *source) structure(ctx context.Context) publish.Structure {
	seen := s.seen.Load()
	if seen == nil {
		return publish.Structure{}
	}
	led := publish.Structure{}
	if len(s.cfg.Groups) > 1 {
		told, err := s.knownAbove()
		if err != nil {
			told, err = inTurn(ctx, s.above(seen), func(ctx context.Context, p control.Peer) (*publish.Structure, error) {
				ctx, cancel := context.WithTimeout(ctx, patience[calls.OfNode].one)
				defer cancel()
				return s.askStructure(ctx, p.RPC)
			})
		}
		if err == nil {
			led = *told
		}
	}
	if led.Leaders == nil {
		led.Leaders = map[uint16]string{}
	}
	if leader := seen.status.Group.Leader; leader != "" {
		led.Leaders[s.cfg.Own().ID] = leader
	}
	return led
}

// knownAbove is the structure by what this host knows itself.
func (s *source) knownAbove() (*publish.Structure, error) {
	seen := s.seen.Load()
	if seen == nil || seen.above() == nil {
		return nil, errors.New("this node has no place above its group")
	}
	at, in := seen.above(), s.installed.Load()
	led := &publish.Structure{Root: at.Leader, Leaders: map[uint16]string{}}
	for _, seat := range at.Roster.Seats {
		switch {
		case !at.Members.Has(seat.Slot) && seat.Slot < control.FirstSeat && !in.mayReturn(seat.Slot, formAnew(&seen.register)):
			led.Lost = append(led.Lost, seat.Slot)
		case !at.Members.Has(seat.Slot):
		case seat.Slot < control.FirstSeat:
			led.Leaders[seat.Slot] = seat.Name
		default:
			led.Seats = append(led.Seats, seat.Name)
		}
	}
	return led, nil
}
