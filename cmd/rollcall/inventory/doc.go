// Package inventory plans the groups of a cluster from what describes its network: the
// racks, each the nodes that share a leaf switch, in the order of the fabric. A rack that is too
// large becomes several groups, small neighbours under one switch become one, and with an
// inventory to keep no node ever changes its group.
package inventory

// Rack is a set of nodes that share a switch.
type Rack struct {
	Name   string // of the switch; empty where only the nodes are known
	Parent string // the switch above it; empty at the top
	Nodes  []string
}
