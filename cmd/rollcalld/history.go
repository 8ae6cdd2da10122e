package main

import (
	"sync"
	"time"

	"rollcall/control"
	"rollcall/view/publish"
)

// historyMax is how many events are kept.
const historyMax = 1024

// history keeps the newest events, numbered from 1.
type history struct {
	mu     sync.Mutex
	events []publish.EventDocument // the oldest first
	last   uint64
}

func (h *history) add(e publish.EventDocument) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	e.Number = h.last
	if len(h.events) == historyMax {
		h.events = append(h.events[:0:0], h.events[historyMax/4:]...) // readers hold slices of the old array
	}
	h.events = append(h.events, e)
}

// since returns the events with higher numbers. Nobody changes them.
func (h *history) since(number uint64) []publish.EventDocument {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.last - uint64(len(h.events)) // the number before the oldest
	if number >= h.last {
		return nil
	}
	return h.events[max(number, first)-first:]
}

// eventDocument describes an event for users. Now is the time at the wall clock's reading wall; hash
// that of the view installed, or 0.
func (s *source) eventDocument(e *control.Event, hash uint64, now control.Time, wall time.Time) publish.EventDocument {
	d := publish.EventDocument{
		Kind: e.Kind.String(), At: wall.Add(-now.Since(e.At)), AtNS: uint64(e.At), Node: s.cfg.Node,
		Instance: e.Instance, Level: e.Level, Group: e.Group, Top: e.Level > 0 || len(s.cfg.Groups) == 1,
		From: e.From, To: e.To, Ballot: e.Ballot.String(), Leader: e.Leader,
		Joined: e.Joined, Removed: e.Removed, Nodes: e.Nodes, Why: e.Why, RoundsUsed: e.Rounds,
		LastEvidenceNS: uint64(e.Missed), VerdictNS: uint64(e.Verdict), CommitNS: uint64(e.Commit), InstallNS: uint64(e.Install),
	}
	if e.Kind == control.EventSuspect {
		d.Removed, d.Suspected = nil, e.Removed // they are members still
	}
	if e.Kind == control.EventRailLost || e.Kind == control.EventRailBack {
		d.Rail = s.cfg.Interfaces[e.Rail]
	}
	if hash != 0 {
		d.Hash = publish.Hex(hash)
	}
	for _, w := range e.Evidence {
		d.Evidence = append(d.Evidence, publish.Evidence{Name: w.Name, Slot: w.Slot, LastEchoNS: uint64(w.LastEcho), Missed: w.Missed, Why: w.Why})
	}
	return d
}

// Events implements publish.Source.
func (s *source) Events(since uint64) []publish.EventDocument { return s.history.since(since) }
