package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"rollcall/control"
)

// upper is level 1 of a small cluster on one segment: host i leads group i, so it has slot i, and
// it has seat i. The host of the first seat leads.
type upper struct {
	planes []Plane
	roster *control.Roster
	ballot control.Ballot
}

const (
	leaderPlace = control.Place(2)
	seatPlace   = control.Place(3)
)

func newUpper(t *testing.T, transport string, attach []string) *upper {
	t.Helper()
	requireKernel(t)
	_, hosts := newSegment(t, len(attach))
	u := &upper{roster: &control.Roster{}, ballot: control.NewBallot(0, 1, control.FirstSeat)}
	var seats []control.Seat
	incarnations := map[uint64]bool{}
	for i, how := range attach {
		opt := Options{
			Cluster: testCluster, Rails: []Rail{{Interface: "eth0", Address: netip.AddrFrom4([4]byte{10, 99, 0, byte(i + 1)})}},
			Port: DefaultPort, Transport: transport, Routed: true, Attach: how, Pacer: PacerThread, Keys: testKeys(), PinDir: pinDir(t),
		}
		var p Plane
		var at control.Endpoint
		hosts[i].do(t, func() (err error) {
			if err := addAddress("eth0", opt.Rails[0].Address.String()+"/24"); err != nil {
				return err
			}
			if at, err = firstEndpoint(opt); err != nil {
				return err
			}
			p, err = Open(opt)
			return err
		})
		t.Cleanup(func() { p.Close() })
		u.planes = append(u.planes, p)
		for place, slot := range map[control.Place]uint16{leaderPlace: uint16(i), seatPlace: control.FirstSeat + uint16(i)} {
			var r control.Register
			p.Snapshot(place, &r, nil, control.Bitmap{})
			if r.Incarnation == 0 || incarnations[r.Incarnation] {
				t.Errorf("incarnation %x of place %d of host %d is not its own", r.Incarnation, place, i)
			}
			incarnations[r.Incarnation] = true
			seat := control.Seat{Slot: slot, Peer: control.Peer{
				Name: fmt.Sprintf("cn%03d", i), Incarnation: r.Incarnation, RPC: "cn:1", Rails: []control.Endpoint{at},
			}}
			if place == leaderPlace {
				u.roster.Seats = append(u.roster.Seats, seat)
			} else {
				seats = append(seats, seat)
			}
		}
	}
	u.roster.Seats = append(u.roster.Seats, seats...) // in order of slots
	for i, p := range u.planes {
		for place, slot := range map[control.Place]uint16{leaderPlace: uint16(i), seatPlace: control.FirstSeat + uint16(i)} {
			for _, c := range []control.Command{
				{Kind: control.CommandJoin, Cluster: ClusterID(testCluster), Instance: testInstance, Slot: slot},
				{Kind: control.CommandHold, Rosters: [control.HeldRosters]uint64{u.roster.Version()}},
			} {
				c.Level, c.Seat = place.Level(), place.Seat()
				if err := p.Apply(c); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.Name(1, u.roster); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

func (u *upper) everybody() (b control.Bitmap) {
	for i := range u.roster.Seats {
		b.Set(u.roster.Seats[i].Slot)
	}
	return b
}

// beat orders a beat that leaves at once.
func (u *upper) beat() control.Command {
	all := u.everybody()
	return control.Command{
		Kind: control.CommandBeat, Level: 1, Seat: 1, Now: 1, Ballot: u.ballot, Seq: 1, New: all, Old: all, WindowNS: 1e9,
		Beats: control.Beats{Digest: 77, Roster: u.roster.Version(), GraceNS: 1 << 62, IntervalUS: 1e9, LeaseUS: 35e8, Rounds: 5},
	}
}

// TestLevelAboveGroups lets every place of level 1 answer one beat: seats and leaders of groups, on
// the leader's own host and on others, over UDP whatever the own group's transport is.
func TestLevelAboveGroups(t *testing.T) {
	for _, c := range []struct {
		name, transport string
		attach          []string
	}{
		{"kernel", TransportUDP, []string{AttachTC, AttachTC}},
		{"socket", TransportUDP, []string{AttachSocket, AttachSocket}},
		{"kernel above Ethernet", TransportEther, []string{AttachTC, AttachSocket}},
		{"socket above Ethernet", TransportEther, []string{AttachSocket, AttachTC}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := newUpper(t, c.transport, c.attach)
			leader := u.planes[0]
			leader.Stamp(0)
			var wakes [2]Wakes
			var tally control.Tally
			for end := Now().Add(patienceOfTests); tally.Votes != u.everybody(); {
				if Now() > end {
					t.Fatalf("votes of %v only; counters %v and %v", tally.Votes, counted(u.planes[0]), counted(u.planes[1]))
				}
				if err := errors.Join(leader.Apply(u.beat()), leader.Trouble()); err != nil {
					t.Fatal(err)
				}
				for _, i := range []int{1, 0, 1, 0} {
					w, err := u.planes[i].Wait(Now().Add(5e6))
					if err != nil {
						t.Fatal(err)
					}
					wakes[i].Join(&w)
				}
				var r control.Register
				leader.Snapshot(seatPlace, &r, &tally, u.everybody())
			}
			if wakes[0][seatPlace]&control.WakeQuorum == 0 || wakes[0][leaderPlace]&control.WakeQuorum != 0 {
				t.Errorf("woken for %b", wakes[0])
			}
			for i, p := range u.planes {
				for place := range control.Place(control.Places) {
					var r control.Register
					p.Snapshot(place, &r, nil, control.Bitmap{})
					if took := r.Accepted.Digest == 77; took != (place == leaderPlace || place == seatPlace) {
						t.Errorf("host %d, place %d: took the beat: %v", i, place, took)
					}
				}
			}
		})
	}
}

// TestVacatedLeaderLeavesTheAsking: whoever loses the slot of its group above goes on asking from
// its seat.
func TestVacatedLeaderLeavesTheAsking(t *testing.T) {
	u := newUpper(t, TransportUDP, []string{AttachTC, AttachSocket})
	for i, p := range u.planes {
		ask := control.Command{Kind: control.CommandAsk, Level: 1, Seat: 1, Ballot: u.ballot, Seq: 1, New: u.everybody(), Old: u.everybody(), WindowNS: 1e9}
		if err := p.Apply(ask); err != nil {
			t.Fatal(err)
		}
		for seat, want := range []control.Ballot{u.ballot, 0} {
			if err := p.Apply(control.Command{Kind: control.CommandVacate, Level: 1, Seat: uint8(seat)}); err != nil {
				t.Fatal(err)
			}
			var r control.Register
			var tally control.Tally
			place := leaderPlace + control.Place(seat)
			p.Snapshot(place, &r, &tally, control.Bitmap{})
			if r.State != control.RegisterVacant || tally.Ballot != want {
				t.Errorf("plane %d: place %d is in state %d, the level asks under %v, want %v", i, place, r.State, tally.Ballot, want)
			}
		}
	}
}

// TestKernelAdoptsAllPlaces: the next agent finds every register as the last one left it.
func TestKernelAdoptsAllPlaces(t *testing.T) {
	newWire(t)
	opt := testOptions(pinDir(t))
	opt.Attach = AttachTC
	first := openKernel(t, opt)
	if err := first.Apply(control.Command{Kind: control.CommandJoin, Level: 1, Seat: 1, Cluster: first.opt.ClusterID, Instance: 1, Slot: 250}); err != nil {
		t.Fatal(err)
	}
	var want [control.Places]control.Register
	for p := range want {
		first.Snapshot(control.Place(p), &want[p], nil, control.Bitmap{})
	}
	first.Close()
	second := openKernel(t, opt)
	for p := range want {
		var got control.Register
		second.Snapshot(control.Place(p), &got, nil, control.Bitmap{})
		if got != want[p] || got.Incarnation == 0 {
			t.Errorf("place %d: adopted %+v, want %+v", p, got, want[p])
		}
	}
	wakes, err := second.Wait(Now())
	if err != nil || wakes[0] != confirmable || wakes[seatPlace] != confirmable || wakes[leaderPlace] != 0 {
		t.Errorf("woken for %b, %v", wakes, err)
	}
	second.Stamp(7)
	for p := range want {
		var got control.Register
		second.Snapshot(control.Place(p), &got, nil, control.Bitmap{})
		if got.AgentAt == 0 || got.Health != 7 {
			t.Errorf("place %d is not stamped: %d, health %d", p, got.AgentAt, got.Health)
		}
	}
}
