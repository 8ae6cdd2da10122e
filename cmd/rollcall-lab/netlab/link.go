package netlab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	bridgeName  = "switch"
	bridgeIndex = 2 // interface index, in the bridge's namespace
	firstPort   = bridgeIndex
)

// port is the interface index of the node's port on the bridge; it is chosen, not given by
// the kernel, so that a node keeps its gate when it is plugged in again.
func (n *Node) port() int { return firstPort + n.Number + n.rail*railIndexes }

func (n *Node) portName() string {
	name := "port" + strconv.Itoa(n.Number)
	if n.rail > 0 {
		name += "r" + strconv.Itoa(n.rail)
	}
	return name
}

// addBridges makes the bridges; the caller is in their namespace.
func (n *Network) addBridges() error {
	if err := withoutIPv6("all", "default"); err != nil {
		return err
	}
	for i := range n.config.segments() {
		if err := n.config.segment(i).addBridge(); err != nil {
			return err
		}
	}
	for rail := 1; rail < n.config.rails(); rail++ {
		if err := n.addRail(rail); err != nil {
			return err
		}
	}
	return nil
}

func (s segment) addBridge() error {
	return addBridge(s.bridgeName(), s.bridge(), net.HardwareAddr{0x02, 0x77, 0xff, 0, 0, byte(s.number)})
}

func addBridge(name string, index int, mac net.HardwareAddr) error {
	a := netlink.NewLinkAttrs()
	a.Name, a.Index, a.HardwareAddr = name, index, mac
	flood := false // snooping would learn from the very silence that is tested
	b := &netlink.Bridge{LinkAttrs: a, MulticastSnooping: &flood}
	if err := netlink.LinkAdd(b); err != nil {
		return fmt.Errorf("add bridge: %w", err)
	}
	if err := netlink.LinkSetUp(b); err != nil {
		return fmt.Errorf("bring up bridge: %w", err)
	}
	return nil
}

// Plug makes the node's namespace and links anew. Their gates stay as they are.
func (n *Network) Plug(name string) error {
	node, err := n.Node(name)
	if err != nil {
		return err
	}
	return makeNamespace(node.Namespace, func() error {
		if !node.IPv6.IsValid() {
			if err := withoutIPv6("all", "default"); err != nil {
				return err
			}
		}
		here, err := os.Open(ownNamespace)
		if err != nil {
			return fmt.Errorf("open own network namespace: %w", err)
		}
		defer here.Close()
		for rail := range n.config.rails() {
			on := node.OnRail(rail)
			if err := n.addPort(&on, int(here.Fd())); err != nil {
				return err
			}
			if err := on.configure(); err != nil {
				return err
			}
		}
		return nil
	})
}

// addPort makes the veth pair between the node's bridge and the namespace peer.
func (n *Network) addPort(node *Node, peer int) error {
	return n.addLink(linkEnds{
		name: node.portName(), index: node.port(), bridge: node.bridge(),
		mac:      net.HardwareAddr{0x02, node.MAC[1], 1, 0, node.MAC[4], node.MAC[5]},
		peerName: node.Interface(), peerMAC: node.MAC, peer: peer,
	})
}

// linkEnds are the ends of a veth pair: one a port of a bridge, the peer in a namespace.
type linkEnds struct {
	name          string
	index, bridge int // interface indexes
	mac           net.HardwareAddr
	peerName      string
	peerMAC       net.HardwareAddr
	peer          int // file descriptor of its namespace
}

// addLink makes a link with a gate on its port, and brings the port up.
func (n *Network) addLink(l linkEnds) error {
	return inside(switchNamespace(n.config.Lab), func() error {
		a := netlink.NewLinkAttrs()
		a.Name, a.Index, a.MasterIndex, a.HardwareAddr = l.name, l.index, l.bridge, l.mac
		port := &netlink.Veth{LinkAttrs: a, PeerName: l.peerName, PeerHardwareAddr: l.peerMAC, PeerNamespace: netlink.NsFd(l.peer)}
		if err := netlink.LinkAdd(port); err != nil {
			return fmt.Errorf("add port: %w", err)
		}
		if err := tagInFrame(l.name); err != nil {
			return err
		}
		if err := n.gates.attach(port); err != nil {
			return err
		}
		if err := netlink.LinkSetUp(port); err != nil {
			return fmt.Errorf("bring up port: %w", err)
		}
		return nil
	})
}

// configure gives the node's interface its addresses and routes; the caller is in the node's
// namespace.
func (n *Node) configure() error {
	bits := [2]int{16, 64}
	if n.segment.of > 1 {
		bits[0] = 24
	}
	addrs := []netip.Prefix{netip.PrefixFrom(n.IPv4, bits[0])}
	if n.IPv6.IsValid() {
		addrs = append(addrs, netip.PrefixFrom(n.IPv6, bits[1]))
	}
	if err := bringUp(n.Interface(), addrs); err != nil || n.segment.of == 1 {
		return err
	}
	return n.addRoutes()
}

// bringUp gives an interface of the caller's namespace its addresses.
func bringUp(name string, addrs []netip.Prefix) error {
	eth, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	for _, p := range addrs {
		a := &netlink.Addr{
			IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())},
			Flags: unix.IFA_F_NODAD, // usable at once
		}
		if err := netlink.AddrAdd(eth, a); err != nil {
			return fmt.Errorf("add address %s: %w", p, err)
		}
	}
	if err := netlink.LinkSetUp(eth); err != nil {
		return fmt.Errorf("bring up %s: %w", name, err)
	}
	return nil
}

// Unplug takes the node's links and namespace away, with everything that was attached to them.
// Processes in the namespace must have ended before.
func (n *Network) Unplug(name string) error {
	node, err := n.Node(name)
	if err != nil {
		return err
	}
	err = inside(switchNamespace(n.config.Lab), func() error {
		for rail := range n.config.rails() {
			on := node.OnRail(rail)
			port, err := netlink.LinkByName(on.portName())
			if err == nil {
				err = netlink.LinkDel(port)
			}
			if missing := (netlink.LinkNotFoundError{}); err != nil && !errors.As(err, &missing) {
				return fmt.Errorf("remove port: %w", err)
			}
		}
		return nil
	})
	return errors.Join(err, removeNamespace(node.Namespace))
}

// withoutIPv6 keeps the caller's namespace from talking IPv6 by itself.
func withoutIPv6(interfaces ...string) error {
	for _, i := range interfaces {
		path := filepath.Join("/proc/sys/net/ipv6/conf", i, "disable_ipv6")
		if err := os.WriteFile(path, []byte("1"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("disable IPv6: %w", err)
		}
	}
	return nil
}
