package control

import (
	"testing"
	"time"
)

// TestWhoLeftVotesForNothing: founders and voters that left by order answer, and are not counted on: nothing is
// proposed that needs them, and status says who they are.
func TestWhoLeftVotesForNothing(t *testing.T) {
	voted := InstanceRecord{Tried: 1, Votes: []FoundVote{{Instance: 1, Proposer: "d", Voters: []Voter{{"d", "d:7746"}, {"b", "b:7746"}, {"c", "c:7746"}}}}}
	for _, c := range []struct {
		what     string
		left     []string // of b and c
		record   InstanceRecord
		awaits   string
		proposes bool
	}{
		{"nobody left", nil, InstanceRecord{}, "no cluster yet: 3 of 3 founders heard; enough to found it, once they heard of no other for 2s", true},
		{"one left", []string{"c"}, InstanceRecord{},
			"no cluster yet: 3 of 3 founders heard, 1 left: `rollcall join` on c; enough to found it, once they heard of no other for 2s", true},
		{"most left", []string{"b", "c"}, InstanceRecord{}, "no cluster yet: 3 of 3 founders heard, 2 left: `rollcall join` on b,c", false},
		{"a voter left", []string{"c"}, voted, "no cluster yet: 3 of 3 founders heard, 1 left: `rollcall join` on c; " +
			"instance 1 is not known to be over (of its 3 voters 1 not heard, and left: c): `rollcall found --abandon 1` if it is", false},
	} {
		n := New(Config{
			Cluster: "story", Self: peer("a", 5), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 2 * time.Second,
			Founders: []string{"a", "b", "c"}, Contacts: []string{"b:7746", "c:7746"},
		})
		reg, now, proposes := &Register{Incarnation: 5}, Time(time.Hour), false
		for end := now.Add(time.Minute); now.Before(end) && !proposes; now = now.Add(n.foundEvery()) {
			for i, name := range []string{"b", "c"} {
				s := &FoundState{QuietMS: 60_000, Record: c.record}
				for _, l := range c.left {
					s.Left = s.Left || l == name
				}
				m := &Message{Kind: MessageState, Cluster: "story", From: peer(name, uint64(6+i)), State: s}
				n.Step(now, Input{Register: reg, Tally: new(Tally), Message: m})
				proposes = proposes || n.found.proposed != 0
			}
		}
		if awaits := n.awaitingGroup(); proposes != c.proposes || awaits != c.awaits {
			t.Errorf("%s: proposes an instance: %v, awaits\n%s; want %v,\n%s", c.what, proposes, awaits, c.proposes, c.awaits)
		}
	}
}

// TestWhoLeftSaysSo: an agent that was told to leave says so to founders.
func TestWhoLeftSaysSo(t *testing.T) {
	n := New(Config{Cluster: "story", Self: peer("a", 5), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 2 * time.Second, Founders: []string{"a", "b"}})
	for _, order := range []Order{OrderLeave, OrderJoin} {
		n.Step(Time(time.Hour), Input{Register: &Register{Incarnation: 5}, Tally: new(Tally), Order: order})
		out := n.Step(Time(time.Hour), Input{Register: &Register{Incarnation: 5}, Tally: new(Tally), Message: &Message{Kind: MessageAsk, Cluster: "story", From: peer("b", 6)}})
		i := len(out.Messages) - 1
		if s := out.Messages[i].Message.State; s == nil || s.Left != (order == OrderLeave) {
			t.Errorf("after order %v the state is %+v", order, s)
		}
	}
}
