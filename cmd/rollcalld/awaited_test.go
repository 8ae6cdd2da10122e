package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/view"
	"rollcall/view/publish"
)

// TestStatusTellsWhatTheClusterAwaits: a node that waits for nothing itself tells of groups that are not there, until
// they are taken for dead, and one with a place above its group of those of which nobody has a seat.
func TestStatusTellsWhatTheClusterAwaits(t *testing.T) {
	s := twoGroups()
	said := func(want string) {
		t.Helper()
		if got := s.Status(t.Context()).Awaiting; got != want {
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
	said("1 of 4 groups: rack7") // rack6 was lost before this node joined, as the roster above its group says
	in := *s.installed.Load()
	in.gone = []departed{{Identity: view.Identity{Name: "en001", Group: 6}, at: time.Now(), whole: true}}
	s.installed.Store(&in)
	said("2 of 4 groups: rack[6-7]") // it may be formed anew
	in.gone[0].at = in.gone[0].at.Add(-formAnew(&s.seen.Load().register))
	said("1 of 4 groups: rack7")
	in.gone[0].whole = false // it was back, and left the view again as this node was away
	said("1 of 4 groups: rack7")
	in.gone, *above = nil, control.Status{} // who has no place above its group asks
	var asked []string
	s.askStructure = func(_ context.Context, agent string) (*publish.Structure, error) {
		if asked = append(asked, agent); len(asked) == 1 {
			return nil, errors.New("silent")
		}
		return &publish.Structure{Lost: []uint16{6}}, nil
	}
	said("1 of 4 groups: rack7")
	if diff := cmp.Diff([]string{"cn002:1", "contact:1"}, asked); diff != "" {
		t.Errorf("asked, -want +got:\n%s", diff)
	}
	s.askStructure = func(context.Context, string) (*publish.Structure, error) { return nil, errors.New("silent") }
	said("2 of 4 groups: rack[6-7]")
	s.seen.Load().status.Group.Awaiting = "an order to join again"
	said("an order to join again")
	s.register = func() control.Register { return control.Register{} }
	s.seen.Load().status.Group.Awaiting = ""
	said("")
}
