package netlab

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"rollcall/control"
)

// MaxRails is how many interfaces the nodes of a network may have.
const MaxRails = control.RailsMax

// railIndexes is by how much the interface indexes of one rail's ports and bridge are above those of the
// rail before.
const railIndexes = 2000

// rails counts the interfaces that every node has.
func (c *Config) rails() int { return max(c.Rails, 1) }

// OnRail is the node with what it has on a rail: the first is the one of Network.Nodes.
func (n Node) OnRail(rail int) Node {
	if rail == 0 {
		return n
	}
	n.rail, n.segment = rail, segment{of: 1}
	hi, lo, net77 := byte(n.Number>>8), byte(n.Number), 77+byte(rail)
	n.IPv4 = netip.AddrFrom4([4]byte{10, net77, hi, lo})
	if n.IPv6.IsValid() {
		n.IPv6 = netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77 + byte(rail), 14: hi, 15: lo})
	}
	n.MAC = net.HardwareAddr{0x02, 0x77 + byte(rail), 0, 0, hi, lo}
	return n
}

// Interface is the name of the node's interface on the rail.
func (n *Node) Interface() string { return "eth" + strconv.Itoa(n.rail) }

func (n *Node) bridge() int { return n.segment.bridge() + n.rail*railIndexes }

// addRail makes the bridge of a further rail; the caller is in the bridges' namespace.
func (n *Network) addRail(rail int) error {
	return addBridge(fmt.Sprintf("%sr%d", bridgeName, rail), bridgeIndex+rail*railIndexes, net.HardwareAddr{0x02, 0x77 + byte(rail), 0xff, 0, 0, 0})
}

// ChangeRail changes the links of the named nodes on one rail, all in the same instant.
func (n *Network) ChangeRail(rail int, change func(*Link), names ...string) error {
	if rail < 0 || rail >= n.config.rails() {
		return fmt.Errorf("lab %s has no rail %d, but %d from 0 on", n.config.Lab, rail, n.config.rails())
	}
	return n.change([]int{rail}, change, names)
}
