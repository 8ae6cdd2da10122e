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
