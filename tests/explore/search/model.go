// Package search looks for a way, through a model of hosts and of what is on its way between them,
// that breaks something: by all ways of so many events (Search), or by random ones (Walk). It knows
// nothing of what the hosts are.
package search

// Kind names an event.
type Kind uint8

// The kinds of event that a search knows. A model of its own may have more for walks, from Kinds on.
const (
	Deliver Kind = iota // a frame reaches the kernel it is for
	Read                // a letter reaches an agent
	Look                // an agent that was woken looks
	Tick                // an interval passes at a host, its agent looks, and its beats leave
	Beat                // an interval passes at a host, and its beats leave
	Sleep               // a long while passes at a host, and its agent looks
	Leave               // an operator takes a node out
	Back                // and lets it come back
	Crash               // a host loses its power
	Boot                // and has it back
	Restart             // an agent is killed and started
	Again               // what is delivered or read stays on its way: a limit, not an event
	Kinds               // how many there are
)

var kindNames = [Kinds]string{"deliver", "read", "look", "tick", "beat", "sleep", "leave", "back", "crash", "boot", "restart", "again"}

// String gives the kind as stories show it.
func (k Kind) String() string {
	if k < Kinds {
		return kindNames[k]
	}
	return "event"
}

// Event is one thing that may happen: to a frame, a letter or a host.
type Event struct {
	Kind Kind
	At   int // index of the frame, the letter or the host
}

// Host is one state of one host, which never changes.
type Host[P any] interface {
	Number() int
	Digest() uint64 // equal for hosts to which the same can happen
	May() []Kind    // what may happen to it by itself
	Takes(p P) bool // whether it can be reached by that
}

// Parcel is a frame or a letter on its way. It never changes.
type Parcel interface {
	Digest() uint64
	To() int    // number of a host
	Kind() Kind // Deliver or Read
}

// Ledger knows what no host can know, and whether something is broken.
type Ledger[L, S any] interface {
	Digest() uint64 // equal for ledgers that took note of the same, in whatever order
	Clone() L
	Saw(what *S)
	Violation() error
}

// World is a state of all.
type World[H Host[P], P Parcel, L Ledger[L, S], S any] interface {
	Hosts() []H
	Parcels() []P
	Ledger() L
	// Try lets an event happen to a host, in a world that is empty but for it; with Deliver or Read
	// of a parcel. It gives the host as it is then, what it sends, and what it did that the ledger
	// should know. With prompt, agents look as soon as they are woken.
	Try(h H, k Kind, p P, prompt bool) (after H, sends []P, tells []S)
	// Story is a copy in which whatever is sent stays on its way, and which says what happens.
	// say may be nil.
	Story(prompt bool, say func(line string)) Story[H, P, L, S]
}

// Story is a world in which a way is gone once more.
type Story[H Host[P], P Parcel, L Ledger[L, S], S any] interface {
	World[H, P, L, S]
	Retell(k Kind, host int, parcel uint64) // the parcel by its digest
}
