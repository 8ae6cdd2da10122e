package control

import (
	"slices"
	"testing"
	"time"
)

// railed is a node with a number of rails, in a group of three whose slot 2 has one rail more than the others.
func railed(rails int) *Node {
	n := New(Config{Self: Peer{Name: "a", Rails: make([]Endpoint, rails)}, Rounds: 5})
	r := &Roster{}
	for s, name := range []string{"a", "b", "c"} {
		seat := Seat{Slot: uint16(s), Peer: Peer{Name: name, Incarnation: uint64(s + 1), Rails: make([]Endpoint, 2)}}
		if s == 2 {
			seat.Rails = make([]Endpoint, 1)
		}
		r.Seats = append(r.Seats, seat)
	}
	n.rosters = []heldRoster{{r, r.Version()}}
	n.lead.roster, n.lead.ballot, n.lead.view.New = r, NewBallot(1, 1, 0), Of(0, 1, 2)
	n.reg.State, n.reg.Accepted.Roster, n.reg.BeatBallot = RegisterMember, r.Version(), NewBallot(1, 1, 1)
	n.tally = &Tally{Asking: Asking{Ballot: n.lead.ballot}}
	return n
}

// tells lets a node look at its rails at a time, and returns what it says.
func (n *Node) tells(at time.Duration) []Event {
	n.now, n.out = Time(at), Output{}
	n.watchRails()
	return n.out.Events
}

func isAbout(events []Event, kind EventKind, rail uint8, who ...string) bool {
	return len(events) == 1 && events[0].Kind == kind && events[0].Rail == rail && slices.Equal(events[0].Nodes, who)
}

// TestLeaderTellsOfLostRails: by rounds, of rails that both ends have, at most once a second.
func TestLeaderTellsOfLostRails(t *testing.T) {
	n := railed(2)
	n.role = roleLeader
	b, c := &n.tally.Heard[1], &n.tally.Heard[2]
	b.Round, b.Rails, b.Entered = 24, [RailsMax]uint64{24, 0}, 20
	c.Round, c.Rails = 24, [RailsMax]uint64{24}
	if e := n.tells(10 * time.Second); e != nil {
		t.Fatalf("four rounds after b came: %+v", e)
	}
	b.Round, b.Rails[0] = 25, 25
	if e := n.tells(10*time.Second + judgeRails - 1); e != nil {
		t.Fatalf("too soon after the last look: %+v", e)
	}
	if e := n.tells(12 * time.Second); !isAbout(e, EventRailLost, 1, "b") {
		t.Fatalf("five rounds without rail 1: %+v", e)
	}
	b.Round, c.Round = 90, 90
	b.Rails, c.Rails = [RailsMax]uint64{85, 90}, [RailsMax]uint64{90}
	events := n.tells(14 * time.Second)
	if len(events) != 2 || !isAbout(events[:1], EventRailLost, 0, "b") || !isAbout(events[1:], EventRailBack, 1, "b") {
		t.Fatalf("the other rail instead: %+v", events)
	}
	n.lead.view.New = Of(0, 2)
	if e := n.tells(16 * time.Second); e != nil || n.Status(n.now, &n.reg).LostRails != [RailsMax]Bitmap{} {
		t.Fatalf("b is no member any more: %+v, %+v", e, n.rails)
	}
}

// TestMemberTellsOfLostRails: of its own, by the leader's beats.
func TestMemberTellsOfLostRails(t *testing.T) {
	n := railed(2)
	n.role = roleFollower
	n.reg.BeatRound, n.reg.BeatRails = 30, [RailsMax]uint64{30, 25}
	if e := n.tells(10 * time.Second); !isAbout(e, EventRailLost, 1, "a") {
		t.Fatalf("five rounds without rail 1: %+v", e)
	}
	n.reg.BeatRails = [RailsMax]uint64{30, 29}
	if e := n.tells(12 * time.Second); !isAbout(e, EventRailBack, 1, "a") {
		t.Fatalf("rail 1 again: %+v", e)
	}
	n.reg.BeatBallot, n.reg.BeatRails = NewBallot(1, 2, 2), [RailsMax]uint64{30, 0}
	if e := n.tells(14 * time.Second); e != nil {
		t.Fatalf("a leader without rail 1 led: %+v", e)
	}
	one := railed(1)
	one.role = roleFollower
	if e := one.tells(10 * time.Second); e != nil || one.rails != nil {
		t.Fatalf("a node with one rail: %+v, %+v", e, one.rails)
	}
}
