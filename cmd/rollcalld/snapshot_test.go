package main

import (
	"testing"

	"rollcall/control"
	"rollcall/view"
)

// TestStatesOfSlots: who was removed is told as gone, and who is about to be let in as joining; a member that
// was removed before is what it is now.
func TestStatesOfSlots(t *testing.T) {
	s := &snapshot{}
	if s.states() != [control.Slots]uint32{} {
		t.Error("slots have states before anybody has a slot")
	}
	own := &s.status.Group
	own.Roster = &control.Roster{Seats: []control.Seat{
		{Peer: control.Peer{Name: "cn001"}, Slot: 0}, {Peer: control.Peer{Name: "cn002"}, Slot: 1},
		{Peer: control.Peer{Name: "cn003"}, Slot: 2}, {Peer: control.Peer{Name: "cn004"}, Slot: 5},
	}}
	own.Members = control.Of(0, 1)
	own.States[0], own.States[1] = view.Alive, view.Suspect
	own.Past = []control.Past{{Name: "cn003", State: view.Gone}, {Name: "cn009", State: view.Left}, {Name: "cn002", State: view.Gone}}
	s.register.Accepted.New = control.Of(0, 1, 5)
	want := [control.Slots]uint32{0: uint32(view.Alive), 1: uint32(view.Suspect), 2: uint32(view.Gone), 5: uint32(view.Joining)}
	if got := s.states(); got != want {
		t.Errorf("states %v, want %v", got[:8], want[:8])
	}
}
