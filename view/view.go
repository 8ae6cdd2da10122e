package view

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
)

// State is what a user sees of a node.
type State uint32

// The states, in the order in which tables list them.
const (
	Unknown     State = iota // nobody can tell here: the view is not valid, or the group lost its leader
	Alive                    // kernel answers, agent fresh
	Stale                    // kernel answers, agent silent
	Suspect                  // missed rounds, not removed
	Joining                  // has a slot, in no view yet
	Gone                     // removed
	Left                     // said goodbye
	Planned                  // expected to be down
	Absent                   // in the inventory, and in no view that the node had
	Quarantined              // removed too often, kept out until readmitted
	Probation                // removed of late, asks to come back, and its link is being tried
	States                   // how many there are
)

var stateNames = [States]string{
	"unknown", "alive", "stale", "suspect", "joining", "gone", "left", "planned", "absent", "quarantined", "probation",
}

// String gives the state's name as users write it.
func (s State) String() string {
	if s < States {
		return stateNames[s]
	}
	return "state" + strconv.Itoa(int(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(b []byte) error {
	for i, n := range stateNames {
		if n == string(b) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("read node state %q: no such state", b)
}

// UnmarshalJSON reads a state in a document. One that only a newer daemon knows is unknown here: whoever asks it
// while a cluster is upgraded is to read the rest.
func (s *State) UnmarshalJSON(b []byte) error {
	if n := len(b); n < 2 || b[0] != '"' || b[n-1] != '"' {
		return fmt.Errorf("read node state %.80s: not a string", b)
	}
	if s.UnmarshalText(b[1:len(b)-1]) != nil {
		*s = Unknown
	}
	return nil
}

// Identity is what a view agrees on about one member.
type Identity struct {
	Name        string
	Group       uint16
	Slot        uint16
	Incarnation uint64
}

// View is one numbered, agreed membership. Everything but Leader is agreed: two nodes
// never install different content for the same (Instance, Epoch). A View is immutable.
type View struct {
	Cluster    string
	Instance   uint32 // the cluster's life, 1, 2, …
	Group      uint16
	Generation uint16     // raised when a group without quorum was formed anew by decree
	Epoch      uint64     // its number; the seq of the top group
	Leader     string     // who leads as far as this node knows; not agreed, not hashed
	Members    []Identity // by group, then slot
}

// Hash is the first 64 bits of SHA-256 over everything agreed. Equal hash means equal view.
func (v *View) Hash() uint64 {
	b := make([]byte, 0, 64+32*len(v.Members))
	b = appendString(b, v.Cluster)
	b = binary.BigEndian.AppendUint32(b, v.Instance)
	b = binary.BigEndian.AppendUint16(b, v.Group)
	b = binary.BigEndian.AppendUint16(b, v.Generation)
	b = binary.BigEndian.AppendUint64(b, v.Epoch)
	b = binary.BigEndian.AppendUint32(b, uint32(len(v.Members)))
	for _, m := range v.Members {
		b = appendString(b, m.Name)
		b = binary.BigEndian.AppendUint16(b, m.Group)
		b = binary.BigEndian.AppendUint16(b, m.Slot)
		b = binary.BigEndian.AppendUint64(b, m.Incarnation)
	}
	h := sha256.Sum256(b)
	return binary.BigEndian.Uint64(h[:8])
}

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}
