package dataplane

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"

	"rollcall/control"
)

// TestRails has beats leave by two rails and be answered by both, then by the one that is left at a
// member, then by both again: its answers never fail to come.
func TestRails(t *testing.T) {
	for _, c := range []struct {
		name, transport string
		attach          [3]string
	}{
		{"kernel", TransportUDP, [3]string{AttachTC, AttachTC, AttachTC}},
		{"kernel over Ethernet", TransportEther, [3]string{AttachTC, AttachTC, AttachTC}},
		{"socket", TransportUDP, [3]string{AttachSocket, AttachSocket, AttachSocket}},
		{"socket over Ethernet", TransportEther, [3]string{AttachSocket, AttachSocket, AttachSocket}},
		{"both planes", TransportUDP, [3]string{AttachTC, AttachSocket, AttachTC}},
		{"both planes over Ethernet", TransportEther, [3]string{AttachSocket, AttachTC, AttachSocket}},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireKernel(t)
			_, hosts := newSegment(t, len(c.attach))
			newBridge(t, hosts, "eth1")
			var ways [len(c.attach)][]control.Endpoint
			g := newPlaneGroup(t, len(c.attach), func(i int) (p Plane, at control.Endpoint) {
				hosts[i].do(t, func() (err error) {
					p, ways[i], err = openOnRails(t, i, c.transport, c.attach[i])
					return err
				})
				return &local{p, hosts[i], t}, at
			})
			for i := range g.roster.Seats {
				g.roster.Seats[i].Rails = ways[i]
			}
			for i := range g.planes {
				g.seat(i)
			}
			g.answeredBy(1, true, true)
			setLink(t, hosts[1], "eth0", netlink.LinkSetDown)
			g.answeredBy(1, false, true)
			setLink(t, hosts[1], "eth0", netlink.LinkSetUp)
			g.answeredBy(1, true, true)
		})
	}
}

// local is a plane that waits in its own namespace, where it looks after the doors.
type local struct {
	Plane
	host *namespace
	t    *testing.T
}

func (l *local) Wait(deadline control.Time) (w Wakes, err error) {
	l.host.do(l.t, func() error {
		w, err = l.Plane.Wait(deadline)
		return nil
	})
	return w, err
}

// openOnRails opens a plane at two interfaces of this thread's namespace.
func openOnRails(t *testing.T, i int, transport, attach string) (Plane, []control.Endpoint, error) {
	opt := Options{
		Cluster: testCluster, Port: DefaultPort, Transport: transport, Attach: attach, Pacer: PacerThread, Keys: testKeys(), PinDir: pinDir(t),
	}
	for rail := range byte(2) {
		r := Rail{Interface: fmt.Sprintf("eth%d", rail), Address: netip.AddrFrom4([4]byte{10, 99, rail, byte(i + 1)})}
		if err := addAddress(r.Interface, r.Address.String()+"/24"); err != nil {
			return nil, nil, err
		}
		opt.Rails = append(opt.Rails, r)
	}
	at, err := LocalEndpoints(opt)
	if err != nil {
		return nil, nil, err
	}
	p, err := Open(opt)
	return p, at, err
}

func setLink(t *testing.T, host *namespace, name string, set func(netlink.Link) error) {
	t.Helper()
	host.do(t, func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return set(l)
	})
}

// answeredBy has the leader beat until a member has answered a beat by exactly the rails named. All others answer
// every beat by both.
func (g *planeGroup) answeredBy(member int, rails ...bool) {
	g.t.Helper()
	for end := Now().Add(patienceOfTests); ; {
		g.beat(control.Ask{Seq: 1})
		round := g.round
		for i := range g.planes[1:] {
			g.serveUntil(i+1, "a beat", func(r *control.Register, _ *control.Tally) bool { return r.BeatRound == round })
		}
		g.serveUntil(0, "an answer of each", func(_ *control.Register, t *control.Tally) bool {
			for s := range g.planes[1:] {
				if t.Heard[s+1].Round != round {
					return false
				}
			}
			return true
		})
		r, _ := g.look(member)
		_, t := g.look(0)
		as := true
		for rail, want := range rails {
			as = as && (t.Heard[member].Rails[rail] == round) == want && (r.BeatRails[rail] == round) == want
		}
		if as {
			return
		}
		if Now() > end {
			g.t.Fatalf("round %d: member %d heard of rounds %v and was heard of %v; want answers by %v; counters %v",
				round, member, r.BeatRails, t.Heard[member].Rails, rails, counted(g.planes[0]))
		}
	}
}
