package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rollcall/control"
	"rollcall/view/publish"
)

func TestOrders(t *testing.T) {
	for _, test := range []struct {
		role  string
		state control.RegisterState
		order publish.Order
		want  control.Order
		fails string
	}{
		{"leader", control.RegisterMember, publish.Order{Verb: publish.Leave}, control.OrderLeave, ""},
		{"left", control.RegisterVacant, publish.Order{Verb: publish.Leave}, 0, "left already"},
		{"left", control.RegisterVacant, publish.Order{Verb: publish.Join}, control.OrderJoin, ""},
		{"leader", control.RegisterMember, publish.Order{Verb: publish.Join}, 0, "has not left"},
		{"leader", control.RegisterMember, publish.Order{Verb: publish.Shutdown}, control.OrderShutdown, ""},
		{"absent", control.RegisterVacant, publish.Order{Verb: publish.Shutdown}, 0, "no member"},
		{"absent", control.RegisterVacant, publish.Order{Verb: publish.Found, Abandon: 3}, control.OrderAbandon, ""},
		{"leader", control.RegisterMember, publish.Order{Verb: publish.Found}, 0, "nothing to found"},
		{"leader", control.RegisterMember, publish.Order{Verb: publish.Recover}, 0, "one group"},
		{"leader", control.RegisterMember, publish.Order{Verb: "dance"}, 0, "no order"},
	} {
		s, r, _ := newSource()
		r.State = test.state
		s.seen.Store(&snapshot{status: control.HostStatus{Group: control.Status{Role: test.role}}})
		var got control.HostInput
		s.offer = func(in input) error {
			got = in.HostInput
			in.taken <- nil
			return nil
		}
		err := s.Do(t.Context(), test.order)
		if got.Order != test.want || got.Abandon != test.order.Abandon && err == nil {
			t.Errorf("%s while %s: ordered %+v", test.order.Verb, test.role, got)
		}
		if (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%s while %s: %v", test.order.Verb, test.role, err)
		}
	}
}

// TestRecoverIsRefused: whoever has no seat cannot recover the cluster, and what the host has against it is told.
func TestRecoverIsRefused(t *testing.T) {
	s := twoGroups()
	refused := errors.New("somebody leads")
	s.offer = func(in input) error {
		if in.Order != control.OrderRecover {
			t.Errorf("ordered %v", in.Order)
		}
		in.taken <- refused
		return nil
	}
	order := publish.Order{Verb: publish.Recover}
	if err := s.Do(t.Context(), order); err == nil || !strings.Contains(err.Error(), "no seat") {
		t.Errorf("without a seat: %v", err)
	}
	s.seen.Load().status.Places[control.SeatAt(1)].Role = "follower"
	if err := s.Do(t.Context(), order); !errors.Is(err, refused) {
		t.Errorf("while somebody leads: %v", err)
	}
	refused = nil
	if err := s.Do(t.Context(), order); err != nil {
		t.Error(err)
	}
}

func TestOrderGivesUpOnABusyLoop(t *testing.T) {
	s, _, _ := newSource()
	s.offer = func(input) error { return errBusy }
	if err := s.Do(t.Context(), publish.Order{Verb: publish.Leave}); !errors.Is(err, errBusy) {
		t.Errorf("full queue: %v", err)
	}
	s.offer = func(input) error { return nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Do(ctx, publish.Order{Verb: publish.Leave}); !errors.Is(err, context.Canceled) {
		t.Errorf("loop that never takes it: %v", err)
	}
}
