package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/cmd/rollcalld/calls"
	"rollcall/view/publish"
)

func installedBy(leader string, to uint64) publish.EventDocument {
	return publish.EventDocument{Kind: "installed", Node: "cn002", Leader: leader, Instance: 1, To: to, Hash: publish.Hex(to), InstallNS: 50}
}

// record plays the events through a recorder whose leader answers as told, and returns what was
// shown, and after how long.
func record(t *testing.T, events []publish.EventDocument, ask func(int, *publish.EventDocument) (*publish.EventDocument, error)) (shown []publish.EventDocument, at []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var asked atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		r := newRecorder(func(e publish.EventDocument) {
			shown, at = append(shown, e), append(at, time.Since(start))
			if len(shown) == len(events) {
				cancel()
			}
		}, func(_ context.Context, e *publish.EventDocument) (*publish.EventDocument, error) {
			return ask(int(asked.Add(1)), e)
		}, func() int { return 3 })
		for _, e := range events {
			r.add(e)
		}
		r.run(ctx)
	})
	return shown, at
}

func TestTheLeaderTellsWhy(t *testing.T) {
	led := &publish.EventDocument{
		Why: "5 rounds unanswered", RoundsUsed: 1, LastEvidenceNS: 10, VerdictNS: 20, CommitNS: 30, InstallNS: 31, Node: "cn001",
		Evidence: []publish.Evidence{{Name: "cn003", Missed: 5}},
	}
	shown, at := record(t, []publish.EventDocument{installedBy("cn001", 8), {Kind: "suspect", Node: "cn002"}},
		func(n int, e *publish.EventDocument) (*publish.EventDocument, error) {
			if n == 1 {
				return nil, errors.New("not yet")
			}
			return led, nil
		})
	e := shown[0]
	if e.Why != led.Why || e.RoundsUsed != 1 || e.LastEvidenceNS != 10 || e.VerdictNS != 20 || e.CommitNS != 30 || len(e.Evidence) != 1 {
		t.Errorf("the record lacks what the leader told: %+v", e)
	}
	if e.Node != "cn002" || e.InstallNS != 50 {
		t.Errorf("the record lost what is this node's own: %+v", e)
	}
	if at[0] != 3*askApart+askAgain || shown[1].Kind != "suspect" || at[1] != at[0] {
		t.Errorf("shown %v after %v, want the change when it was answered and the suspicion after it", shown, at)
	}
}

func TestASilentLeaderHoldsNothingUpForLong(t *testing.T) {
	events := []publish.EventDocument{installedBy("cn001", 8), installedBy("cn001", 9), installedBy("cn001", 10)}
	var asked atomic.Int32
	shown, at := record(t, events, func(int, *publish.EventDocument) (*publish.EventDocument, error) {
		asked.Add(1)
		return nil, errors.New("connection refused")
	})
	for i := range events {
		if want := 3*askApart + askAgain; shown[i].To != events[i].To || shown[i].CommitNS != 0 || at[i] != want {
			t.Errorf("event %d: %+v after %v, want it as it was after %v", i, shown[i], at[i], want)
		}
	}
	if n := int(asked.Load()); n != askTries*len(events) {
		t.Errorf("asked %d times about %d changes, want %d times each", n, len(events), askTries)
	}
}

func TestOthersAreNotAskedForNothing(t *testing.T) {
	own, known := installedBy("cn002", 8), installedBy("cn001", 9)
	known.CommitNS = 1
	_, at := record(t, []publish.EventDocument{own, known, installedBy("", 10), {Kind: "removed", Leader: "cn001"}},
		func(_ int, e *publish.EventDocument) (*publish.EventDocument, error) {
			t.Errorf("asked about %+v", e)
			return nil, errors.New("why me?")
		})
	if at[3] != 0 {
		t.Errorf("shown after %v", at)
	}
}

// TestLed: who led a change tells others before it may show the record itself.
func TestLed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		dead := func(context.Context, *publish.EventDocument) (*publish.EventDocument, error) {
			return nil, errors.New("connection refused")
		}
		s.recorder = newRecorder(s.show, dead, func() int { return 0 })
		change := func(of uint64) calls.Change { return calls.Change{Instance: 1, To: of, Hash: publish.Hex(of)} }
		for _, to := range []uint64{7, 8} {
			e := installedBy("cn002", to)
			e.CommitNS = to
			s.recorder.add(e)
			s.recorder.add(installedBy("cn001", 10*to)) // keeps what comes after it from being shown
		}
		for _, to := range []uint64{7, 8} {
			if e, err := s.led(t.Context(), change(to)); err != nil || e.CommitNS != to {
				t.Errorf("got %+v, %v", e, err)
			}
		}
		if shown := s.history.since(0); len(shown) != 1 {
			t.Errorf("shown: %+v", shown)
		}
		other := change(7)
		other.Instance = 2
		wrong := change(8)
		wrong.Hash = publish.Hex(7)
		for _, c := range []calls.Change{change(70), change(9), other, wrong} {
			if e, err := s.led(t.Context(), c); err == nil {
				t.Errorf("%+v: got %+v", c, e)
			}
		}
		early := make(chan error)
		go func() {
			_, err := s.led(t.Context(), change(9))
			early <- err
		}()
		synctest.Wait()
		e := installedBy("cn002", 9)
		e.CommitNS = 9
		s.recorder.add(e)
		if err := <-early; err != nil {
			t.Errorf("asked before it was noted: %v", err)
		}
	})
}
