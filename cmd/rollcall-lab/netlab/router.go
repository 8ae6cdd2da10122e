package netlab

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
)

// routerName is the router's place among the nodes' namespaces.
const routerName = "router"

// addRouter makes the namespace that forwards packets between the segments.
func (n *Network) addRouter() error {
	return makeNamespace(Namespace(n.config.Lab, routerName), func() error {
		if !n.config.IPv6 {
			if err := withoutIPv6("all", "default"); err != nil {
				return err
			}
		}
		for _, path := range []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"} {
			if err := os.WriteFile(path, []byte("1"), 0); err != nil && !os.IsNotExist(err) {
				return fmt.Errorf("forward packets: %w", err)
			}
		}
		here, err := os.Open(ownNamespace)
		if err != nil {
			return fmt.Errorf("open own network namespace: %w", err)
		}
		defer here.Close()
		for i := range n.config.segments() {
			if err := n.addUplink(n.config.segment(i), int(here.Fd())); err != nil {
				return err
			}
		}
		return nil
	})
}

// addUplink joins a segment to the router; the caller is in the router's namespace.
func (n *Network) addUplink(s segment, router int) error {
	mac := func(end byte) net.HardwareAddr { return net.HardwareAddr{0x02, 0x77, 2, end, 0, byte(s.number)} }
	err := n.addLink(linkEnds{
		name: s.uplinkName(), index: s.uplink(), bridge: s.bridge(), mac: mac(0),
		peerName: s.routerPort(), peerMAC: mac(1), peer: router,
	})
	if err != nil {
		return err
	}
	four, six := s.router()
	addrs := []netip.Prefix{four}
	if n.config.IPv6 {
		addrs = append(addrs, six)
	}
	return bringUp(s.routerPort(), addrs)
}

// addRoutes sends what is for other segments to the router; the caller is in the node's
// namespace.
func (n *Node) addRoutes() error {
	eth, err := netlink.LinkByName(Interface)
	if err != nil {
		return fmt.Errorf("find %s: %w", Interface, err)
	}
	four, six := n.segment.router()
	gateways := []netip.Addr{four.Addr()}
	if n.IPv6.IsValid() {
		gateways = append(gateways, six.Addr())
	}
	for _, gateway := range gateways {
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: eth.Attrs().Index, Gw: gateway.AsSlice()}); err != nil {
			return fmt.Errorf("add route by %s: %w", gateway, err)
		}
	}
	return nil
}

// SetUplink opens or closes the way between a segment and the router: nodes of the segment
// reach each other, and through the open way all others.
func (n *Network) SetUplink(segment int, to Gate) error {
	if of := n.config.segments(); of == 1 || segment < 0 || segment >= of {
		return fmt.Errorf("lab %s has no segment %d with a way out", n.config.Lab, segment)
	}
	port := n.config.segment(segment).uplink()
	l, err := n.gates.read(port)
	if err != nil {
		return err
	}
	l.Gate = to
	return n.gates.write(port, l)
}
