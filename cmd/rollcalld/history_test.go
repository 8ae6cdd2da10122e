package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/view/publish"
)

func TestHistoryKeepsTheNewest(t *testing.T) {
	var h history
	if got := h.since(0); len(got) != 0 {
		t.Errorf("an empty history has %d events", len(got))
	}
	for range 3*historyMax + 7 {
		h.add(publish.EventDocument{})
	}
	const last = 3*historyMax + 7
	all := h.since(0)
	if n := len(all); n > historyMax || n < historyMax/2 || all[n-1].Number != last {
		t.Errorf("kept %d events, the newest number %d", n, all[n-1].Number)
	}
	for i, e := range all {
		if e.Number != all[0].Number+uint64(i) {
			t.Fatalf("event %d has number %d", i, e.Number)
		}
	}
	if got := h.since(last - 2); len(got) != 2 || got[0].Number != last-1 {
		t.Errorf("since %d: %d events", last-2, len(got))
	}
	if got := h.since(last + 100); len(got) != 0 {
		t.Errorf("from the future: %d events", len(got))
	}
}

func TestEventDocument(t *testing.T) {
	wall := time.Unix(1000, 0)
	s := &source{cfg: &config.Config{Node: "n", Groups: []config.Group{{ID: 0}, {ID: 3}}}}
	e := &control.Event{
		Kind: control.EventInstalled, At: 7e9, Instance: 1, Level: 1, From: 7, To: 8, Ballot: control.NewBallot(1, 2, 3), Leader: "a", Removed: []string{"b"},
		Why: "silent", Rounds: 1, Missed: 4e9, Verdict: 5e9, Commit: 6e9, Install: 7e9,
		Evidence: []control.Evidence{{Name: "b", Slot: 1, LastEcho: 3e9, Missed: 5, Why: "silent"}},
	}
	want := publish.EventDocument{
		Kind: "installed", At: time.Unix(997, 0), AtNS: 7e9, Node: "n", Instance: 1, Level: 1, Top: true, From: 7, To: 8, Hash: publish.Hex(0xabc), Ballot: "1.2.3",
		Leader: "a", Removed: []string{"b"}, Why: "silent", RoundsUsed: 1, LastEvidenceNS: 4e9, VerdictNS: 5e9, CommitNS: 6e9, InstallNS: 7e9,
		Evidence: []publish.Evidence{{Name: "b", Slot: 1, LastEchoNS: 3e9, Missed: 5, Why: "silent"}},
	}
	if diff := cmp.Diff(want, s.eventDocument(e, 0xabc, 10e9, wall)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if d := s.eventDocument(&control.Event{Group: 3, To: 9}, 0, 0, wall); d.Top || d.Group != 3 || d.Hash != "" {
		t.Errorf("of a group below the top: %+v", d)
	}
}

func TestSuspectsAreNotRemoved(t *testing.T) {
	s := &source{cfg: &config.Config{Groups: make([]config.Group, 1)}}
	d := s.eventDocument(&control.Event{Kind: control.EventSuspect, Removed: []string{"b"}}, 0, 0, time.Now())
	if d.Removed != nil || len(d.Suspected) != 1 {
		t.Errorf("removed %v, suspected %v; want just b suspected", d.Removed, d.Suspected)
	}
}
