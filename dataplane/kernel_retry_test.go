package dataplane

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// TestKernelAsksAgain has the kernel beat for a group of which one member never answers, over Ethernet and one level
// above over UDP: in each round what control.Asking.Retries says leaves for it, and for those who are to pass it on.
func TestKernelAsksAgain(t *testing.T) {
	for travel, level := range map[string]uint8{TransportEther: 0, "udp4": 1, "udp6": 1} {
		t.Run(travel, func(t *testing.T) {
			w, stations, roster := newPair(t, func(end int, o *Options) {
				travelBy(travel, end, o)
				o.Pacer, o.Routed = PacerKernel, level > 0
			})
			w.enter(t, 0)
			pair, silent := pairOf(stations), silentSeat(roster)
			leader := pair[0]
			nobody := silent.Rails[0]
			if err := netlink.NeighSet(&netlink.Neigh{
				LinkIndex: leader.rails[0].link.Index, IP: nobody.UDP.Addr().AsSlice(), State: netlink.NUD_PERMANENT, HardwareAddr: nobody.MAC[:],
			}); err != nil {
				t.Fatal(err)
			}
			var c control.Command
			helpers := control.Of(1)
			if level == 0 {
				c = pair.beside(t, roster.With(silent))
			} else {
				c = pair.above(t, roster, silent)
				c.Beats.Kin = control.Of(slotAbove(leaderPlace, 0), slotAbove(seatPlace, 0))
				helpers.Set(slotAbove(seatPlace, 1))
			}
			leader.leadsTo(t, int(level)*control.Slots+int(silent.Slot), nobody.MAC)
			line := overhear(t)
			c.Beats.Committed, c.Beats.Rounds = 1, 60 // so long does nothing wait for this test, which may be starved
			c.Beats.IntervalUS, c.Beats.GraceNS = uint32(clockInterval/time.Microsecond), uint64(longEnough)
			leader.Stamp(0)
			if err := leader.Apply(c); err != nil {
				t.Fatal(err)
			}

			// Which rounds the member at the other end answers in time is up to the machine: enough
			// of them are those in which it helps. The way that the kernel finds takes a moment longer.
			byHop := func(a, b control.Frame) int { return cmp.Compare(a.Hop(), b.Hop()) }
			helped := control.Asking{Doubtful: control.Of(silent.Slot), Helpers: helpers}
			var again []control.Frame
			var beat control.Frame
			seen := uint64(0)
			for rounds := 0; rounds < 5; {
				f := line.beat(t, leader)
				leader.Stamp(0) // its agent looks
				switch {
				case f.Round > 1000:
					t.Fatalf("after round %d only %d in which what should left again; last %+v", f.Round, rounds, again)
				case level > 0 && f.To == slotAbove(seatPlace, 1): // who votes there has a beat of its own
				case f.To != control.ToAll:
					again = append(again, f)
					seen++
				case f.Round != beat.Round:
					want := helped.Retries(beat)
					slices.SortFunc(again, byHop)
					slices.SortFunc(want, byHop)
					if len(again) > 0 && slices.Equal(again, want) {
						rounds++
					}
					beat, again = f, again[:0]
				}
			}
			if p := leader.clock.pace; p.Retries < seen || p.Unsent != 0 {
				t.Errorf("%d frames left again; pace: %+v", seen, *p)
			}
			var tally control.Tally
			leader.Snapshot(control.SeatAt(level), &control.Register{}, &tally, control.Bitmap{})
			if !tally.Doubtful.Has(silent.Slot) {
				t.Errorf("in doubt are %v", tally.Doubtful)
			}
		})
	}
}

// beside has a pair of hosts hold the roster of their group. It returns the order to beat for all of it.
func (pair pairOf) beside(t *testing.T, roster *control.Roster) control.Command {
	t.Helper()
	var all control.Bitmap
	for i := range roster.Seats {
		all.Set(roster.Seats[i].Slot)
	}
	for _, s := range pair {
		if err := s.Apply(control.Command{Kind: control.CommandHold, Rosters: [control.HeldRosters]uint64{roster.Version()}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Name(0, roster); err != nil {
			t.Fatal(err)
		}
	}
	return beatCommand(roster, all)
}

// silentSeat is the seat of slot 2, whose addresses are nobody's.
func silentSeat(roster *control.Roster) control.Seat {
	at := slices.Clone(roster.Seats[1].Rails)
	at[0].MAC = [6]byte{2, 9}
	at[0].UDP = netip.AddrPortFrom(at[0].UDP.Addr().Next(), at[0].UDP.Port())
	return control.Seat{Slot: 2, Peer: control.Peer{Name: "cn003", Incarnation: 5, RPC: "x:1", Rails: at}}
}

// beat is the next beat that leaves the leader. One that is for a single slot goes where that
// slot, or the one that passes it on, is.
func (l line) beat(t *testing.T, leader *station) control.Frame {
	t.Helper()
	b := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(int(l), b, 0)
		if err != nil {
			t.Fatalf("no beat leaves: %v; pace %+v", err, *leader.clock.pace)
		}
		if at, ok := from.(*unix.SockaddrLinklayer); !ok || at.Pkttype != unix.PACKET_OUTGOING || n < FrameLen {
			continue
		}
		f, why := ParseFrame(b[n-FrameLen:n], leader.opt.Keys)
		if why != control.ReasonNone || f.Kind != control.KindBeat {
			continue
		}
		if f.To != control.ToAll {
			p := leader.ready(t, int(f.Level)*control.Slots+int(f.Hop()))
			header, want := b[:n-FrameLen], p.header[:p.length]
			if len(header) != len(want) || [6]byte(header) != [6]byte(want) || !bytes.Equal(destination(header), destination(want)) {
				t.Errorf("to % x, slot %d is at % x", header, f.Hop(), want)
			}
		}
		return f
	}
}

// destination is the addresses and ports of an untagged header before a frame, nothing over Ethernet.
func destination(header []byte) []byte {
	switch len(header) {
	case overUDP4.at():
		return header[26:38]
	case overUDP6.at():
		return header[22:58]
	}
	return nil
}
