package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/view"
	"rollcall/view/publish"
)

func TestGroupDocument(t *testing.T) {
	s, _, _ := newSource()
	g, err := s.Group(t.Context(), "4")
	if err != nil {
		t.Fatal(err)
	}
	if same, err := s.Group(t.Context(), publish.GroupLabel("", 4)); err != nil || !cmp.Equal(same, g) {
		t.Errorf("as the tree names it: %+v, %v", same, err)
	}
	if g.Committed != 7 || g.Accepted != 8 || g.Quorum != 2 || g.Leader != "cn001" || len(g.Members) != 4 {
		t.Fatalf("got %+v", g)
	}
	want := publish.GroupEntry{
		Name: "cn003", Slot: 2, State: view.Suspect, Incarnation: publish.Hex(3), Addresses: []string{},
		Missed: 4, EchoAgeMS: 100, AgentAgeMS: -1, Keys: []string{"00000010", "00000021"},
	}
	if diff := cmp.Diff(want, g.Members[2]); diff != "" {
		t.Errorf("suspect (-want +got):\n%s", diff)
	}
	if g.Key != "00000021" || g.NextKey != "00000010" || len(g.Members[0].Keys) != 2 || len(g.Members[1].Keys) != 0 {
		t.Errorf("key %s, next %s, own %v, cn002's %v", g.Key, g.NextKey, g.Members[0].Keys, g.Members[1].Keys)
	}
	if g.Members[3].State != view.Joining {
		t.Errorf("cn004 is %v", g.Members[3].State)
	}
}
