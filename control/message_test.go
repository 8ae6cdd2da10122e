package control

import (
	"strings"
	"testing"
)

// goodMessage is one that Validate takes; each case below breaks one thing in it.
func goodMessage() *Message {
	p := Peer{Name: "cn001", Incarnation: 7, RPC: "cn001:7746"}
	return &Message{
		Kind: MessageRoster, Cluster: "tofu", From: p, Instance: 3, Version: 9,
		Roster: &Roster{Seats: []Seat{{Slot: 0, Peer: p}, {Slot: 5, Peer: Peer{Name: "cn002", Incarnation: 8, RPC: "cn002:7746"}}}},
		Answer: &Answer{Status: AnswerWaiting},
		State:  &FoundState{},
	}
}

func TestMessageValidate(t *testing.T) {
	for _, kind := range []MessageKind{
		MessageJoin, MessageAnswer, MessageRoster, MessageHeld, MessageFetch, MessageLeave, MessageAsk, MessageState,
		MessagePropose, MessageVote, MessageShutdown,
	} {
		m := goodMessage()
		m.Kind = kind
		if err := m.Validate(); err != nil {
			t.Errorf("a good %s: %v", kind, err)
		}
	}
	for _, c := range []struct {
		name  string
		want  string // in the error
		spoil func(m *Message)
	}{
		{"no sender", "name", func(m *Message) { m.From.Name = "" }},
		{"a name that is no name", "name", func(m *Message) { m.From.Name = "cn001;rm" }},
		{"a name that begins with a dash", "name", func(m *Message) { m.From.Name = "-v" }},
		{"a long name", "name", func(m *Message) { m.From.Name = strings.Repeat("n", NameMax+1) }},
		{"no address", "address", func(m *Message) { m.From.RPC = "" }},
		{"a long address", "address", func(m *Message) { m.From.RPC = strings.Repeat("n", RPCMax+1) }},
		{"too many rails", "rails", func(m *Message) { m.From.Rails = make([]Endpoint, RailsMax+1) }},
		{"an unknown kind", "unknown kind", func(m *Message) { m.Kind = "joim" }},
		{"a roster for nobody", "roster", func(m *Message) { m.Roster = nil }},
		{"a roster of no instance", "instance", func(m *Message) { m.Instance = 0 }},
		{"an empty answer", "answer", func(m *Message) { m.Kind, m.Answer = MessageAnswer, nil }},
		{"held what", "version", func(m *Message) { m.Kind, m.Version = MessageHeld, 0 }},
		{"no state", "state", func(m *Message) { m.Kind, m.State = MessageState, nil }},
		{"a vote for no instance", "instance", func(m *Message) { m.Kind, m.Instance = MessageVote, 0 }},
		{"a count below none", "-1 nodes wait", func(m *Message) { m.Answer.Waiting = -1 }},
		{"a count beyond all nodes", "nodes wait, at most", func(m *Message) { m.Answer.Waiting = 1 << 20 }},
		{"a speech", "too long", func(m *Message) { m.Answer.Why = strings.Repeat("why", 1000) }},
		{"a far redirect", "too long", func(m *Message) { m.Answer.Leader = strings.Repeat("h", RPCMax+1) }},
		{"a crowd of voters", "voters", func(m *Message) { m.State.Record.Voters = make([]Voter, FoundersMax+1) }},
		{"slots that descend", "ascend", func(m *Message) { m.Roster.Seats[0].Slot = 6 }},
		{"a slot twice", "ascend", func(m *Message) { m.Roster.Seats[1].Slot = 0 }},
		{"a slot out of range", "below", func(m *Message) { m.Roster.Seats[1].Slot = Slots }},
		{"a node twice", "already", func(m *Message) { m.Roster.Seats[1].Name = "cn001" }},
		{"a seat for no incarnation", "incarnation", func(m *Message) { m.Roster.Seats[1].Incarnation = 0 }},
		{"too many seats", "seats", func(m *Message) { m.Roster.Seats = make([]Seat, Slots+1) }},
	} {
		m := goodMessage()
		c.spoil(m)
		err := m.Validate()
		if err == nil {
			t.Errorf("%s was taken", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q does not speak of %q", c.name, err, c.want)
		} else if len(err.Error()) > 400 {
			t.Errorf("%s: an error of %d characters", c.name, len(err.Error()))
		}
	}
}
