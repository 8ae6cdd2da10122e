package control

import (
	"fmt"
	"net/netip"
	"strings"
)

// MessageKind names what an agent says to another.
type MessageKind string

// The kinds of message, and the field of Message that each needs beside From.
const (
	MessageJoin     MessageKind = "join"      // Keys: let me in
	MessageAnswer   MessageKind = "answer"    // Answer: what becomes of a join; to those removed with all that a roster has
	MessageRoster   MessageKind = "roster"    // Instance, Epoch, Roster, Voters, Joiners: hold this
	MessageHeld     MessageKind = "held"      // Instance, Version: I hold it (and, a founder, wrote it down)
	MessageFetch    MessageKind = "fetch"     // Instance, Version: I miss this roster; 0: the newest
	MessageLeave    MessageKind = "leave"     // Peer: take me out
	MessageAsk      MessageKind = "found-ask" // may I found?
	MessageState    MessageKind = "found-state"
	MessagePropose  MessageKind = "found-propose" // Instance, Roster: these found it; State.Record: for all its proposer knows
	MessageVote     MessageKind = "found-vote"    // Instance: you have my vote
	MessageShutdown MessageKind = "shutdown"      // Instance: it is closed
)

// Message is what agents say to each other over mutually authenticated TLS, as JSON. Each is
// sent once, may be lost, and is answered, if at all, by a message of its own.
type Message struct {
	Kind     MessageKind `json:"kind"`
	Cluster  string      `json:"cluster"`
	Level    uint8       `json:"level"`
	Group    uint16      `json:"group"`
	From     Peer        `json:"from"`
	Instance uint32      `json:"instance,omitempty"`
	Version  uint64      `json:"version,omitempty"`
	Roster   *Roster     `json:"roster,omitempty"`
	Epoch    uint64      `json:"epoch,omitempty"`  // of the last view that the sender knows to be decided
	Voters   Bitmap      `json:"voters,omitzero"`  // the members of that view, named by Roster
	Joiners  Bitmap      `json:"joiners,omitzero"` // who is about to be a member as well
	Holds    bool        `json:"holds,omitempty"`  // with join: the sender has a register, and hears no beat
	Keys     KeyIDs      `json:"keys,omitzero"`    // with join: of the keys that the sender holds
	Answer   *Answer     `json:"answer,omitempty"`
	State    *FoundState `json:"state,omitempty"`
}

// Answer tells a joiner what becomes of its request.
type Answer struct {
	Status string `json:"status"`           // redirect | waiting | member | refused | idle
	Leader string `json:"leader,omitempty"` // RPC address, with redirect
	Why    string `json:"why,omitempty"`
}

// FoundState is what a node answers to a founder.
type FoundState struct {
	Register uint32         `json:"register"` // instance of the register it holds, 0: none
	QuietMS  uint64         `json:"quiet_ms"` // since it last heard a member of any instance
	Record   InstanceRecord `json:"record"`
}

// Limits of what a message may carry.
const (
	MessageMax  = 1 << 20 // bytes of JSON
	NameMax     = 63
	RPCMax      = 262
	RailsMax    = 4
	FoundersMax = Slots
	wordsMax    = 512
	votesMax    = 16
)

