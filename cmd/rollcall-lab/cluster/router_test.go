package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/control"
	"rollcall/dataplane"
)

// TestNativeXDPAnswersAcrossTheRouter lets the kernel of a node answer the beats of a node on
// another bridge: the answer goes back to the router, which the frame came from, and its
// addresses to the leader.
func TestNativeXDPAnswersAcrossTheRouter(t *testing.T) {
	if os.Geteuid() != 0 {
		missing(t, "needs root to make network namespaces")
	}
	for name, ipv6 := range map[string]bool{"IPv4": false, "IPv6": true} {
		t.Run(name, func(t *testing.T) {
			c, err := Build(Options{Lab: fmt.Sprintf("r%d", os.Getpid()), Groups: 2, PerGroup: 2, IPv6: ipv6, Daemon: "none"})
			if err != nil {
				missing(t, err.Error())
			}
			t.Cleanup(func() {
				if err := c.Down(); err != nil {
					t.Error(err)
				}
			})
			keys, err := c.Keys()
			if err != nil {
				t.Fatal(err)
			}
			roster := new(control.Roster)
			nodes := []*Node{c.Nodes()[0], c.Nodes()[3]}
			planes := make([]*dataplane.Kernel, 2)
			for i, n := range nodes {
				o := dataplane.Options{
					Cluster: "test", Rails: []dataplane.Rail{{Interface: "eth0", Address: n.IPv4}}, Port: dataplane.DefaultPort, DSCP: dataplane.DefaultDSCP, Attach: dataplane.AttachNative, Pacer: dataplane.PacerThread, Keys: keys,
					PinDir: filepath.Join(n.PinDir(), "test"),
				}
				if ipv6 {
					o.Rails[0].Address = n.IPv6
				}
				var at []control.Endpoint
				err := c.network.Inside(n.Name, func() (err error) {
					if planes[i], err = dataplane.OpenKernel(o); err != nil {
						return err
					}
					at, err = dataplane.LocalEndpoints(o)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				defer planes[i].Close()
				r := snapshot(planes[i])
				roster.Seats = append(roster.Seats, control.Seat{Slot: uint16(i), Peer: control.Peer{
					Name: n.Name, Incarnation: r.Incarnation, RPC: "x:1", Rails: at,
				}})
			}
			cluster := dataplane.ClusterID("test")
			for i, p := range planes {
				for _, command := range []control.Command{
					{Kind: control.CommandJoin, Cluster: cluster, Instance: 1, Slot: uint16(i)},
					{Kind: control.CommandHold, Rosters: [control.HeldRosters]uint64{roster.Version()}},
				} {
					if err := p.Apply(command); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.Name(0, roster); err != nil {
					t.Fatal(err)
				}
			}
			both, ballot := control.Of(0, 1), control.NewBallot(0, 1, 0)
			leader := planes[0]
			beat := control.Command{
				Kind: control.CommandBeat, Now: 1, Ballot: ballot, Seq: 1, New: both, Old: both, WindowNS: uint64(time.Second),
				Beats: control.Beats{
					Digest: 77, Roster: roster.Version(), GraceNS: 1 << 62, IntervalUS: 10_000, Rounds: 5, LeaseUS: 35_000, Key: keys.First,
				},
			}
			leader.Stamp(0)
			for try := 1; ; try++ { // some are lost while ports and neighbours come up
				err := c.network.Inside(nodes[0].Name, func() error { return errors.Join(leader.Apply(beat), leader.Trouble()) })
				wake, waited := leader.Wait(leader.Now().Add(100 * time.Millisecond))
				if waited == nil && wake[0]&control.WakeQuorum != 0 {
					return
				}
				if try == 100 {
					t.Fatalf("no vote came across the router: %v, %v; the leader counts %v, the member %v", err, waited, leader.Stats(), planes[1].Stats())
				}
			}
		})
	}
}

func snapshot(p *dataplane.Kernel) *control.Register {
	r := new(control.Register)
	p.Snapshot(0, r, nil, control.Bitmap{})
	return r
}
