package netlab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// routed makes a network of two segments of two nodes.
func routed(t *testing.T) *Network {
	t.Helper()
	return buildFrom(t, Config{Lab: fmt.Sprintf("t%d", os.Getpid()), IPv6: true, PerSegment: 2, Nodes: []string{"n01", "n02", "n03", "n04"}})
}

// echo answers datagrams at a node, until the test ends, on its address of either family.
func echo(t *testing.T, n *Network, name string, at netip.Addr) netip.AddrPort {
	t.Helper()
	c := listen(t, n, name, at)
	go func() {
		b := make([]byte, 64)
		for {
			size, from, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			c.WriteToUDPAddrPort(b[:size], from)
		}
	}()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func listen(t *testing.T, n *Network, name string, at netip.Addr) (c *net.UDPConn) {
	t.Helper()
	err := n.Inside(name, func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ping reports whether a numbered datagram comes back within a time.
func ping(t *testing.T, c *net.UDPConn, to netip.AddrPort, number byte, within time.Duration) bool {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort([]byte{number}, to); err != nil {
		return false // no route, or nobody there
	}
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	for {
		size, _, err := c.ReadFromUDPAddrPort(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		if err == nil && size == 1 && b[0] == number {
			return true
		}
	}
}

// reaches pings until an answer comes; datagrams may be lost while a port comes up.
func reaches(t *testing.T, c *net.UDPConn, to netip.AddrPort) bool {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if ping(t, c, to, 1, 100*time.Millisecond) {
			return true
		}
	}
	return false
}

func TestRouterJoinsSegments(t *testing.T) {
	n := routed(t)
	from, near, far := n.Nodes()[0], n.Nodes()[1], n.Nodes()[2]
	if near.Segment != 0 || far.Segment != 1 {
		t.Fatalf("nodes are in segments %d and %d", near.Segment, far.Segment)
	}
	for _, family := range []struct {
		name            string
		from, near, far netip.Addr
	}{{"IPv4", from.IPv4, near.IPv4, far.IPv4}, {"IPv6", from.IPv6, near.IPv6, far.IPv6}} {
		c := listen(t, n, from.Name, family.from)
		nearby, away := echo(t, n, near.Name, family.near), echo(t, n, far.Name, family.far)
		if !reaches(t, c, nearby) {
			t.Fatalf("%s: the neighbour does not answer", family.name)
		}
		if !reaches(t, c, away) {
			t.Fatalf("%s: the node behind the router does not answer", family.name)
		}
		if err := n.SetUplink(1, Closed); err != nil {
			t.Fatal(err)
		}
		if ping(t, c, away, 2, 200*time.Millisecond) {
			t.Errorf("%s: a datagram came through the closed uplink", family.name)
		}
		if !reaches(t, c, nearby) {
			t.Errorf("%s: the other segment is disturbed", family.name)
		}
		if err := n.SetUplink(1, Open); err != nil {
			t.Fatal(err)
		}
		if !reaches(t, c, away) {
			t.Errorf("%s: no answer through the uplink that was opened again", family.name)
		}
	}
}

func TestSegmentsHaveTheirOwnAddresses(t *testing.T) {
	c := Config{Lab: "a", PerSegment: 16, IPv6: true}
	for i := range 248 * 4 {
		c.Nodes = append(c.Nodes, fmt.Sprintf("n%d", i))
	}
	c.PerSegment = 4
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	addresses, indexes := map[netip.Addr]bool{}, map[int]bool{}
	take := func(index int, at ...netip.Addr) {
		for _, a := range at {
			if addresses[a] {
				t.Fatalf("%v is given twice", a)
			}
			addresses[a] = true
		}
		if indexes[index] || index > maxIndex {
			t.Fatalf("interface index %d is given twice, or has no gate", index)
		}
		indexes[index] = true
	}
	for i := range c.Nodes {
		n := c.node(i)
		take(n.port(), n.IPv4, n.IPv6)
	}
	for i := range c.segments() {
		s := c.segment(i)
		four, six := s.router()
		take(s.uplink(), four.Addr(), six.Addr())
		take(s.bridge())
	}
	for _, c := range []Config{
		{Lab: "a", Nodes: []string{"router"}},
		{Lab: "a", Nodes: []string{"n1"}, PerSegment: -1},
		{Lab: "a", Nodes: []string{"n1"}, PerSegment: MaxSegmentSize + 1},
		{Lab: "a", Nodes: c.Nodes[:MaxSegments+1], PerSegment: 1},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%.80v: no error", c)
		}
	}
}
