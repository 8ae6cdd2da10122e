package control

import (
	"time"

	"rollcall/view"
)

// Config is what a Node knows from the start. Times that concern the group hold where the
// node leads; a member obeys the beats.
type Config struct {
	Cluster     string
	ClusterID   uint64 // hash of the name, as frames carry it
	Self        Peer   // Incarnation is ignored: the register names it
	Level       uint8
	Group       uint16
	Represents  bool          // above level 0: it has the slot of the group that its host leads below, and no vote
	Seats       int           // above level 0: voters wanted
	Allowed     []string      // names that may join the group; empty: any
	Interval    time.Duration // between rounds
	Rounds      int           // k: unanswered rounds before removal, 4..32: a lease has no room in fewer
	JoinWindow  time.Duration // joins within it share one roster and one view
	AskMost     time.Duration // between two requests to be let in; 0: askEvery
	FoundWait   time.Duration // silence before founding
	AgentGrace  time.Duration // how long an agent may be silent before on_stale applies
	RemoveStale bool          // on_stale = "remove"
	Quarantine  int           // removals in ten minutes that keep a node out; 0: never, and none is on probation
	Founders    []string      // names
	Prefer      []string      // names that should lead and, above level 0, vote
	Avoid       []string      // names that should only where there are no others
	Contacts    []string      // RPC addresses to ask first, the founders' among them
	Record      InstanceRecord
	Contents    Contents  // nil: the host's own
	Rosters     []*Roster // the last Output.Rosters of an earlier agent of this host
	WriteBehind bool      // the driver takes steps while it writes a record, and tells so by Input.Unsaved

	preferences preferences // made of Prefer and Avoid, once for all nodes of a host
}

// Order is what an operator asks of this node.
type Order uint8

// The orders.
const (
	OrderNone     Order = iota
	OrderLeave          // leave the cluster, handing over first
	OrderJoin           // come back after having left
	OrderShutdown       // end the instance everywhere
	OrderAbandon        // decree: Input.Abandon is dead, found the next instance
	OrderReadmit        // Input.Name may come back from quarantine
	OrderRecover        // decree: the voters of the top that do not answer are dead, go on without them
)

// Input is what happened. Register and Tally are the state at the time of the step; Node
// keeps neither pointer.
type Input struct {
	Register *Register
	Tally    *Tally
	Upper    *Register // of the group's slot above, whose epoch and lease a leader hands down; nil: this is the top
	Wake     Wake
	Sent     Time     // when the last frame of an earlier Output had left; 0: none was sent
	Unsaved  bool     // the record of an earlier Output is not on disk yet; a step comes as soon as it is
	Message  *Message // from another agent, nil for none; already Validated
	Order    Order
	Abandon  uint32 // with OrderAbandon: the instance that is declared dead
	Name     string // with OrderReadmit: of the node
}

// Output is what to do about it, in the order of the fields. Slices are valid until the
// next Step.
type Output struct {
	Record      *InstanceRecord // to be written and synced, before anything else happens unless Config.WriteBehind
	RecordFirst bool            // nothing else happens before this record, and all before it, are on disk
	Rosters     []*Roster       // when they changed: all held, for the next agent; the first names the slots now
	Commands    []Command       // to the register and tally
	Frames      []Outgoing      // each delivered to the own register first where To has the own slot
	Messages    []Letter
	View        *view.View // newly installed
	Events      []Event
}

// Outgoing is an ask for the slots in To, from the register of a place. Every slot in To that
// belongs to a register of this host (its own, and above level 0 maybe that of the group it
// leads) gets it by Deliver, before the others. With FlagRelay the frame is for the slot in its own To,
// and goes to who passes it on.
type Outgoing struct {
	Place Place
	To    Bitmap
	Frame Frame
}

// Letter is a message to another agent, sent once and without an answer of its own.
type Letter struct {
	To      string // RPC address
	Message Message
}

// Event is one thing that happened to the group, as this node saw it; it becomes one line
// in the log and, for view changes, one record in the history. Fields that do not apply are zero.
type Event struct {
	Kind     EventKind
	At       Time
	Instance uint32
	Level    uint8 // of the group that it is about, as Group
	Group    uint16
	From, To uint64 // seq before and after
	Ballot   Ballot // under which it happened
	Leader   string
	Joined   []string // names, by slot
	Removed  []string
	Rail     uint8      // that was lost, or is back, to Nodes
	Nodes    []string   // names, by slot
	Why      string     // in words: "5 rounds unanswered", "rebooted", "said goodbye", …
	Evidence []Evidence // one a removed member, where this node led
	Rounds   int        // beats sent that carried the proposal until it was decided; prepares count
	Missed   Time       // first round that was missed left
	Verdict  Time       // the removal was decided on
	Commit   Time       // the votes were complete
	Install  Time       // this node installed the view
}

// Evidence is why a member was removed.
type Evidence struct {
	Name     string
	Slot     uint16
	LastEcho Time // arrival of its last answer; zero: none under this leader
	Missed   int  // rounds it left unanswered while others answered
	Left     bool // it said goodbye
	Why      string
}

// EventKind names an event.
type EventKind uint8

// The kinds of event.
const (
	EventInstalled   EventKind = iota + 1 // a view
	EventElected                          // this node leads
	EventDeposed                          // this node leads no longer
	EventSuspect                          // members missed rounds: Removed names them
	EventRemoved                          // this node is out
	EventLost                             // no quorum, or no leader, answers
	EventFounded                          // an instance began, or a generation of a group: Why
	EventLeft                             // this node left
	EventQuarantined                      // Nodes are kept out
	EventReadmitted                       // … no longer
	EventRefused                          // this node may not join, or not recover its cluster: Why
	EventMismatch                         // a view's content is not what its digest says
	EventRailLost                         // members answer by others, but no longer by Rail
	EventRailBack                         // they answer by it again
	EventProbation                        // Nodes ask to come back, and their links are no better: Why
	EventSpent                            // Group, below this node's, can not be formed any more: Why
	EventKinds                            // how many there are, and 0
)

var eventNames = [EventKinds]string{
	"", "installed", "elected", "deposed", "suspect", "removed", "lost", "founded", "left", "quarantined", "readmitted", "refused", "mismatch", "rail_lost", "rail_back", "probation", "spent",
}

// String gives the kind as logs and records show it.
func (k EventKind) String() string {
	if k < EventKinds {
		return eventNames[k]
	}
	return "event"
}
