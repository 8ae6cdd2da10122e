package levels

import (
	"testing"
	"time"

	"rollcall/control"
)

// TestLeaderLeaves: the leader of a group leaves by order, and says goodbye to the root before its successor
// asks for the group's slot. It speaks for itself: the leases of the others rest on that slot, so none of
// them is left out, neither while they run nor once the successor has the slot.
func TestLeaderLeaves(t *testing.T) {
	w := cluster(t, Story(4, 3))
	leader := w.leader(0, 3)
	clear(w.ledger.leftOut)
	leader.order = control.OrderLeave
	leader.poke()
	rest := w.without(leader)
	w.Stand(rest, 30*time.Second)
	w.Run(5*time.Second, nil)
	w.Stand(rest, 10*time.Second)
	if len(w.ledger.leftOut) > 0 {
		t.Errorf("left out that live, by epoch: %v", w.ledger.leftOut)
	}
}

// TestCutOffAfterFormed: a group is cut off shortly after it was formed, and the cut heals as soon as its slot is
// free. Its members asked the root for a leader before; none of them is appointed now to form the group
// anew: it goes on as it was.
func TestCutOffAfterFormed(t *testing.T) {
	for wait := range time.Duration(9) { // intervals: who asks whom when differs
		w := New(t, Story(4, 3))
		group := w.in(3)
		others := w.without(group...)
		for _, h := range others {
			h.boot()
		}
		w.Stand(others, 60*time.Second)
		w.Run(10*time.Second, nil)
		for _, h := range group {
			h.boot()
		}
		w.Stand(w.hosts, 30*time.Second)
		var was []uint64
		for _, h := range group {
			was = append(was, h.regs[0].Incarnation)
			h.side = 1
		}
		w.Stand(others, 30*time.Second)
		w.Run(wait*w.Interval, nil)
		for _, h := range group {
			h.side = 0
		}
		w.Stand(w.hosts, 30*time.Second)
		for i, h := range group {
			if h.regs[0].Incarnation != was[i] || h.regs[0].Promised.Generation() != 1 {
				t.Errorf("%s is another incarnation, or in another generation: %v", h.name, h.regs[0].Promised)
			}
		}
	}
}

// TestSuccessorJudgedByItself: a group's next leader has the slot just before the patience with the silence of the last
// one is over, and two of its rounds are lost at once. That is no reason to take its group for gone.
func TestSuccessorJudgedByItself(t *testing.T) {
	w := cluster(t, Story(4, 3))
	root, last := w.leader(1, 0), w.leader(0, 3)
	var next *host
	for _, h := range w.in(3) {
		if h != last {
			h.stop()
			next = h
		}
	}
	slot := control.Place(2)
	last.crash()
	w.Run(13*w.Interval, nil) // of the 14 of its patience
	clear(w.ledger.leftOut)
	lost := false
	w.Lie = func(h *host, out *control.HostOutput) {
		for i := range out.Commands {
			c := &out.Commands[i]
			if h == root && c.Kind == control.CommandBeat && c.Level == 1 && c.Now != 0 && next.regs[slot].State == control.RegisterJoining && !lost {
				lost, next.mute = true, true
				w.after(2*w.Interval, func() { next.mute = false })
			}
		}
	}
	next.cont()
	w.Run(5*w.Interval, nil)
	if !lost {
		t.Fatal("it was not given the slot: this shows nothing")
	}
	for _, h := range w.in(3) {
		h.cont()
	}
	w.Stand(w.without(last), 20*time.Second)
	if len(w.ledger.leftOut) > 0 {
		t.Errorf("left out that live, by epoch: %v", w.ledger.leftOut)
	}
}
