package dataplane

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// TestPeerHeaders compares the headers made ready for programs with those that the kernel
// puts before the same frame to the same slot.
func TestPeerHeaders(t *testing.T) {
	for _, travel := range []string{"udp4", "udp6", TransportEther} {
		t.Run(travel, func(t *testing.T) {
			w, pair, roster := newPair(t, func(end int, o *Options) { travelBy(travel, end, o) })
			w.enter(t, 0)
			leader := pair[0]
			ready := leader.ready(t, 1)
			line := overhear(t)
			b := asked(leader, roster, 1)
			b.To = control.Of(1)
			if travel == TransportEther {
				b.Frame.To = 1
			}
			if err := leader.Send([]control.Outgoing{b}); err != nil {
				t.Fatal(err)
			}
			sent := line.next(t, int(ready.length)+FrameLen)
			if int(ready.ifindex) != leader.rails[0].link.Index {
				t.Errorf("leaves by %d, want %d", ready.ifindex, leader.rails[0].link.Index)
			}
			want, got := sent[:ready.length], bytes.Clone(ready.header[:ready.length])
			switch ready.transport {
			case transportUDP4: // the kernel numbers datagrams, which the sum covers
				if s := fold(sumOf(got[14:34])); s != 0xffff {
					t.Errorf("sum of the IPv4 header %#x", s)
				}
				for _, b := range [][]byte{got, want} {
					clear(b[18:20])
					clear(b[24:26])
				}
			case transportUDP6: // it labels the flow
				for _, b := range [][]byte{got, want} {
					b[15] &= 0xf0
					clear(b[16:18])
				}
			}
			if ready.transport != transportEther { // and leaves the checksum to the device
				clear(want[len(want)-2:])
			}
			if !bytes.Equal(got, want) {
				t.Errorf("header\n% x, the kernel's is\n% x", got, want)
			}
		})
	}
}

// TestPeerGroup has the own slot lead to all of the group over Ethernet, and nowhere else.
func TestPeerGroup(t *testing.T) {
	for _, transport := range []string{TransportEther, TransportUDP} {
		w, pair, _ := newPair(t, func(_ int, o *Options) { o.Attach, o.Transport = AttachTC, transport })
		w.enter(t, 0)
		s := pair[0]
		all, group := s.ready(t, 0), groupMAC(s.opt.ClusterID, 0, 0, 0)
		if transport == TransportEther && [6]byte(all.header[:6]) != group || transport == TransportUDP && all != (peer{}) {
			t.Errorf("%s: own slot leads to % x, the group is % x", transport, all.header[:14], group)
		}
	}
}

// TestPeerNeighbour asks for a neighbour of whom nothing is known, takes over the address
// that it tells, and follows it to another.
func TestPeerNeighbour(t *testing.T) {
	w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach = AttachTC })
	w.enter(t, 0)
	leader := pair[0]
	mac := roster.Seats[1].Rails[0].MAC
	roster.Seats[1].Rails[0].MAC = [6]byte{}
	if err := leader.Name(0, &control.Roster{Seats: roster.Seats[:1]}); err != nil {
		t.Fatal(err)
	}
	if p := leader.ready(t, 1); p != (peer{}) {
		t.Errorf("nobody's slot leads to % x", p.header)
	}
	if err := leader.Name(0, roster); err != nil {
		t.Fatal(err)
	}
	leader.leadsTo(t, 1, mac)
	moved := [6]byte{2, 0, 0, 0, 0, 9}
	if err := netlink.NeighSet(&netlink.Neigh{
		LinkIndex: leader.rails[0].link.Index, IP: w.addrs[1].AsSlice(), State: netlink.NUD_REACHABLE, HardwareAddr: moved[:],
	}); err != nil {
		t.Fatal(err)
	}
	leader.leadsTo(t, 1, moved)
}

// TestPeerGateway sends to a slot on another network by way of the gateway, as soon as there
// is a route.
func TestPeerGateway(t *testing.T) {
	w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach = AttachTC })
	w.enter(t, 0)
	leader := pair[0]
	far := netip.MustParseAddrPort("10.99.0.7:7746")
	seat := control.Seat{Slot: 200, Peer: control.Peer{Name: "far", Incarnation: 5, Rails: []control.Endpoint{{UDP: far, MAC: [6]byte{2, 9}}}}}
	if err := leader.Name(0, roster.With(seat)); err != nil {
		t.Fatal(err)
	}
	if p := leader.ready(t, 200); p != (peer{}) {
		t.Errorf("a slot without a route leads to % x", p.header)
	}
	if err := netlink.RouteAdd(&netlink.Route{
		LinkIndex: leader.rails[0].link.Index, Dst: &net.IPNet{IP: net.IP{10, 99, 0, 0}, Mask: net.CIDRMask(16, 32)}, Gw: w.addrs[1].AsSlice(),
	}); err != nil {
		t.Fatal(err)
	}
	leader.leadsTo(t, 200, roster.Seats[1].Rails[0].MAC)
	if p := leader.ready(t, 200); [4]byte(p.header[30:34]) != far.Addr().As4() {
		t.Errorf("the datagram is for % x", p.header[30:34])
	}
}

// ready reads what leads to a slot.
func (s *station) ready(t *testing.T, slot int) (p peer) {
	t.Helper()
	if err := s.coll.Maps[mapPeer].Lookup(uint32(slot*control.RailsMax), bytesOf(&p)); err != nil {
		t.Fatal(err)
	}
	return p
}

// leadsTo waits until the slot's header has the hardware address.
func (s *station) leadsTo(t *testing.T, slot int, mac [6]byte) {
	t.Helper()
	for end := Now().Add(10 * time.Second); Now().Before(end); {
		s.Stamp(0)
		if p := s.ready(t, slot); p.length > 0 && [6]byte(p.header[:6]) == mac {
			return
		}
		if err := pollUntil(Now().Add(checkPeers), nil); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("slot %d leads to % x, want % x", slot, s.ready(t, slot).header, mac)
}

// travelBy sets the options by which an end's frames travel.
func travelBy(travel string, end int, o *Options) {
	o.Attach, o.Transport = AttachTC, TransportUDP
	switch travel {
	case TransportEther:
		o.Transport = TransportEther
	case "udp6":
		o.Rails[0].Address = (&wire{}).six(end)
	}
}

// line is everything that leaves and arrives by the interface of the end that the thread is in.
type line int

func overhear(t *testing.T) line {
	t.Helper()
	const everything = 0x0300 // ETH_P_ALL, big endian
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, everything)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	l, err := FindLink(testInterface)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: l.Index}); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
		t.Fatal(err)
	}
	return line(fd)
}

// next is the next packet of the given length.
func (l line) next(t *testing.T, length int) []byte {
	t.Helper()
	b := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(int(l), b, 0)
		if err != nil {
			t.Fatalf("no packet of %d bytes: %v", length, err)
		}
		if n == length {
			return b[:n]
		}
	}
}
