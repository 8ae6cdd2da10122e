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
func (n *Node) port() int { return firstPort + n.Number }

func (n *Node) portName() string { return "port" + strconv.Itoa(n.Number) }

// addBridge makes the bridge; the caller is in its namespace.
func addBridge() error {
	if err := withoutIPv6("all", "default"); err != nil {
		return err
	}
	a := netlink.NewLinkAttrs()
	a.Name, a.Index = bridgeName, bridgeIndex
	a.HardwareAddr = net.HardwareAddr{0x02, 0x77, 0xff, 0, 0, 0}
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

// Plug makes the node's namespace and link anew. Its gate stays as it is.
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
		if err := n.addPort(&node, int(here.Fd())); err != nil {
			return err
		}
		return node.configure()
	})
}

// addPort makes the veth pair between the bridge and the namespace peer.
func (n *Network) addPort(node *Node, peer int) error {
	return inside(switchNamespace(n.config.Lab), func() error {
		a := netlink.NewLinkAttrs()
		a.Name, a.Index, a.MasterIndex = node.portName(), node.port(), bridgeIndex
		a.HardwareAddr = net.HardwareAddr{0x02, 0x77, 1, 0, node.MAC[4], node.MAC[5]}
		port := &netlink.Veth{LinkAttrs: a, PeerName: Interface, PeerHardwareAddr: node.MAC, PeerNamespace: netlink.NsFd(peer)}
		if err := netlink.LinkAdd(port); err != nil {
			return fmt.Errorf("add port: %w", err)
		}
		if err := tagInFrame(node.portName()); err != nil {
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

// configure gives the node's interface its addresses; the caller is in the node's namespace.
func (n *Node) configure() error {
	eth, err := netlink.LinkByName(Interface)
	if err != nil {
		return fmt.Errorf("find %s: %w", Interface, err)
	}
	addrs := []netip.Prefix{netip.PrefixFrom(n.IPv4, 16)}
	if n.IPv6.IsValid() {
		addrs = append(addrs, netip.PrefixFrom(n.IPv6, 64))
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
		return fmt.Errorf("bring up %s: %w", Interface, err)
	}
	return nil
}

// Unplug takes the node's link and namespace away, with everything that was attached to them. Processes in the namespace must have ended before.
func (n *Network) Unplug(name string) error {
	node, err := n.Node(name)
	if err != nil {
		return err
	}
	err = inside(switchNamespace(n.config.Lab), func() error {
		port, err := netlink.LinkByName(node.portName())
		if err == nil {
			err = netlink.LinkDel(port)
		}
		if missing := (netlink.LinkNotFoundError{}); err != nil && !errors.As(err, &missing) {
			return fmt.Errorf("remove port: %w", err)
		}
		return nil
	})
	return errors.Join(err, removeNamespace(node.Namespace))
}

// SetPort brings the bridge's end of the node's link down or up, which the node sees as loss
// of carrier.
func (n *Network) SetPort(name string, up bool) error {
	node, err := n.Node(name)
	if err != nil {
		return err
	}
	return inside(switchNamespace(n.config.Lab), func() error {
		port, err := netlink.LinkByName(node.portName())
		if err != nil {
			return fmt.Errorf("find port: %w", err)
		}
		if up {
			err = netlink.LinkSetUp(port)
		} else {
			err = netlink.LinkSetDown(port)
		}
		if err != nil {
			return fmt.Errorf("set port: %w", err)
		}
		return nil
	})
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
