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

// untilProposed has a founder hear that another may vote, until it proposes an instance; it returns when.
func untilProposed(t *testing.T, n *Node, other Peer, step func(now Time, m *Message)) Time {
	t.Helper()
	now := Time(time.Hour)
	for ; n.found.proposed == 0; now = now.Add(n.foundEvery()) {
		if now > Time(2*time.Hour) {
			t.Fatal("the founder never proposes")
		}
		step(now, &Message{Kind: MessageState, Cluster: "story", From: other, State: &FoundState{QuietMS: 60_000}})
	}
	return now
}

// TestFoundingIsForgotten: once its instance began, a founder holds nothing of how it came about.
func TestFoundingIsForgotten(t *testing.T) {
	n := New(Config{
		Cluster: "story", Self: peer("a", 5), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 2 * time.Second,
		Founders: []string{"a", "b"}, Contacts: []string{"b:7746"},
	})
	reg := &Register{Incarnation: 5}
	step := func(now Time, m *Message) { n.Step(now, Input{Register: reg, Tally: new(Tally), Message: m}) }
	b := peer("b", 6)
	now := untilProposed(t, n, b, func(now Time, m *Message) {
		n.waits(now, "m")
		step(now, m)
	})
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
		b, c := peer("b", 6), peer("c", 7)
		now := untilProposed(t, n, b, step)
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

// TestFounderKeepsWhatItHeard: what a founder heard of the voters of an instance binds it when nobody tells it any
// more.
func TestFounderKeepsWhatItHeard(t *testing.T) {
	for _, heard := range []bool{false, true} {
		n := New(Config{
			Cluster: "story", Self: peer("a", 5), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 2 * time.Second,
			Founders: []string{"a"}, Contacts: []string{"m:7746"},
			Record: InstanceRecord{Instance: 1, Epoch: 4, Voters: []Voter{{"m", "m:7746"}}, Tried: 1},
		})
		reg, now := &Register{Incarnation: 5}, Time(time.Hour)
		var kept *InstanceRecord
		step := func(m *Message) {
			out := n.Step(now, Input{Register: reg, Tally: new(Tally), Message: m})
			if out.Record != nil {
				kept = out.Record
			}
		}
		if heard {
			step(&Message{Kind: MessageState, Cluster: "story", Instance: 1, From: peer("x", 7), State: &FoundState{
				Register: 1, Record: InstanceRecord{Instance: 1, Epoch: 9, Voters: []Voter{{"x", "x:7746"}}},
			}})
			if kept == nil || kept.Epoch != 9 || len(kept.Voters) != 1 || kept.Voters[0].Name != "x" {
				t.Fatalf("keeps %+v", kept)
			}
		}
		for end := now.Add(time.Minute); now.Before(end); now = now.Add(n.foundEvery()) {
			step(&Message{Kind: MessageState, Cluster: "story", From: peer("m", 6), State: &FoundState{QuietMS: 60_000}})
		}
		if proposed := n.found.proposed != 0 || n.role == roleLeader; proposed == heard {
			t.Errorf("heard of another voter: %v; proposes an instance: %v", heard, proposed)
		}
	}
}

// TestVotesCountWhileNothingIsHeard: votes that come after a member of some instance was heard, or other voters were
// heard of than those that were asked, or another register of this host is of some instance, begin nothing.
func TestVotesCountWhileNothingIsHeard(t *testing.T) {
	last := InstanceRecord{Instance: 1, Epoch: 4, Voters: []Voter{{"b", "b:7746"}}, Tried: 1}
	newer := &FoundState{Record: InstanceRecord{Instance: 1, Epoch: 9, Voters: []Voter{{"x", "x:7746"}}}, QuietMS: 60_000}
	for what, heard := range map[string]func(n *Node) *Message{
		"nothing": func(*Node) *Message { return nil },
		"a member": func(*Node) *Message {
			return &Message{Kind: MessageState, Cluster: "story", From: peer("x", 7), State: &FoundState{Register: 1}}
		},
		"other voters": func(*Node) *Message {
			return &Message{Kind: MessageState, Cluster: "story", From: peer("m", 6), State: newer}
		},
		"its own host": func(n *Node) *Message {
			n.elsewhere = 1
			return nil
		},
	} {
		n := New(Config{
			Cluster: "story", Self: peer("a", 5), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 2 * time.Second,
			Founders: []string{"a", "b"}, Contacts: []string{"b:7746"}, Record: last,
		})
		reg, b := &Register{Incarnation: 5}, peer("b", 6)
		step := func(now Time, m *Message) { n.Step(now, Input{Register: reg, Tally: new(Tally), Message: m}) }
		now := untilProposed(t, n, b, step)
		if m := heard(n); m != nil {
			step(now, m)
		}
		step(now, &Message{Kind: MessageVote, Cluster: "story", Instance: n.found.proposed, From: b})
		if begun := n.role == roleLeader; begun != (what == "nothing") {
			t.Errorf("heard %s before the vote; began: %v", what, begun)
		}
	}
}

// TestVoteGivesOwnProposalUp: who votes for another's instance has given its own proposal up by then: votes for it that
// come later begin nothing.
func TestVoteGivesOwnProposalUp(t *testing.T) {
	n := New(Config{
		Cluster: "story", Self: peer("a", 5), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 2 * time.Second,
		Founders: []string{"a", "b", "c"}, Contacts: []string{"b:7746", "c:7746"},
	})
	reg := &Register{Incarnation: 5}
	var votes []uint32
	step := func(now Time, m *Message) {
		out := n.Step(now, Input{Register: reg, Tally: new(Tally), Message: m})
		for i := range out.Messages {
			if l := &out.Messages[i]; l.Message.Kind == MessageVote {
				votes = append(votes, l.Message.Instance)
			}
		}
	}
	b := peer("b", 6)
	now := untilProposed(t, n, b, step)
	own := n.record
	step(now, &Message{
		Kind: MessagePropose, Cluster: "story", Instance: 2, From: b, State: &FoundState{Record: own},
		Roster: &Roster{Seats: []Seat{{Slot: 0, Peer: peer("a", 5)}, {Slot: 1, Peer: b}}},
	})
	if len(votes) != 1 || votes[0] != 2 {
		t.Fatalf("votes for %v, want 2", votes)
	}
	for _, from := range []Peer{b, peer("c", 7)} {
		step(now, &Message{Kind: MessageVote, Cluster: "story", Instance: 1, From: from})
	}
	if n.role != roleAbsent || n.record.voted(1, "a") || !n.record.voted(2, "b") {
		t.Errorf("leads %v; votes %+v", n.role == roleLeader, n.record.Votes)
	}
}
