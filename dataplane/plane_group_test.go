package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"rollcall/control"
)

const (
	testCluster  = "test"
	testInstance = 4
	testGroup    = 3
)

// planeGroup is a group of planes of any kind; the leader has slot 0.
type planeGroup struct {
	t      testing.TB
	planes []Plane
	roster control.Roster
	ballot control.Ballot
	round  uint64
}

// newPlaneGroup opens n planes by open, and gives each its slot.
func newPlaneGroup(t testing.TB, n int, open func(i int) (Plane, control.Endpoint)) *planeGroup {
	t.Helper()
	g := &planeGroup{t: t, ballot: control.NewBallot(0, 1, 0)}
	for i := range n {
		s, at := open(i)
		t.Cleanup(func() { s.Close() })
		g.planes = append(g.planes, s)
		peer := control.Peer{Name: fmt.Sprintf("cn%03d", i), RPC: "cn:1", Incarnation: g.register(i).Incarnation, Rails: []control.Endpoint{at}}
		g.roster.Seats = append(g.roster.Seats, control.Seat{Slot: uint16(i), Peer: peer})
	}
	for i := range g.planes {
		g.seat(i)
	}
	return g
}

// seat gives plane i its place in the group.
func (g *planeGroup) seat(i int) {
	g.t.Helper()
	s := g.planes[i]
	err := errors.Join(
		s.Apply(control.Command{Kind: control.CommandJoin, Cluster: ClusterID(testCluster), Instance: testInstance, Group: testGroup, Slot: uint16(i)}),
		s.Apply(control.Command{Kind: control.CommandHold, Rosters: [control.HeldRosters]uint64{g.roster.Version()}}),
		s.Name(0, &g.roster),
	)
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *planeGroup) everybody() (b control.Bitmap) {
	for i := range g.planes {
		b.Set(uint16(i))
	}
	return b
}

// socket is plane i, a socket plane.
func (g *planeGroup) socket(i int) *Socket { return g.planes[i].(*Socket) }

func (g *planeGroup) register(i int) control.Register {
	r, _ := g.look(i)
	return r
}

func (g *planeGroup) look(i int) (control.Register, *control.Tally) {
	var r control.Register
	t := new(control.Tally)
	g.planes[i].Snapshot(0, &r, t, g.everybody())
	return r, t
}

// ask is a frame of the leader's to all.
func (g *planeGroup) ask(kind control.Kind, a control.Ask) control.Outgoing {
	a.IntervalUS, a.Rounds, a.LeaseUS, a.UpperUS = 1e9, 5, 35e8, control.NoUpper // no test is as slow
	f := control.Frame{
		Kind: kind, Cluster: ClusterID(testCluster), Instance: testInstance, Group: testGroup,
		From: g.ballot.Slot(), To: control.ToAll, Ballot: g.ballot, Round: g.round, Ask: a,
	}
	return control.Outgoing{To: g.everybody(), Frame: f}
}

// send sends the frame from the leader.
func (g *planeGroup) send(o control.Outgoing) {
	g.t.Helper()
	if err := g.planes[0].Send([]control.Outgoing{o}); err != nil {
		g.t.Fatal(err)
	}
}

// beat has the leader send the next round's beat at once.
func (g *planeGroup) beat(a control.Ask) {
	g.t.Helper()
	g.round++
	g.planes[0].Stamp(0)
	c := control.Command{
		Kind: control.CommandBeat, Now: 1, Ballot: g.ballot, Seq: a.Seq, New: g.everybody(), Old: g.everybody(), WindowNS: uint64(patienceOfTests),
		Beats: control.Beats{
			Committed: a.Committed, Digest: a.Digest, Roster: g.roster.Version(), Epoch: a.Epoch, EpochDigest: a.EpochDigest,
			GraceNS: 1 << 62, IntervalUS: 1e9, LeaseUS: 35e8, Rounds: 5, // no test is as slow
		},
	}
	if err := errors.Join(g.planes[0].Apply(c), g.planes[0].Trouble()); err != nil {
		g.t.Fatal(err)
	}
}

// serveUntil lets plane i serve frames until done says so; it returns the wakes.
func (g *planeGroup) serveUntil(i int, what string, done func(r *control.Register, t *control.Tally) bool) (wake control.Wake) {
	g.t.Helper()
	for end := Now().Add(patienceOfTests); ; {
		r, t := g.look(i)
		deadline := Now().Add(1e6)
		if done(&r, t) {
			deadline = 0 // what the kernel served meanwhile is still to be told
		} else if Now() > end {
			g.t.Fatalf("plane %d: %s did not happen; counters %v", i, what, counted(g.planes[i]))
		}
		w, err := g.planes[i].Wait(deadline)
		if err != nil {
			g.t.Fatal(err)
		}
		if wake |= w[0]; deadline == 0 {
			return wake
		}
	}
}

// counted names the counters that are not zero.
func counted(p Plane) map[string]uint64 {
	m := map[string]uint64{}
	for reason, n := range p.Stats() {
		if n != 0 {
			m[control.Reason(reason).String()] = n
		}
	}
	return m
}

// udpGroup opens planes at addresses of the loopback.
func udpGroup(t testing.TB, n int, address func(i int) string) *planeGroup {
	t.Helper()
	return newPlaneGroup(t, n, func(i int) (Plane, control.Endpoint) {
		opt := udpOptions(t, address(i))
		s, err := OpenSocket(opt)
		if err != nil {
			t.Fatal(err)
		}
		return s, control.Endpoint{UDP: netip.AddrPortFrom(opt.Rails[0].Address, opt.Port)}
	})
}

func loopback4(i int) string { return fmt.Sprintf("127.0.0.%d", i+1) }
func loopback6(int) string   { return "::1" }

// etherGroup opens planes in namespaces at one bridge.
func etherGroup(t *testing.T, n int) *planeGroup {
	t.Helper()
	_, hosts := newSegment(t, n)
	return newPlaneGroup(t, n, func(i int) (Plane, control.Endpoint) { return openEtherPlane(t, hosts[i]) })
}

func openEtherPlane(t *testing.T, host *namespace) (s Plane, at control.Endpoint) {
	t.Helper()
	host.do(t, func() error {
		link, err := FindLink("eth0")
		if err != nil {
			return err
		}
		at.MAC = link.MAC
		s, err = OpenSocket(Options{Cluster: testCluster, Rails: []Rail{{Interface: "eth0"}}, Transport: TransportEther, Keys: testKeys()})
		return err
	})
	return s, at
}
