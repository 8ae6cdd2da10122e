package control

import "rollcall/view"

// Node is one node's part in one group: it decides, and leaves doing to its driver.
type Node struct{}

// New returns a node that belongs to no group yet, or, when its register says otherwise at
// the first Step, goes on where an earlier agent stopped.
func New(c Config) *Node { return nil }

// Step takes what happened and says what to do.
func (n *Node) Step(now Time, in Input) Output { return Output{} }

// Deadline is when to call Step next if nothing happens before.
func (n *Node) Deadline() Time { return 0 }

// Watch names the slots whose tally Step wants to see; empty while the node asks nothing.
func (n *Node) Watch() Bitmap { return Bitmap{} }

// Status is what a node knows of itself and its group at this moment.
type Status struct {
	Role      string // absent | joining | follower | deputy | candidate | leader | left
	Instance  uint32
	Leader    string // name; empty: none known
	LeaderRPC string
	Slot      uint16
	Awaiting  string // in words: what this node waits for, empty in a healthy group
	Roster    *Roster
	States    [Slots]view.State // of the slots of the roster
	Past      []Past            // nodes that were members and are not: newest state
}

// Past is a former member.
type Past struct {
	Name  string
	State view.State // Gone or Left
}

// Status reports the node's state; now and the register are those of the moment.
func (n *Node) Status(now Time, r *Register) Status { return Status{} }
