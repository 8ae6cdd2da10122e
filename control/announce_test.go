package control

import (
	"slices"
	"testing"
	"time"
)

// TestAnnounces: whoever leads the top tells the contacts that are in no slot of its view, four times in FoundWait.
// That all are in it gives it no reason to wake.
func TestAnnounces(t *testing.T) {
	n := voter(Config{FoundWait: 8 * time.Second, Contacts: []string{"a:7746", "10.0.0.2:7746", "c:7746", "d:7746", "[fd00::5]:7746"}})
	roster := rosterOf("a", "b", "c", "d", "e")
	for i, rpc := range []string{"10.0.0.1:7746", "10.0.0.2:7746", "10.0.0.3:7746", "10.0.0.4:7746", "[fd00::5]:7746"} {
		roster.Seats[i].RPC = rpc
	}
	n.role, n.reg.Instance, n.lead = roleLeader, 3, leadership{view: Proposal{New: Of(0, 1, 2, 4)}, decided: true, roster: roster}
	told := func(after time.Duration) (to []string) {
		n.now, n.out = n.now.Add(after), Output{}
		n.deadline = n.now.Add(time.Hour)
		n.announces()
		for i := range n.out.Messages {
			to = append(to, n.out.Messages[i].To)
		}
		return to
	}
	for _, after := range []time.Duration{0, 2 * time.Second} {
		if to := told(after); !slices.Equal(to, []string{"d:7746"}) {
			t.Errorf("tells %v, want d alone, which is in no view", to)
		}
	}
	if to := told(time.Second); to != nil || n.deadline != n.now.Add(time.Second) {
		t.Errorf("a second later tells %v, and wakes in %v", to, n.deadline.Since(n.now))
	}
	n.lead.view.New.Set(3)
	if to := told(time.Second); to != nil || n.deadline != n.now.Add(time.Hour) {
		t.Errorf("with all in the view tells %v, and wakes in %v", to, n.deadline.Since(n.now))
	}
	n.lead.view.New.Clear(3)
	n.upper = new(Register)
	if to := told(0); to != nil {
		t.Errorf("a leader that has others above tells %v", to)
	}
}

// TestHeardBeside: who holds a register gives it up for a later instance that it is told of, and tells whoever is in an
// earlier one of its own.
func TestHeardBeside(t *testing.T) {
	for _, c := range []struct {
		role        role
		heard       uint32
		gone, tells bool
		asks        bool // there, once it hears no beats
	}{
		{roleFollower, 3, true, false, true},
		{roleFollower, 2, false, false, true},
		{roleFollower, 1, false, true, false},
		{roleFollower, 0, false, false, false},
		{roleLeader, 3, true, false, true},
		{roleLeader, 2, false, false, false},
		{roleLeader, 1, false, true, false},
		{roleLeft, 3, false, false, false},
	} {
		n := voter(Config{Self: Peer{Name: "a"}})
		n.role, n.reg.Instance, n.reg.State = c.role, 2, RegisterMember
		n.foundState(&Message{Kind: MessageState, From: peer("x", 9), State: &FoundState{Register: c.heard}})
		gone := n.role == roleAbsent
		tells := len(n.out.Messages) == 1 && n.out.Messages[0].To == "x:7746" && n.out.Messages[0].Message.State.Register == 2
		asks := slices.Equal(n.join.hints, []string{"x:7746"})
		if gone != c.gone || tells != c.tells || asks != c.asks {
			t.Errorf("%s of 2 is told of %d: gone %v, tells %v, asks %v", roleNames[c.role], c.heard, gone, tells, asks)
		}
	}
}

// TestAnnouncedToMembers: a host whose group is in the cluster has no use for the word of who leads it, and makes
// no node for a seat that it has not.
func TestAnnouncedToMembers(t *testing.T) {
	for _, in := range []bool{false, true} {
		h := NewHost(HostConfig{Config: Config{Cluster: "story", Self: peer("a", 0), Founders: []string{"f"}}, Top: 1})
		var registers [Places]Register
		h.in = &HostInput{Registers: &registers}
		if in {
			h.nodes[0].role = roleFollower
		}
		h.route(&Message{Kind: MessageState, Cluster: "story", Level: 1, From: peer("x", 9), State: &FoundState{Register: 1}})
		if made := h.nodes[SeatAt(1)] != nil; made == in {
			t.Errorf("in a group: %v; a node for a seat: %v", in, made)
		}
	}
}

// TestLaterInstanceOutlivesAll: a host in several groups that is told of a later instance gives all its registers up,
// and asks there, be it that it holds a seat or not.
func TestLaterInstanceOutlivesAll(t *testing.T) {
	for _, places := range [][]Place{{0}, {0, SeatAt(1)}, {0, LeaderAt(1)}} {
		h := NewHost(HostConfig{Top: 1, Config: Config{
			Cluster: "story", Self: peer("a", 77), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 10 * time.Second,
			Founders: []string{"f"}, Contacts: []string{"a:7746", "f:7746"},
		}})
		var registers [Places]Register
		for p := range registers {
			registers[p].Incarnation = 77
		}
		for _, p := range places {
			registers[p].State, registers[p].Instance, registers[p].Level = RegisterMember, 2, p.Level()
			registers[p].Slot = map[Place]uint16{0: 3, SeatAt(1): FirstSeat + 1, LeaderAt(1): 4}[p]
		}
		now, asks := Time(time.Hour), 0
		step := func(m *Message) {
			out := h.Step(now, HostInput{Registers: &registers, Tallies: new([Levels]*Tally), Message: m})
			for _, c := range out.Commands {
				if c.Kind == CommandVacate {
					registers[c.Place()] = Register{Incarnation: 78}
				}
			}
			for _, l := range out.Messages {
				if l.To == "x:7746" && l.Message.Kind == MessageJoin && l.Message.Level == 0 {
					asks++
				}
			}
		}
		held := func() (n int) {
			for p := range registers {
				if registers[p].State != RegisterVacant {
					n++
				}
			}
			return n
		}
		told := func(instance uint32) {
			step(&Message{
				Kind: MessageState, Cluster: "story", Level: 1, Instance: instance, From: peer("x", 9),
				State: &FoundState{Register: instance, Record: InstanceRecord{Instance: instance, Epoch: 3, Voters: []Voter{{"x", "x:7746"}}}},
			})
		}
		step(nil)
		told(2)
		if n := held(); n != len(places) {
			t.Fatalf("places %v: told of its own instance it holds %d registers", places, n)
		}
		told(3)
		for range 100 {
			now = now.Add(100 * time.Millisecond)
			step(nil)
		}
		if n := held(); n != 0 || asks == 0 {
			t.Errorf("places %v: holds registers of the earlier instance: %d; asked there %d times", places, n, asks)
		}
	}
}
