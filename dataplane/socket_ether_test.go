package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// wireTap sends packets as they are out of an interface.
type wireTap struct {
	t       *testing.T
	fd      int
	ifindex int
	mac     [6]byte
}

// newWireTap opens a tap on eth0 of the host.
func newWireTap(t *testing.T, host *namespace) *wireTap {
	t.Helper()
	w := &wireTap{t: t}
	host.do(t, func() error {
		link, err := FindLink("eth0")
		if err != nil {
			return err
		}
		w.ifindex, w.mac = link.Index, link.MAC
		w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return os.NewSyscallError("socket", err)
	})
	t.Cleanup(func() { unix.Close(w.fd) })
	return w
}

// send sends the frame to a MAC address, with a VLAN tag where that is not zero.
func (w *wireTap) send(to [6]byte, vlan uint32, frame []byte) {
	w.t.Helper()
	b := append(append([]byte(nil), to[:]...), w.mac[:]...)
	if vlan != 0 {
		b = binary.BigEndian.AppendUint32(b, vlan)
	}
	b = binary.BigEndian.AppendUint16(b, DefaultEtherType)
	if err := unix.Sendto(w.fd, append(b, frame...), 0, &unix.SockaddrLinklayer{Ifindex: w.ifindex}); err != nil {
		w.t.Fatal(err)
	}
}

// tapped is a group of one over Ethernet, and a tap on another host of its segment.
func tapped(t *testing.T) (*planeGroup, *namespace, *wireTap) {
	t.Helper()
	_, hosts := newSegment(t, 2)
	g := newPlaneGroup(t, 1, func(int) (Plane, control.Endpoint) { return openEtherPlane(t, hosts[0]) })
	return g, hosts[0], newWireTap(t, hosts[1])
}

func TestSocketEtherDestinations(t *testing.T) {
	g, _, tap := tapped(t)
	own := g.roster.Seats[0].Rails[0].MAC
	group := groupMAC(ClusterID(testCluster), 0, testGroup, 0)
	other := own
	other[5]++
	everybody := [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	const (
		vlan7  = 0x8100_0007
		prio5  = 0x8100_a000 // no VLAN, only a priority
		served = control.ReasonProbeAnswered
	)
	probe := g.ask(control.KindProbe, control.Ask{}).Frame
	frame := AppendFrame(nil, &probe, testKeys())
	for _, c := range []struct {
		name  string
		to    [6]byte
		vlan  uint32
		frame []byte
		want  control.Reason
	}{
		{"to this host", own, 0, frame, served},
		{"to the group", group, 0, frame, served},
		{"to another host, flooded", other, 0, frame, control.ReasonBadDestination},
		{"to another group", groupMAC(ClusterID(testCluster), 0, testGroup+1, 0), 0, frame, control.ReasonBadDestination},
		{"to everybody", everybody, 0, frame, control.ReasonBadDestination},
		{"in a VLAN", own, vlan7, frame, control.ReasonVLANTagged},
		{"in a VLAN, to the group", group, vlan7, frame, control.ReasonVLANTagged},
		{"with a priority", own, prio5, frame, served},
		{"with bytes behind it", own, 0, append(frame[:FrameLen:FrameLen], 0), control.ReasonBadLength},
		{"cut short", own, 0, frame[:60], control.ReasonBadLength},
		{"empty", own, 0, nil, control.ReasonBadLength},
	} {
		before, want := g.planes[0].Stats(), g.planes[0].Stats()
		want[c.want]++
		r := g.register(0)
		tap.send(c.to, c.vlan, c.frame)
		g.serveUntil(0, c.name, func(*control.Register, *control.Tally) bool { return g.planes[0].Stats() != before })
		if g.planes[0].Stats() != want {
			t.Errorf("%s: counted %v, want one more %v", c.name, counted(g.planes[0]), c.want)
		}
		if g.register(0) != r {
			t.Errorf("%s: the register changed", c.name)
		}
	}
}

// TestSocketEtherSurvivesItsLink: an interface that goes down and up is served again.
func TestSocketEtherSurvivesItsLink(t *testing.T) {
	g, host, tap := tapped(t)
	probe := g.ask(control.KindProbe, control.Ask{}).Frame
	frame := AppendFrame(nil, &probe, testKeys())
	host.do(t, func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.LinkSetDown(l)
	})
	for range 3 { // the socket says once that the link is down; that must not end the plane
		if wake, err := g.planes[0].Wait(0); wake.Any() || err != nil {
			t.Fatalf("link down: woken for %b, %v", wake, err)
		}
	}
	o := g.ask(control.KindBeat, control.Ask{})
	o.To.Set(1)
	if err := g.planes[0].Send([]control.Outgoing{o}); err == nil {
		t.Error("link down: a beat was sent")
	}
	host.do(t, func() error { return linkUp("eth0") })
	for end := Now().Add(patienceOfTests); g.planes[0].Stats()[control.ReasonProbeAnswered] == 0; {
		if Now() > end {
			t.Fatalf("nothing is heard since the link came back: %v", counted(g.planes[0]))
		}
		tap.send(g.roster.Seats[0].Rails[0].MAC, 0, frame) // lost until the bridge has seen the carrier
		if _, err := g.planes[0].Wait(Now().Add(1e6)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEtherBeatIsOneFrame: what is for all leaves once, to the group's address, whoever the
// slots may be.
func TestEtherBeatIsOneFrame(t *testing.T) {
	_, hosts := newSegment(t, 2)
	g := newPlaneGroup(t, 1, func(int) (Plane, control.Endpoint) { return openEtherPlane(t, hosts[0]) })
	var tr Transport
	hosts[1].do(t, func() (err error) {
		opt := Options{Cluster: testCluster, Rails: []Rail{{Interface: "eth0"}}, Transport: TransportEther, Keys: testKeys()}
		if tr, err = openRails(opt); err != nil {
			return err
		}
		return tr.SetGroup(testGroup)
	})
	defer tr.Close()
	probe := g.ask(control.KindProbe, control.Ask{}).Frame
	all := AppendFrame(nil, &probe, testKeys())
	if err := tr.Send(0, all, control.Of(0, 5, 9)); err != nil {
		t.Fatal(err)
	}
	probe.To = 0
	if err := tr.Send(0, AppendFrame(nil, &probe, testKeys()), control.Of(0)); !errors.Is(err, errNoAddress) {
		t.Errorf("a frame for one slot that no roster names: %v", err)
	}
	if err := tr.Send(0, all, control.Bitmap{}); err != nil {
		t.Errorf("a frame for nobody: %v", err)
	}
	tr.SetPeers(0, &g.roster)
	if err := tr.Send(0, AppendFrame(nil, &probe, testKeys()), control.Of(0)); err != nil {
		t.Fatal(err)
	}
	g.serveUntil(0, "both frames", func(*control.Register, *control.Tally) bool {
		return g.planes[0].Stats()[control.ReasonProbeAnswered] >= 2
	})
	if got := fmt.Sprint(counted(g.planes[0])); got != "map[probe_answered:2]" {
		t.Errorf("counted %s, want one probe by multicast and one alone", got)
	}
}
