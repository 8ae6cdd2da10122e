package control

import (
	"testing"
	"time"
)

// TestHeardOfAnyGroup: a founder to which a member of its group answers founds nothing, though no other seat
// was heard of and most founders are ready: a group of the last instance lives.
func TestHeardOfAnyGroup(t *testing.T) {
	for _, heard := range []bool{false, true} {
		c := Config{
			Cluster: "story", Self: peer("a", 0), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 2 * time.Second,
			Founders: []string{"a", "b", "c"}, Contacts: []string{"b:7746", "m:7746"},
		}
		h := NewHost(HostConfig{Config: c, Top: 1})
		var registers [Places]Register
		for p := range registers {
			registers[p].Incarnation = uint64(1 + p)
		}
		ready := &Message{Kind: MessageState, Cluster: "story", Level: 1, From: peer("b", 9), State: &FoundState{QuietMS: 60_000}}
		member := &Message{Kind: MessageAnswer, Cluster: "story", Instance: 3, From: peer("m", 8), Answer: &Answer{Status: AnswerWaiting}}
		proposed := false
		for since := time.Duration(0); since < 2*c.FoundWait; since += c.Interval {
			letters := []*Message{ready}
			if heard {
				letters = append(letters, member)
			}
			for _, m := range letters {
				out := h.Step(Time(time.Hour+since), HostInput{Registers: &registers, Tallies: new([Levels]*Tally), Message: m})
				for i := range out.Messages {
					proposed = proposed || out.Messages[i].Message.Kind == MessagePropose
				}
			}
		}
		if proposed == heard {
			t.Errorf("a member of the group is heard: %v; proposes an instance: %v", heard, proposed)
		}
	}
}

// TestFoundingIsForgotten: once its instance began, a founder holds nothing of how it came about.
func TestFoundingIsForgotten(t *testing.T) {
	n := New(Config{
		Cluster: "story", Self: peer("a", 5), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 2 * time.Second,
		Founders: []string{"a", "b"}, Contacts: []string{"b:7746"},
	})
	reg := &Register{Incarnation: 5}
	step := func(now Time, m *Message) { n.Step(now, Input{Register: reg, Tally: new(Tally), Message: m}) }
	now, b := Time(time.Hour), peer("b", 6)
	for ; n.found.proposed == 0; now = now.Add(n.foundEvery()) {
		if now > Time(2*time.Hour) {
			t.Fatal("the founder never proposes")
		}
		n.waits(now, "m")
		step(now, &Message{Kind: MessageState, Cluster: "story", From: b, State: &FoundState{QuietMS: 60_000}})
	}
	step(now, &Message{Kind: MessageVote, Cluster: "story", Instance: n.found.proposed, From: b})
	if f := &n.found; n.role != roleLeader || f.waiting.now != nil || f.states != nil || f.roster != nil || f.votes != nil || f.known.Instance != 0 {
		t.Errorf("leads: %v; holds %+v", n.role == roleLeader, n.found)
	}
}

// TestLateVotes: a founder whose proposal has not its votes in time asks for them again as long as nobody else could
// vote, and begins the instance of that number however late they come; with another founder it begins the next.
func TestLateVotes(t *testing.T) {
	for _, other := range []bool{false, true} {
		n := New(Config{
			Cluster: "story", Self: peer("a", 5), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 2 * time.Second,
			Founders: []string{"a", "b", "c"}, Contacts: []string{"b:7746", "c:7746"},
		})
		reg := &Register{Incarnation: 5}
		proposals := map[uint32]int{}
		step := func(now Time, m *Message) {
			out := n.Step(now, Input{Register: reg, Tally: new(Tally), Message: m})
			for i := range out.Messages {
				if m := &out.Messages[i].Message; m.Kind == MessagePropose {
					proposals[m.Instance]++
				}
			}
		}
		ready := func(p Peer) *Message {
			return &Message{Kind: MessageState, Cluster: "story", From: p, State: &FoundState{QuietMS: 60_000}}
		}
		now, b, c := Time(time.Hour), peer("b", 6), peer("c", 7)
		for ; n.found.proposed == 0; now = now.Add(n.foundEvery()) {
			if now > Time(2*time.Hour) {
				t.Fatal("the founder never proposes")
			}
			step(now, ready(b))
		}
		for end := now.Add(30 * time.Second); now.Before(end); now = now.Add(n.foundEvery()) { // b is writing
			if other {
				step(now, ready(c))
			} else {
				step(now, nil)
			}
		}
		voter, number, asked := b, uint32(1), proposals[1] > 1
		if other {
			voter, number, asked = c, 2, proposals[1] == 2 && proposals[2] > 1 // b is asked again while it may be there
		}
		if !asked {
			t.Errorf("another founder answers: %v; proposals by their numbers: %v", other, proposals)
		}
		step(now, &Message{Kind: MessageVote, Cluster: "story", Instance: number, From: voter})
		if n.role != roleLeader || len(proposals) != int(number) {
			t.Errorf("another founder answers: %v; leads after the vote for instance %d: %v; proposals %v", other, number, n.role == roleLeader, proposals)
		}
	}
}

// TestVoteIsRepeated: who is asked again for a vote that it has given gives it again, since it may be lost, unless it
// has voted for a later instance.
func TestVoteIsRepeated(t *testing.T) {
	n := New(Config{
		Cluster: "story", Self: peer("b", 6), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 2 * time.Second,
		Founders: []string{"a", "b", "c"}, Contacts: []string{"a:7746", "c:7746"},
	})
	reg, now := &Register{Incarnation: 6}, Time(time.Hour)
	votes := func(from Peer, instance uint32, known InstanceRecord) (votes int) {
		m := &Message{
			Kind: MessagePropose, Cluster: "story", Instance: instance, From: from, State: &FoundState{Record: known},
			Roster: &Roster{Seats: []Seat{{Slot: 0, Peer: from}, {Slot: 1, Peer: peer("b", 6)}}},
		}
		out := n.Step(now, Input{Register: reg, Tally: new(Tally), Message: m})
		for i := range out.Messages {
			if l := &out.Messages[i]; l.Message.Kind == MessageVote && l.Message.Instance == instance && l.To == from.RPC {
				votes++
			}
		}
		return votes
	}
	n.Step(now, Input{Register: reg, Tally: new(Tally)})
	now = now.Add(3 * time.Second)
	a, c := peer("a", 5), peer("c", 7)
	for _, which := range []string{"first", "repeated"} {
		if votes(a, 1, InstanceRecord{}) != 1 {
			t.Fatalf("gives no %s vote", which)
		}
	}
	if votes(c, 1, n.record) != 0 {
		t.Error("votes for two of one number")
	}
	if votes(c, 2, n.record) != 1 || votes(a, 1, InstanceRecord{}) != 0 {
		t.Error("the later instance has not its vote, or the earlier one has it still")
	}
}
