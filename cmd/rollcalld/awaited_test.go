package main

import (
	"testing"
	"time"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/view"
)

// TestStatusTellsWhatTheClusterAwaits: a node that waits for nothing itself tells of groups that are not there, until
// they are taken for dead, and one with a place above its group of those of which nobody has a seat.
func TestStatusTellsWhatTheClusterAwaits(t *testing.T) {
	s := twoGroups()
	said := func(want string) {
		t.Helper()
		if got := s.Status().Awaiting; got != want {
			t.Errorf("awaits %q, want %q", got, want)
		}
	}
	said("")
	seated(s)
	said("")
	above := &s.seen.Load().status.Places[control.SeatAt(1)]
	above.Members.Clear(control.FirstSeat + 1) // dn003's
	said("seats for 1 of 2 groups: group5")
	for slot := uint16(control.FirstSeat); slot < control.Slots; slot++ { // none is free
		above.Members.Set(slot)
		above.Roster = above.Roster.With(control.Seat{Slot: slot, Peer: control.Peer{Name: "cn002"}})
	}
	said("")
	s.cfg.Groups = append(s.cfg.Groups, config.Group{ID: 6, Name: "rack6"}, config.Group{ID: 7, Name: "rack7"})
	said("2 of 4 groups: rack[6-7]")
	in := *s.installed.Load()
	in.gone = []departed{{Identity: view.Identity{Name: "en001", Group: 6}, at: time.Now(), whole: true}}
	s.installed.Store(&in)
	said("2 of 4 groups: rack[6-7]") // it may be formed anew
	in.gone[0].at = in.gone[0].at.Add(-formAnew(&s.seen.Load().register))
	said("1 of 4 groups: rack7")
	in.gone[0].whole = false // it was, and left the view again as this node was away
	said("2 of 4 groups: rack[6-7]")
	s.seen.Load().status.Group.Awaiting = "an order to join again"
	said("an order to join again")
	s.register = func() control.Register { return control.Register{} }
	s.seen.Load().status.Group.Awaiting = ""
	said("")
}
