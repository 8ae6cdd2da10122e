package levels

import (
	"strings"
	"testing"
	"time"

	"rollcall/control"
)

// TestRecover: the top has no quorum on either side of a partition, and the operator has one node go
// on without the others. Those of the old view that come back have registers of it, and a minority;
// none of them leads, and all are one cluster again.
func TestRecover(t *testing.T) {
	w := cluster(t, Story(5, 2))
	if w.seats() != 5 {
		t.Fatalf("%d seats, want one in each group", w.seats())
	}
	for _, h := range w.in(2) {
		h.crash()
	}
	var here, apart []*host
	for _, h := range w.hosts {
		switch {
		case h.group > 2:
			h.side = 1
			apart = append(apart, h)
		case h.group < 2:
			here = append(here, h)
		}
	}
	seat := control.SeatAt(w.Top)
	var at *host // where the order is given
	for _, h := range here {
		if h.regs[seat].State == control.RegisterMember {
			at = h
		}
	}
	w.Run(10*time.Second, nil)
	epochs := w.Epochs
	w.Run(5*time.Minute, nil)
	if w.Epochs != epochs {
		t.Fatal("somebody goes on without a quorum: this shows nothing")
	}
	for _, h := range w.hosts {
		if h.up && h.regs[0].Valid(h.clock()) {
			t.Errorf("%s trusts its view", h.name)
		}
	}
	status := at.agent.Status(at.clock(), &at.regs)
	if !strings.Contains(status.Group.Awaiting, "rollcall recover") {
		t.Errorf("%s awaits %q", at.name, status.Group.Awaiting)
	}

	w.Decided = func(level uint8, p control.Proposal) {
		if level == w.Top && p.Ballot.Generation() != 2 {
			t.Errorf("%v/%d is decided at the top, after the recovery", p.Ballot, p.Seq)
		}
	}
	at.order = control.OrderRecover
	at.poke()
	w.Stand(here, 20*w.Interval) // without those who crashed and those cut off
	w.Run(time.Minute, nil)
	for _, h := range apart {
		if h.regs[0].Valid(h.clock()) {
			t.Errorf("%s trusts its view while the others went on", h.name)
		}
	}
	for _, h := range apart {
		h.side = 0
	}
	w.Stand(w.without(w.in(2)...), 60*time.Second)
	for _, h := range w.in(2) {
		h.boot()
	}
	w.Stand(w.hosts, 60*time.Second)
	if g := at.regs[seat].Promised.Generation(); g != 2 {
		t.Errorf("generation %d at the top, recovered once", g)
	}
}
