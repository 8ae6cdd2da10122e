package control

import (
	"testing"
	"time"
)

// TestRedirectsEnd: two that send an applicant to each other are not asked without end.
func TestRedirectsEnd(t *testing.T) {
	n := New(Config{Cluster: "story", Self: Peer{Name: "n", RPC: "n:1"}, Interval: 100 * time.Millisecond, Rounds: 5, Contacts: []string{"a:1", "b:1"}})
	r, now := &Register{Incarnation: 1}, Time(time.Hour)
	asked := 0
	step := func(m *Message) {
		out := n.Step(now, Input{Register: r, Tally: new(Tally), Message: m})
		for i := range out.Messages {
			if out.Messages[i].Message.Kind == MessageJoin {
				asked++
			}
		}
	}
	during := func() int {
		before := asked
		for i := range 100 {
			to := []string{"a:1", "b:1"}[i%2]
			step(&Message{Kind: MessageAnswer, Cluster: "story", From: Peer{Name: "f", RPC: "f:1"}, Answer: &Answer{Status: AnswerRedirect, Leader: to}})
		}
		return asked - before
	}
	step(nil)
	if n := during(); n != hopsMost {
		t.Errorf("followed %d redirects at once, want %d", n, hopsMost)
	}
	now = now.Add(askEvery)
	if n := during(); n < 1 || n > 1+hopsMost {
		t.Errorf("followed %d redirects later, want 1 to %d", n, 1+hopsMost)
	}
}

// TestJoinsUntilItsSlotIsAnothers: a joining node of a host that has another slot as well reads rosters that are meant
// for that one. One that names nobody in its own slot may be older than the one that gave it this.
func TestJoinsUntilItsSlotIsAnothers(t *testing.T) {
	leads, seat, other := Seat{Slot: 1, Peer: peer("a", 7)}, Seat{Slot: FirstSeat + 1, Peer: peer("a", 8)}, Seat{Slot: FirstSeat + 1, Peer: peer("x", 9)}
	elsewhere := Seat{Slot: FirstSeat + 2, Peer: peer("a", 8)}
	for _, c := range []struct {
		what   string
		roster *Roster
		joins  bool
	}{
		{"names its host's other slot alone", new(Roster).With(leads), true},
		{"names nobody of its host", new(Roster).With(Seat{Slot: 2, Peer: peer("b", 6)}), true},
		{"gives its slot to another", new(Roster).With(leads).With(other), false},
		{"gives it another slot", new(Roster).With(leads).With(elsewhere), false},
	} {
		n := voter(Config{Self: peer("a", 0), Level: 1})
		n.place, n.role = SeatAt(1), roleFollower
		n.reg = Register{State: RegisterJoining, Instance: 1, Level: 1, Slot: seat.Slot, Incarnation: 8}
		joining := new(Roster).With(leads).With(seat)
		n.hold(joining)
		n.rosterArrived(&Message{Kind: MessageRoster, Level: 1, Instance: 1, From: peer("r", 1), Epoch: 8, Roster: c.roster})
		if joins := n.role == roleFollower && n.rosters[0].Roster == joining; joins != c.joins {
			t.Errorf("told of a roster that %s: goes on joining: %v, want %v", c.what, joins, c.joins)
		}
	}
}
