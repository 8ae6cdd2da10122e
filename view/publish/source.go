package publish

import (
	"context"
	"sync"
)

// Source is what a Server answers from. Its methods are called from many goroutines at
// once, must not block but where they take a context, and return values that nobody changes afterwards.
type Source interface {
	// View describes the current view with its lease as of now.
	View() Document
	// Group describes a group by its name or number; "" is the node's own, of which its kernel
	// and daemon know more than of others. Who leads another it learns as Tree does.
	Group(ctx context.Context, which string) (GroupDocument, error)
	// Tree describes all groups. It waits a moment for another node that knows who leads them.
	Tree(ctx context.Context) TreeDocument
	// Diff tells what changed between two epochs that this node installed and still has.
	Diff(from, to uint64) (DiffDocument, error)
	// Verify asks the daemons of all nodes what view they hold. It waits for their answers.
	Verify(ctx context.Context) (VerifyDocument, error)
	Status(ctx context.Context) StatusDocument
	// Node tells of one node by name, of this one by an empty name; false when nobody has it.
	Node(ctx context.Context, name string) (NodeDocument, bool)
	// Events returns those kept whose number is above since, the oldest first.
	Events(since uint64) []EventDocument
	Stats() StatsDocument
	Version() VersionDocument
	// Changed returns a channel that is closed when View or Events next have something
	// new to say. See Signal.
	Changed() <-chan struct{}
	// Do carries out an order of an operator who was found entitled to it, or says why
	// it cannot be; it returns when the order was taken, not when it was fulfilled, and
	// should give up when ctx ends.
	Do(ctx context.Context, o Order) error
}

// Verb names what an operator may order.
type Verb string

// The verbs; each is the POST path of the same name below /v1.
const (
	Leave    Verb = "leave"    // this node leaves the cluster, handing over first
	Join     Verb = "join"     // this node comes back after having left
	Shutdown Verb = "shutdown" // the instance ends on every node
	Found    Verb = "found"    // decree: Abandon is dead, found the next instance

	ReloadKeys Verb = "reload-keys" // the daemon reads its key file again
	Readmit    Verb = "readmit"     // Node may come back from quarantine
	Recover    Verb = "recover"     // decree: the voters above the groups that do not answer are dead, go on without them
)

// Order is one verb with its argument.
type Order struct {
	Verb    Verb
	Abandon uint32 // with Found: the instance that is declared dead
	Node    string // with Readmit
	By      Peer   // who gave it; the Server fills it in
}

// Signal tells any number of waiting goroutines that something changed. The zero Signal is
// ready for use.
type Signal struct {
	mu sync.Mutex
	c  chan struct{}
}

// Changed returns a channel that the next Raise closes. Take it before reading what it
// guards, so that no change is missed.
func (s *Signal) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		s.c = make(chan struct{})
	}
	return s.c
}

// Raise wakes all who wait. It never blocks on them.
func (s *Signal) Raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		close(s.c)
		s.c = nil
	}
}
