package dataplane

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// udpOptions are those of a node on the loopback; the tests share its addresses and no port.
func udpOptions(t testing.TB, address string) Options {
	t.Helper()
	return Options{Cluster: "test", Rails: []Rail{{Interface: "lo", Address: netip.MustParseAddr(address)}}, Port: freePort(t), Keys: testKeys()}
}

// freePort finds a port that is free at all of this host's addresses.
func freePort(t testing.TB) uint16 {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet6{}); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(sa.(*unix.SockaddrInet6).Port)
}

// openRails opens the transport of all rails.
func openRails(opt Options) (Transport, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	var all rails
	for rail := range opt.Rails {
		t, err := openRail(&opt, rail)
		if err != nil {
			all.Close()
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

func openTransport(t testing.TB, opt Options) Transport {
	t.Helper()
	tr, err := openRails(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

// listen opens a socket that hears what is sent to the address.
func listen(t testing.TB, opt Options) *udpTransport {
	t.Helper()
	opt, err := opt.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	u, err := openUDP(&opt, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return u
}

// waiting counts the frames in a queue, and empties it.
func waiting(t testing.TB, e ear) (n int) {
	t.Helper()
	var room [frameRoom]byte
	for {
		_, _, _, err := e.hear(&room)
		if errors.Is(err, unix.EAGAIN) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
}

func udpSeat(slot uint16, address string, port uint16) control.Seat {
	s := control.Seat{Slot: slot}
	s.Rails = []control.Endpoint{{UDP: netip.AddrPortFrom(netip.MustParseAddr(address), port)}}
	return s
}

func TestUDPReachesEverySlot(t *testing.T) {
	for _, family := range []struct{ name, self, other string }{
		{"IPv4", "127.0.0.1", "127.0.0.2"},
		{"IPv6", "::1", "::1"},
		{"IPv4 as IPv6", "::ffff:127.0.0.1", "::ffff:127.0.0.2"},
	} {
		t.Run(family.name, func(t *testing.T) {
			self := udpOptions(t, family.self)
			tr := openTransport(t, self)
			var roster control.Roster
			var ears []*udpTransport
			for slot := range uint16(3) {
				opt := udpOptions(t, family.other)
				ears = append(ears, listen(t, opt))
				roster.Seats = append(roster.Seats, udpSeat(slot, family.other, opt.Port))
			}
			tr.SetPeers(0, &roster)
			f := vectorBeat()
			if err := tr.Send(0, AppendFrame(nil, &f, testKeys()), control.Of(0, 2)); err != nil {
				t.Fatal(err)
			}
			for slot, want := range []int{1, 0, 1} {
				if got := waiting(t, ears[slot]); got != want {
					t.Errorf("slot %d has %d frames, want %d", slot, got, want)
				}
			}
		})
	}
}

func TestUDPSlotsThatCannotBeReached(t *testing.T) {
	tr := openTransport(t, udpOptions(t, "127.0.0.1"))
	live := udpOptions(t, "127.0.0.2")
	heard := listen(t, live)
	roster := control.Roster{Seats: []control.Seat{
		{Slot: 0},                            // no rail
		udpSeat(1, "fd00::1", DefaultPort),   // another family
		udpSeat(2, "240.0.0.1", DefaultPort), // no route from the loopback's address
		udpSeat(3, "127.0.0.2", live.Port),
		udpSeat(4, "127.0.0.3", live.Port), // nobody there: the kernel answers with an ICMP error
	}}
	tr.SetPeers(0, &roster)
	f := vectorBeat()
	for range 3 {
		err := tr.Send(0, AppendFrame(nil, &f, testKeys()), control.Of(0, 1, 2, 3, 4))
		if !errors.Is(err, errNoAddress) || !strings.Contains(err.Error(), "slot 0") {
			t.Errorf("error %v: want that of slot 0, the first", err)
		}
		if err := tr.Send(0, AppendFrame(nil, &f, testKeys()), control.Of(4, 3)); err != nil {
			t.Errorf("send to a slot where nobody listens, and to one that lives: %v", err)
		}
	}
	if got := waiting(t, heard); got != 6 {
		t.Errorf("the slot that lives has %d frames, want 6", got)
	}
	if err := tr.Send(0, AppendFrame(nil, &f, testKeys()), control.Of(200)); err == nil {
		t.Error("a slot that no roster names was sent to")
	}
}

// TestUDPTransportHearsNothing: where a kernel program serves the frames, a queue that
// nobody reads would fill up.
func TestUDPTransportHearsNothing(t *testing.T) {
	opt := udpOptions(t, "127.0.0.1")
	deaf := openTransport(t, opt)
	other := openTransport(t, udpOptions(t, "127.0.0.2"))
	other.SetPeers(0, &control.Roster{Seats: []control.Seat{udpSeat(0, "127.0.0.1", opt.Port)}})
	f := vectorBeat()
	if err := other.Send(0, AppendFrame(nil, &f, testKeys()), control.Of(0)); err != nil {
		t.Fatal(err)
	}
	if got := waiting(t, deaf.(rails)[0].(*udpTransport)); got != 0 {
		t.Errorf("%d frames in the queue of a transport", got)
	}
}

func TestUDPMarksFrames(t *testing.T) {
	for _, c := range []struct {
		address           string
		level, ask, class int
	}{
		{"127.0.0.1", unix.IPPROTO_IP, unix.IP_RECVTOS, unix.IP_TOS},
		{"::1", unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, unix.IPV6_TCLASS},
	} {
		opt := udpOptions(t, c.address)
		opt.DSCP = DefaultDSCP
		to := udpOptions(t, c.address)
		heard := listen(t, to)
		if err := unix.SetsockoptInt(heard.socket, c.level, c.ask, 1); err != nil {
			t.Fatal(err)
		}
		tr := openTransport(t, opt)
		tr.SetPeers(0, &control.Roster{Seats: []control.Seat{udpSeat(0, c.address, to.Port)}})
		f := vectorBeat()
		if err := tr.Send(0, AppendFrame(nil, &f, testKeys()), control.Of(0)); err != nil {
			t.Fatal(err)
		}
		said := make([]byte, 128)
		_, n, _, _, err := unix.Recvmsg(heard.socket, make([]byte, frameRoom), said, unix.MSG_DONTWAIT)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := unix.ParseSocketControlMessage(said[:n])
		if err != nil || len(messages) != 1 || messages[0].Header.Type != int32(c.class) {
			t.Fatalf("control messages %v, %v", messages, err)
		}
		if got := messages[0].Data[0]; got != DefaultDSCP<<2 {
			t.Errorf("to %s: traffic class %#x, want %#x", c.address, got, DefaultDSCP<<2)
		}
	}
}

func TestOpenRailsRefuses(t *testing.T) {
	taken := udpOptions(t, "127.0.0.1")
	openTransport(t, taken)
	good := func() Options { return udpOptions(t, "127.0.0.1") }
	for _, c := range []struct {
		name, want string
		opt        func() Options
	}{
		{"a second daemon", "another rollcalld", func() Options { return taken }},
		{"somebody else's address", "no interface of this host", func() Options { o := good(); o.Rails[0].Address = netip.MustParseAddr("192.0.2.1"); return o }},
		{"no address", "no address of one node", func() Options { o := good(); o.Rails[0].Address = netip.Addr{}; return o }},
		{"any address", "no address of one node", func() Options { o := good(); o.Rails[0].Address = netip.IPv4Unspecified(); return o }},
		{"a group's address", "no address of one node", func() Options { o := good(); o.Rails[0].Address = netip.MustParseAddr("224.0.0.1"); return o }},
		{"unknown transport", "transport", func() Options { o := good(); o.Transport = "smoke"; return o }},
		{"no key", "keygen", func() Options { o := good(); o.Keys = nil; return o }},
		{"an empty key", "keygen", func() Options { o := good(); o.Keys = &Keys{}; return o }},
		{"dscp", "0 to 63", func() Options { o := good(); o.DSCP = 64; return o }},
		{"a link-local address without an interface", "interface", func() Options {
			o := good()
			o.Rails = []Rail{{Interface: "none0", Address: netip.MustParseAddr("fe80::1")}}
			return o
		}},
		{"ethernet on no interface", "none0", func() Options {
			o := good()
			o.Transport, o.Rails = TransportEther, []Rail{{Interface: "none0"}}
			return o
		}},
		{"ethernet on the loopback", "no Ethernet address", func() Options { o := good(); o.Transport = TransportEther; return o }},
	} {
		tr, err := openRails(c.opt())
		if err == nil {
			tr.Close()
			t.Errorf("%s: opened", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q does not say %q", c.name, err, c.want)
		}
	}
}

// TestDeadNeighboursKeepNobodyWaiting: frames to a host whose neighbour address the kernel
// cannot find stay in memory for seconds, charged to the socket they were sent from.
func TestDeadNeighboursKeepNobodyWaiting(t *testing.T) {
	_, hosts := newSegment(t, 2)
	var tr Transport
	var heard *udpTransport
	opt := Options{Cluster: "test", Rails: []Rail{{Interface: "eth0", Address: netip.MustParseAddr("10.99.0.1")}}, Keys: testKeys()}
	hosts[0].do(t, func() (err error) {
		if err := addAddress("eth0", "10.99.0.1/16"); err != nil {
			return err
		}
		tr, err = openRails(opt)
		return err
	})
	defer tr.Close()
	hosts[1].do(t, func() error {
		if err := addAddress("eth0", "10.99.0.2/16"); err != nil {
			return err
		}
		opt.Rails[0].Address = netip.MustParseAddr("10.99.0.2")
		heard = listen(t, opt)
		return enlarge(heard.socket)
	})
	roster := &control.Roster{Seats: []control.Seat{udpSeat(0, "10.99.0.2", DefaultPort)}}
	var dead control.Bitmap
	for slot := range uint16(40) {
		roster.Seats = append(roster.Seats, udpSeat(slot+1, netip.AddrFrom4([4]byte{10, 99, 1, byte(slot + 1)}).String(), DefaultPort))
		dead.Set(slot + 1)
	}
	tr.SetPeers(0, roster)
	f := vectorBeat()
	frame := AppendFrame(nil, &f, testKeys())
	const rounds = 400
	for range rounds {
		if err := tr.Send(0, frame, dead.Or(control.Of(0))); err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	for got < rounds {
		fds := []unix.PollFd{{Fd: int32(heard.socket), Events: unix.POLLIN}}
		if err := pollUntil(Now().Add(patienceOfTests), fds); err != nil || fds[0].Revents == 0 {
			t.Fatalf("%d of %d frames arrived: %v", got, rounds, err)
		}
		got += waiting(t, heard)
	}
}

func TestGroupMAC(t *testing.T) {
	seen := map[[6]byte]bool{}
	for _, cluster := range []uint64{1, 2} {
		for level := range uint8(3) {
			for group := range uint16(5) {
				for rail := range control.RailsMax {
					mac := groupMAC(cluster, level, group, rail)
					if mac[0]&3 != 3 {
						t.Errorf("%x is not a locally administered multicast address", mac)
					}
					if seen[mac] {
						t.Errorf("%x twice", mac)
					}
					seen[mac] = true
				}
			}
		}
	}
}

// memberships reads the multicast addresses that eth0 receives.
func memberships() (string, error) {
	b, err := os.ReadFile("/proc/thread-self/net/dev_mcast")
	return string(b), err
}

func TestEtherMembershipOutlivesTheTransport(t *testing.T) {
	host := newNamespace(t)
	joined := func(level uint8, group uint16) bool {
		list, err := memberships()
		if err != nil {
			t.Error(err)
		}
		mac := groupMAC(ClusterID("test"), level, group, 0)
		return strings.Contains(list, hex.EncodeToString(mac[:]))
	}
	host.do(t, func() error {
		if err := addVeth("eth0"); err != nil {
			return err
		}
		opt := Options{Cluster: "test", Rails: []Rail{{Interface: "eth0"}}, Transport: TransportEther, Keys: testKeys()}
		first, err := openRails(opt)
		if err != nil {
			return err
		}
		if err := first.SetGroup(1); err != nil {
			return err
		}
		if err := errors.Join(first.SetGroup(2), first.SetGroup(2)); err != nil {
			return err
		}
		if joined(0, 1) || !joined(0, 2) {
			t.Error("moving to another group did not move the membership")
		}
		if err := first.Close(); err != nil {
			return err
		}
		if !joined(0, 2) {
			t.Error("the membership ended with the transport")
		}
		second, err := openRails(opt)
		if err != nil {
			return err
		}
		defer second.Close()
		if err := second.SetGroup(2); err != nil {
			return err
		}
		if err := second.LeaveGroup(); err != nil {
			return err
		}
		if joined(0, 2) {
			t.Error("still a member after leaving")
		}
		return second.LeaveGroup()
	})
}

// patienceOfTests bounds how long a test waits for what must come.
const patienceOfTests = 10 * time.Second
