package dataplane

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// TestKernelAsksAgain has the kernel beat over Ethernet for a group of which one member never answers: in each
// round what control.Asking.Retries says leaves for it, and for those who are to pass it on.
func TestKernelAsksAgain(t *testing.T) {
	w, pair, roster := newPair(t, func(end int, o *Options) {
		travelBy(TransportEther, end, o)
		o.Pacer = PacerKernel
	})
	roster = roster.With(silentSeat(roster))
	for i, s := range pair {
		w.enter(t, i)
		if err := s.Apply(control.Command{Kind: control.CommandHold, Rosters: [control.HeldRosters]uint64{roster.Version()}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Name(0, roster); err != nil {
			t.Fatal(err)
		}
	}
	w.enter(t, 0)
	leader := pair[0]
	line := overhear(t)
	c := beatCommand(roster, control.Of(0, 1, 2))
	c.Beats.Committed, c.Beats.Rounds = 1, 60 // so long does nothing wait for this test, which may be starved
	c.Beats.IntervalUS, c.Beats.GraceNS = uint32(clockInterval/time.Microsecond), uint64(longEnough)
	leader.Stamp(0)
	if err := leader.Apply(c); err != nil {
		t.Fatal(err)
	}

	// Which rounds the member at the other end answers in time is up to the machine: enough
	// of them are those in which it helps.
	helped := control.Asking{Doubtful: control.Of(2), Helpers: control.Of(1)}
	var again []control.Frame
	var beat control.Frame
	seen := uint64(0)
	for rounds := 0; rounds < 5; {
		f := line.beat(t, leader)
		leader.Stamp(0) // its agent looks
		switch {
		case f.Round > 1000:
			t.Fatalf("after round %d only %d in which what should left again; last %+v", f.Round, rounds, again)
		case f.To != control.ToAll:
			again = append(again, f)
			seen++
		case f.Round != beat.Round:
			if len(again) > 0 && slices.Equal(again, helped.Retries(beat)) {
				rounds++
			}
			beat, again = f, again[:0]
		}
	}
	if p := leader.clock.pace; p.Retries < seen || p.Unsent != 0 {
		t.Errorf("%d frames left again; pace: %+v", seen, *p)
	}
	if _, tally := leader.look(both); !tally.Doubtful.Has(2) {
		t.Errorf("in doubt are %v", tally.Doubtful)
	}
}

// silentSeat is the seat of slot 2, whose address is nobody's.
func silentSeat(roster *control.Roster) control.Seat {
	at := slices.Clone(roster.Seats[1].Rails)
	at[0].MAC = [6]byte{2, 9}
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
			if p := leader.ready(t, int(f.Hop())); [6]byte(b[:6]) != [6]byte(p.header[:6]) {
				t.Errorf("to % x, slot %d is at % x", b[:6], f.Hop(), p.header[:6])
			}
		}
		return f
	}
}
