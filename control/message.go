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
	MessageAnswer   MessageKind = "answer"    // Answer: what becomes of a join; to those removed all of a roster
	MessageRoster   MessageKind = "roster"    // Instance, Epoch, Roster, Voters, Joiners: hold this
	MessageHeld     MessageKind = "held"      // Instance, Version: I hold it (and, a founder, wrote it down)
	MessageFetch    MessageKind = "fetch"     // Instance, Version: I miss this roster; 0: the newest
	MessageLeave    MessageKind = "leave"     // Peer: take me out
	MessageAsk      MessageKind = "found-ask" // may I found?
	MessageState    MessageKind = "found-state"
	MessagePropose  MessageKind = "found-propose" // Instance, Roster: these found it; State.Record: all I know
	MessageVote     MessageKind = "found-vote"    // Instance: you have my vote
	MessageShutdown MessageKind = "shutdown"      // Instance: it is closed
	MessageDecree   MessageKind = "decree"        // Instance, Version, Epoch, Roster: form the group anew, see decree.go
	MessageReadmit  MessageKind = "readmit"       // Name: it may come back
	MessageInvite   MessageKind = "invite"        // Instance: take a seat
	MessageContent  MessageKind = "content"       // Instance, Content: what the group Level, Group decided
	MessageWant     MessageKind = "want"          // Instance, Version: send what was decided since that digest; 0: all
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
	Name     string      `json:"name,omitempty"` // of a node
	Roster   *Roster     `json:"roster,omitempty"`
	Epoch    uint64      `json:"epoch,omitempty"`  // of the last view that the sender knows to be decided
	Voters   Bitmap      `json:"voters,omitzero"`  // the members of that view, named by Roster
	Joiners  Bitmap      `json:"joiners,omitzero"` // who is about to be a member as well
	Holds    bool        `json:"holds,omitempty"`  // with join: the sender has a register, and hears no beat
	Keys     KeyIDs      `json:"keys,omitzero"`    // with join: of the keys that the sender holds
	Inquiry  Inquiry     `json:"inquiry,omitzero"` // with answer: ask again with it; with join: the one that it answers
	Seat     bool        `json:"seat,omitempty"`   // above level 0: of the sender's seat; with answer, the addressee's
	Standing *Standing   `json:"standing,omitempty"`
	Content  *Content    `json:"content,omitempty"`
	Answer   *Answer     `json:"answer,omitempty"`
	State    *FoundState `json:"state,omitempty"`
}

// Standing is what the sender of a join is to the group that it asks about or, above level 0, to
// the group that it leads below.
type Standing struct {
	Slot   uint16         `json:"slot"`            // its own; above level 0 the one of the group below
	Ballot Ballot         `json:"ballot"`          // promised; above level 0 the one by which it leads below
	Seq    uint64         `json:"seq"`             // no number up to it is to be used again
	Slots  [Levels]uint64 `json:"slots,omitempty"` // incarnations of its registers for the group below, by level
}

// Content is a part of what a group decided: an encoded view.Delta, cut where a message would
// become too long.
type Content struct {
	Seq   uint64 `json:"seq"`
	Part  int    `json:"part"` // from 0
	Parts int    `json:"parts"`
	Root  string `json:"root,omitempty"` // of the top: who leads it, as far as the sender knows
	Body  []byte `json:"body"`
}

// AnswerStatus says what becomes of a request to be let in.
type AnswerStatus string

// The statuses.
const (
	AnswerRedirect    AnswerStatus = "redirect"    // ask Leader
	AnswerWaiting     AnswerStatus = "waiting"     // it is going to be let in, or Why not yet
	AnswerMember      AnswerStatus = "member"      // it is in
	AnswerTaken       AnswerStatus = "taken"       // others have the seats
	AnswerRemoved     AnswerStatus = "removed"     // what it holds is of a view that went on without it
	AnswerSuperseded  AnswerStatus = "superseded"  // its group was formed anew, in generation Version, without it
	AnswerQuarantined AnswerStatus = "quarantined" // it was removed too often
	AnswerRefused     AnswerStatus = "refused"     // for good
	AnswerIdle        AnswerStatus = "idle"        // nobody here knows a leader
)

// Answer tells a joiner what becomes of its request.
type Answer struct {
	Status AnswerStatus `json:"status"`
	Leader string       `json:"leader,omitempty"` // RPC address, with redirect
	Why    string       `json:"why,omitempty"`
	// Waiting is how many nodes beside the founders asked the sender, with idle: a founder that has no cluster.
	Waiting int `json:"waiting,omitempty"`
}

// FoundState is what a node answers to a founder.
type FoundState struct {
	Register uint32         `json:"register"`       // instance of the register it holds, 0: none
	QuietMS  uint64         `json:"quiet_ms"`       // since it last heard a member of any instance
	Left     bool           `json:"left,omitempty"` // by order: it votes for nothing
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
	PartMax     = 256 << 10 // bytes of a content in one message
	PartsMax    = 256
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
	case MessageDecree:
		err = need(m.Instance != 0 && m.Version != 0 && m.Version < 1<<16 && m.Roster != nil, "instance, generation or roster")
	case MessageReadmit:
		err = ValidName(m.Name)
	case MessageContent:
		err = need(m.Instance != 0 && m.Content != nil, "instance or content")
	case MessageFetch, MessageVote, MessageShutdown, MessageInvite, MessageWant:
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
	if a := m.Answer; a != nil && (a.Waiting < 0 || a.Waiting > 2*waitingMax) {
		return fmt.Errorf("message %q from %s: %d nodes wait, at most %d", m.Kind, m.From.Name, a.Waiting, 2*waitingMax)
	}
	if m.Level >= Levels {
		return fmt.Errorf("message %q from %s: level %d, at most %d", m.Kind, m.From.Name, m.Level, Levels-1)
	}
	if c := m.Content; c != nil && (len(c.Body) > PartMax || c.Parts < 1 || c.Parts > PartsMax || c.Part < 0 || c.Part >= c.Parts || len(c.Root) > NameMax) {
		return fmt.Errorf("message %q from %s: part %d of %d, %d bytes: at most %d of %d", m.Kind, m.From.Name, c.Part, c.Parts, len(c.Body), PartsMax, PartMax)
	}
	if s := m.Standing; s != nil && s.Slot >= Slots {
		return fmt.Errorf("message %q from %s: slot %d, at most %d", m.Kind, m.From.Name, s.Slot, Slots-1)
	}
	if s := m.State; s != nil {
		if err := s.Record.Validate(); err != nil {
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
	names := make(map[string]bool, len(r.Seats)) // above level 0 a node may have a seat as well
	key := func(s *Seat) string { return s.Name + [...]string{"", "/seat"}[s.Slot/FirstSeat%2] }
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
		if names[key(s)] {
			return fmt.Errorf("roster seat %d: %s has a seat already", s.Slot, s.Name)
		}
		names[key(s)] = true
	}
	return nil
}

// Validate reports what is wrong with a record that came from outside or from disk.
func (r *InstanceRecord) Validate() error {
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
