package publish

import (
	"cmp"
	"slices"
	"strconv"

	"rollcall/view"
)

// TreeDocument is the cluster group by group: how much of the inventory is there, and who leads.
type TreeDocument struct {
	Schema   int          `json:"schema"`
	Cluster  string       `json:"cluster"`
	Instance uint32       `json:"instance"`
	Epoch    uint64       `json:"epoch"`
	Hash     string       `json:"hash"`
	Leader   string       `json:"leader"`          // the root: of the top group
	Seats    []string     `json:"seats,omitempty"` // who votes above the groups; empty: nobody, or none told
	Valid    bool         `json:"valid"`
	State    BranchState  `json:"state"`
	Here     int          `json:"here"`  // nodes of the view that answer
	Nodes    int          `json:"nodes"` // of the inventory, and of the view
	Groups   []TreeBranch `json:"groups"`
}

// GroupLabel is what users are shown of a group: its name, or its number where it has none.
func GroupLabel(name string, number uint16) string {
	if name != "" {
		return name
	}
	return "group" + strconv.Itoa(int(number))
}

// TreeBranch is one group of the tree.
type TreeBranch struct {
	Group      uint16      `json:"group"`
	Name       string      `json:"name,omitempty"`
	Generation uint16      `json:"generation"`
	Seq        uint64      `json:"seq"`    // of the group's own view, as the cluster view has it; 0: it is not there
	Leader     string      `json:"leader"` // empty: it has none, or nobody told
	State      BranchState `json:"state"`
	Here       int         `json:"here"`
	Nodes      int         `json:"nodes"`
	Down       []Member    `json:"down"` // those of Nodes that are not Here
}

// Structure is who leads the cluster and its groups and who votes above them, as one node knows it.
type Structure struct {
	Root    string            `json:"root,omitempty"`
	Leaders map[uint16]string `json:"leaders"` // by group
	Seats   []string          `json:"seats"`   // by slot

	// Lost are the groups that were formed once and are not expected to be again, as their nodes are gone.
	Lost []uint16 `json:"lost,omitempty"`
}

// BranchState says how much of a part of the cluster is there.
type BranchState string

// The states of a branch.
const (
	Full     BranchState = "full"     // all nodes
	Degraded BranchState = "degraded" // some
	Lost     BranchState = "lost"     // none
	Unseen   BranchState = "unknown"  // this node cannot tell: it has no valid view, or the group lost its leader
)

// NewTree sorts the members of a view by group. Groups are those that the caller knows, by number,
// with their names and what the view says of them; a member of another one is left out.
// Who leads is not told by a view that is not valid: others may have taken over. The view's own leader is the one that
// the node heard of with its epoch; the lead may have moved since.
func NewTree(d *Document, groups []TreeBranch, led Structure) TreeDocument {
	if !d.Valid {
		led = Structure{}
	}
	t := TreeDocument{
		Schema: Schema, Cluster: d.Cluster, Instance: d.Instance, Epoch: d.Epoch, Hash: d.Hash, Leader: cmp.Or(led.Root, d.Leader), Valid: d.Valid,
		Seats: led.Seats, Groups: groups,
	}
	unknown := make([]int, len(groups))
	for _, m := range d.Members {
		i, found := slices.BinarySearchFunc(groups, m.Group, func(b TreeBranch, group uint16) int { return int(b.Group) - int(group) })
		if !found {
			continue
		}
		b := &groups[i]
		b.Nodes++
		switch {
		case m.State == view.Alive || m.State == view.Stale && m.Incarnation != "":
			b.Here++
		default:
			b.Down = append(b.Down, m)
		}
		if m.State == view.Unknown || d.Instance == 0 {
			unknown[i]++
		}
	}
	allUnknown := 0
	for i := range groups {
		b := &groups[i]
		b.Leader = led.Leaders[b.Group]
		b.State = branchState(b.Here, b.Nodes, unknown[i])
		t.Here, t.Nodes, allUnknown = t.Here+b.Here, t.Nodes+b.Nodes, allUnknown+unknown[i]
	}
	t.State = branchState(t.Here, t.Nodes, allUnknown)
	return t
}

func branchState(here, nodes, unknown int) BranchState {
	switch {
	case unknown > 0:
		return Unseen
	case here == nodes:
		return Full
	case here == 0:
		return Lost
	}
	return Degraded
}
