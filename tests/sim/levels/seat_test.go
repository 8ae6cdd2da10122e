package levels

import (
	"slices"
	"testing"
	"time"

	"rollcall/control"
)

// voters are the hosts that have seats in the view of the top that its leader knows to be decided.
func (w *World) voters() (l []*host) {
	root := w.leader(w.Top, 0)
	if root == nil {
		return nil
	}
	seats := control.Voters(w.Top, root.regs[control.SeatAt(w.Top)].Committed.Members)
	for _, h := range w.hosts {
		if r := &h.regs[control.SeatAt(w.Top)]; r.State == control.RegisterMember && seats.Has(r.Slot) {
			l = append(l, h)
		}
	}
	return l
}

// spread waits until every group has one seat, no more and no less.
func (w *World) spread() {
	w.t.Helper()
	ok := func() bool {
		seats := map[uint16]int{}
		for _, h := range w.voters() {
			seats[h.group]++
		}
		for _, g := range w.Groups {
			if seats[g] != 1 {
				return false
			}
		}
		return true
	}
	if !ok() && !w.Run(20*time.Second, ok) {
		w.t.Errorf("not one seat a group:\n%s", w.Describe())
	}
}

// successor crashes a founder that has a seat and does not lead the cluster, and waits until another of
// its group has one.
func (w *World) successor() (founder, next *host) {
	w.t.Helper()
	root := w.leader(w.Top, 0)
	for i := range w.Founders {
		if f := w.in(w.Groups[i])[0]; f != root {
			founder = f
		}
	}
	founder.crash()
	w.Run(20*time.Second, func() bool {
		i := slices.IndexFunc(w.voters(), func(h *host) bool { return h.group == founder.group })
		if i >= 0 {
			next = w.voters()[i]
		}
		return next != nil
	})
	if next == nil {
		w.t.Fatalf("nobody has the seat of %s:\n%s", founder.name, w.Describe())
	}
	return founder, next
}

// TestOneSeatAGroup: a founder that comes back long after its group's next leader took a seat has it again
// instead of that one, which lives and is left out nowhere. So when most of the seats die nobody goes on.
func TestOneSeatAGroup(t *testing.T) {
	w := cluster(t, Story(5, 3))
	founder, next := w.successor()
	clear(w.ledger.leftOut)
	founder.boot()
	w.Stand(w.hosts, 20*time.Second)
	w.Run(5*time.Second, func() bool { return slices.Contains(w.voters(), founder) })
	w.spread()
	if voters := w.voters(); !slices.Contains(voters, founder) || slices.Contains(voters, next) {
		t.Errorf("%s has no seat, or %s still has", founder.name, next.name)
	}
	w.Run(5*time.Second, nil)
	if why := next.agent.Status(next.clock(), &next.regs).Places[control.SeatAt(w.Top)].Awaiting; why != "" {
		t.Errorf("%s was told that the seat is taken, and awaits %s", next.name, why)
	}
	if len(w.ledger.leftOut) > 0 {
		t.Errorf("left out that live, by epoch: %v", w.ledger.leftOut)
	}
	if s := next.agent.Status(next.clock(), &next.regs); s.At(control.SeatAt(1)).Awaiting != "" {
		t.Errorf("%s, which lost its seat, awaits %q there", next.name, s.At(control.SeatAt(1)).Awaiting)
	}

	seats, epoch := w.voters(), w.hosts[0].view.Epoch()
	for _, h := range seats[:len(seats)/2+1] {
		h.crash()
	}
	w.Run(10*time.Second, nil)
	for _, h := range w.hosts {
		if h.up && (h.regs[0].Valid(h.clock()) || h.view.Epoch() > epoch+1) { // what was under vote may be decided yet
			t.Errorf("most seats are dead, and %s goes on: %s", h.name, h.describe())
		}
	}
}

// TestLeaderKeepsItsSeat: a founder that comes back while who has the seat of its group leads the cluster is
// given one no sooner than that one is gone.
func TestLeaderKeepsItsSeat(t *testing.T) {
	w := cluster(t, Story(5, 3))
	founder, next := w.successor()
	for w.leader(1, 0) != next { // others lead one after the other until it is its turn
		h := w.leader(1, 0)
		h.crash()
		w.Stand(w.without(founder, h), 30*time.Second)
		if w.leader(1, 0) == next {
			founder.boot()
			w.Run(6*time.Second, nil)
			if slices.Contains(w.voters(), founder) || w.leader(1, 0) != next {
				t.Errorf("%s has a seat, or %s leads no longer:\n%s", founder.name, next.name, w.Describe())
			}
		}
		h.boot()
		w.spread()
	}
	next.crash()
	w.Stand(w.without(next), 30*time.Second)
	w.spread()
	if !slices.Contains(w.voters(), founder) {
		t.Errorf("%s has no seat:\n%s", founder.name, w.Describe())
	}
}

// TestLeaderLostAsSeatsAreGiven: leaders of groups die one after the other, each just after the one before is back
// and asked for its seat again. That their groups are without leader cannot wait for its turn in the pace of epochs.
func TestLeaderLostAsSeatsAreGiven(t *testing.T) {
	o := Story(4, 8)
	o.Interval = 50 * time.Millisecond
	w := cluster(t, o)
	for _, group := range []uint16{3, 3, 2, 1, 3, 2} {
		victim := w.leader(0, group)
		at := w.now
		victim.crash()
		if took := w.told(at, w.without(victim)); took > 20 {
			t.Errorf("%s lost: told after %.1f intervals", victim.name, took)
		}
		victim.boot()
		w.Run(time.Minute, func() bool {
			return !slices.ContainsFunc(w.hosts, func(h *host) bool { return h.view == nil || h.view.Top.Len() != len(w.hosts) })
		})
	}
}
