package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/view/publish"
)

// How a leader is asked why it changed the view.
const (
	askApart   = time.Millisecond // between members, lest all of a group call at once
	askTries   = 2                // the call may be lost, or the leader's agent be starting anew
	askAgain   = 200 * time.Millisecond
	askWithin  = 1400 * time.Millisecond // each; so long a record waits for the answer, and what happened later with it
	noteWithin = time.Second             // a beat may tell of a decision before the leader's own record does
)

// recorder writes down what happened, in order. Of a change that another node led, that one alone
// knows the evidence, the rounds and the times of the decision: it is asked for them before the
// record is shown.
type recorder struct {
	show func(publish.EventDocument)
	// ask returns the leader's record of the same change.
	ask  func(ctx context.Context, e *publish.EventDocument) (*publish.EventDocument, error)
	rank func() int // how many members ask before this one

	noted publish.Signal // something was added

	mu    sync.Mutex
	queue []*recorded // not shown yet
	more  chan struct{}
}

type recorded struct {
	event    publish.EventDocument
	complete chan struct{} // closed when the event is not going to change; nil: it never was to
}

func newRecorder(
	show func(publish.EventDocument),
	ask func(context.Context, *publish.EventDocument) (*publish.EventDocument, error),
	rank func() int,
) *recorder {
	return &recorder{show: show, ask: ask, rank: rank, more: make(chan struct{}, 1)}
}

// add never waits.
func (r *recorder) add(e publish.EventDocument) {
	defer r.noted.Raise()
	r.mu.Lock()
	defer r.mu.Unlock()
	of := &recorded{event: e}
	switch {
	case lacks(&e):
		of.complete = make(chan struct{})
		go r.complete(of)
	case len(r.queue) == 0:
		r.show(e)
		return
	}
	r.queue = append(r.queue, of)
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// lacks reports whether a record is of a change of the own group that another node led.
func lacks(e *publish.EventDocument) bool {
	return e.Level == 0 && e.Kind == control.EventInstalled.String() && e.CommitNS == 0 && e.Leader != "" && e.Leader != e.Node
}

// complete asks, and once more where that failed.
func (r *recorder) complete(of *recorded) {
	defer close(of.complete)
	wait := time.Duration(r.rank()) * askApart
	for range askTries {
		time.Sleep(wait)
		ctx, cancel := context.WithTimeout(context.Background(), askWithin)
		led, err := r.ask(ctx, &of.event)
		cancel()
		if err == nil {
			adopt(&of.event, led)
			return
		}
		wait = askAgain
	}
}

// run shows the records that wait until ctx ends.
func (r *recorder) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.more:
		}
		for next := r.first(); next != nil; next = r.shown(next) {
			if next.complete == nil {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-next.complete:
			}
		}
	}
}

func (r *recorder) first() *recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return nil
	}
	return r.queue[0]
}

// shown shows the first of the queue, and returns the next.
func (r *recorder) shown(first *recorded) *recorded {
	r.mu.Lock()
	r.show(first.event)
	r.queue = r.queue[1:]
	r.mu.Unlock()
	return r.first()
}

// own lists the records that wait though nothing of them does.
func (r *recorder) own() (list []publish.EventDocument) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range r.queue {
		if of.complete == nil {
			list = append(list, of.event)
		}
	}
	return list
}

// led finds the record of a change that this node led, or waits a moment until there is one.
func (s *source) led(ctx context.Context, c calls.Change) (*publish.EventDocument, error) {
	ctx, cancel := context.WithTimeout(ctx, noteWithin)
	defer cancel()
	for {
		noted := s.recorder.noted.Changed()
		if e := s.ledSoFar(c); e != nil {
			return e, nil
		}
		select {
		case <-noted:
		case <-ctx.Done():
			return nil, errors.New("this node did not lead that change, or has forgotten it")
		}
	}
}

// ledSoFar looks also among the records that another one keeps from being shown.
func (s *source) ledSoFar(c calls.Change) *publish.EventDocument {
	for _, list := range [][]publish.EventDocument{s.recorder.own(), s.history.since(0)} {
		for i := len(list) - 1; i >= 0; i-- {
			if e := &list[i]; e.Kind == control.EventInstalled.String() && e.Leader == e.Node && e.CommitNS != 0 &&
				e.Instance == c.Instance && e.To == c.To && e.Hash == c.Hash {
				return e
			}
		}
	}
	return nil
}

// adopt takes over what only the leader knows.
func adopt(e, led *publish.EventDocument) {
	e.Why, e.Evidence, e.RoundsUsed = led.Why, led.Evidence, led.RoundsUsed
	e.LastEvidenceNS, e.VerdictNS, e.CommitNS = led.LastEvidenceNS, led.VerdictNS, led.CommitNS
}

// show adds a record to the history.
func (s *source) show(e publish.EventDocument) {
	s.history.add(e)
	s.Raise()
}

// askLeader asks the leader that a record names for its own of the same change.
func (s *source) askLeader(ctx context.Context, e *publish.EventDocument) (*publish.EventDocument, error) {
	seen := s.seen.Load()
	if seen == nil || seen.status.Group.Roster == nil {
		return nil, errors.New("no roster names the leader yet")
	}
	leader := seen.status.Group.Roster.Named(e.Leader)
	if leader == nil {
		return nil, fmt.Errorf("the roster does not name %s", e.Leader)
	}
	return s.askChange(ctx, leader.RPC, calls.Change{Instance: e.Instance, To: e.To, Hash: e.Hash})
}

// rank is how many slots of the group come before this node's.
func (s *source) rank() int {
	if seen := s.seen.Load(); seen != nil {
		return int(seen.status.Group.Slot)
	}
	return 0
}