// Validate reports what is wrong with a message that came from outside.
func (m *Message) Validate() error {
	if err := m.From.validate(); err != nil {
		return fmt.Errorf("message %q: sender: %w", clip(string(m.Kind)), err)
	}
	need := func(ok bool, what string) error {
		if !ok {
			return fmt.Errorf("message %q from %s: no %s", clip(string(m.Kind)), m.From.Name, what)
		}
		return nil
	}
	var err error
	switch m.Kind {
	case MessageJoin, MessageLeave, MessageAsk:
	case MessageAnswer:
		err = need(m.Answer != nil, "answer")
	case MessageRoster:
		err = need(m.Instance != 0 && m.Roster != nil, "instance or roster")
	case MessagePropose:
		err = need(m.Instance != 0 && m.Roster != nil && m.State != nil, "instance, roster or state")
	case MessageHeld:
		err = need(m.Instance != 0 && m.Version != 0, "instance or version")
	case MessageState:
		err = need(m.State != nil, "state")
	case MessageFetch, MessageVote, MessageShutdown:
		err = need(m.Instance != 0, "instance")
	default:
		return fmt.Errorf("message from %s: unknown kind %q", m.From.Name, clip(string(m.Kind)))
	}
	if err != nil {
		return err
	}
	if a := m.Answer; a != nil && (len(a.Leader) > RPCMax || len(a.Why) > wordsMax || len(a.Status) > wordsMax) {
		return fmt.Errorf("message %q from %s: answer is too long", m.Kind, m.From.Name)
	}
	if s := m.State; s != nil {
		if err := s.Record.validate(); err != nil {
			return fmt.Errorf("message %q from %s: %w", m.Kind, m.From.Name, err)
		}
	}
	if m.Roster != nil {
		if err := m.Roster.Validate(); err != nil {
			return fmt.Errorf("message %q from %s: %w", m.Kind, m.From.Name, err)
		}
	}
	return nil
}

// Validate reports what is wrong with a roster that came from outside.
func (r *Roster) Validate() error {
	if len(r.Seats) > Slots {
		return fmt.Errorf("roster of %d seats, at most %d", len(r.Seats), Slots)
	}
	names := make(map[string]bool, len(r.Seats))
	for i := range r.Seats {
		s := &r.Seats[i]
		if err := s.Peer.validate(); err != nil {
			return fmt.Errorf("roster seat %d: %w", s.Slot, err)
		}
		if s.Slot >= Slots || i > 0 && s.Slot <= r.Seats[i-1].Slot {
			return fmt.Errorf("roster seat %d: slots must ascend and stay below %d", s.Slot, Slots)
		}
		if s.Incarnation == 0 {
			return fmt.Errorf("roster seat %d: no incarnation", s.Slot)
		}
		if names[s.Name] {
			return fmt.Errorf("roster seat %d: %s has a seat already", s.Slot, s.Name)
		}
		names[s.Name] = true
	}
	return nil
}

func (r *InstanceRecord) validate() error {
	if len(r.Votes) > votesMax {
		return fmt.Errorf("record of %d votes, at most %d", len(r.Votes), votesMax)
	}
	if len(r.Voters) > FoundersMax {
		return fmt.Errorf("record of %d voters, at most %d", len(r.Voters), FoundersMax)
	}
	if len(r.Joiners) > FoundersMax {
		return fmt.Errorf("record of %d joiners, at most %d", len(r.Joiners), FoundersMax)
	}
	for i := range r.Votes {
		if n := len(r.Votes[i].Voters); n > FoundersMax {
			return fmt.Errorf("vote for instance %d of %d voters, at most %d", r.Votes[i].Instance, n, FoundersMax)
		}
	}
	return nil
}

func (p *Peer) validate() error {
	if err := ValidName(p.Name); err != nil {
		return err
	}
	if p.RPC == "" || len(p.RPC) > RPCMax {
		return fmt.Errorf("node %s: bad agent address %q", p.Name, clip(p.RPC))
	}
	if len(p.Rails) > RailsMax {
		return fmt.Errorf("node %s: %d rails, at most %d", p.Name, len(p.Rails), RailsMax)
	}
	for _, e := range p.Rails {
		if e.UDP != (netip.AddrPort{}) && (!e.UDP.IsValid() || e.UDP.Addr().Zone() != "" || e.UDP.Port() == 0) {
			return fmt.Errorf("node %s: bad rail address %s", p.Name, e.UDP)
		}
	}
	return nil
}

// ValidName reports what is wrong with a node's name: 1..63 of letters, digits, dot, dash
// and underscore, as host names and hostlists allow.
func ValidName(name string) error {
	if name == "" || len(name) > NameMax {
		return fmt.Errorf("bad node name %q: 1 to %d characters", clip(name), NameMax)
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || i > 0 && strings.IndexByte("-._", c) >= 0) {
			return fmt.Errorf("bad node name %q: letters, digits, '-', '.', '_' only", clip(name))
		}
	}
	return nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
