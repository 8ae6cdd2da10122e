package dataplane

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// TestKernelPaces has the kernel beat, count the answers, and stop when the agent is silent for
// too long, while the agent does nothing.
func TestKernelPaces(t *testing.T) {
	for i, travel := range []string{"udp4", "udp6", TransportEther} {
		t.Run(travel, func(t *testing.T) {
			w, pair, roster := newPair(t, func(end int, o *Options) {
				travelBy(travel, end, o)
				o.Pacer = PacerKernel
			})
			w.enter(t, 0)
			cpu := stayOn(t, i)
			leader, member := pair[0], pair[1]
			c := beatCommand(roster, both)
			c.Beats.Committed = 1
			c.Beats.IntervalUS, c.Beats.GraceNS = uint32(clockInterval/time.Microsecond), uint64(time.Second)
			leader.Stamp(0)
			if err := leader.Apply(c); err != nil {
				t.Fatal(err)
			}
			at := func() (uint64, uint64) {
				_, tally := leader.look(both)
				r, _ := member.look(both)
				return tally.QuorumAt, r.BeatRound
			}
			for quorum, round := at(); quorum < 40 || round < 40; quorum, round = at() {
				if _, tally := leader.look(both); tally.Beating == 0 || Now().Since(tally.CountedAt) > 10*time.Second {
					t.Fatalf("quorum at round %d, member at round %d; %+v; member %v", quorum, round, *leader.clock.pace, nonzero(member.Stats()))
				}
				if err := pollUntil(Now().Add(clockInterval), nil); err != nil {
					t.Fatal(err)
				}
			}
			if d := leader.Describe(); d.Pacing.Pacer != PacerKernel || !d.Pacing.Ticking || d.Pacing.Interval != clockInterval || d.Pacing.CPU != cpu {
				t.Errorf("pacing, begun on CPU %d: %+v", cpu, d.Pacing)
			}
			if p := leader.clock.pace; p.Beats[0] == 0 || p.Unsent != 0 || p.Strange != 0 {
				t.Errorf("pace: %+v", *p)
			}
			if at := leader.due(); at != control.MaxTime {
				t.Errorf("the thread, too, has a beat due at %d", at)
			}
			leader.waitFor(t, control.WakeRounds) // the agent, which does not stamp, has been silent for too long
			if _, tally := leader.look(both); tally.Beating != 0 {
				t.Error("beats go on without an agent")
			}
			for leader.clock.ticking(Now()) {
				if err := pollUntil(Now().Add(clockInterval), nil); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// stayOn keeps this thread on one of the processors, and says which: those that it may run on in turn. The clock ticks
// where it was begun.
func stayOn(t *testing.T, turn int) (cpu int) {
	t.Helper()
	var may, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		t.Fatal(err)
	}
	for left := turn % may.Count(); left > 0 || !may.IsSet(cpu); cpu++ {
		if may.IsSet(cpu) {
			left--
		}
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.SchedSetaffinity(0, &may); err != nil {
			t.Error(err)
		}
	})
	return cpu
}

// above puts a pair of hosts into a group of level 1: host i leads group i, so it has slot i, and
// has seat i; others have more seats there. It returns the order to beat there, for the host of the first seat.
func (pair pairOf) above(t *testing.T, roster *control.Roster, more ...control.Seat) control.Command {
	t.Helper()
	upper := &control.Roster{}
	for _, p := range []control.Place{leaderPlace, seatPlace} {
		for i, s := range pair {
			var r control.Register
			s.Snapshot(p, &r, nil, control.Bitmap{})
			seat := roster.Seats[i]
			seat.Slot, seat.Incarnation = slotAbove(p, i), r.Incarnation
			upper.Seats = append(upper.Seats, seat)
		}
	}
	var all control.Bitmap
	for _, seat := range more {
		upper = upper.With(seat)
		all.Set(seat.Slot)
	}
	for i, s := range pair {
		for _, p := range []control.Place{leaderPlace, seatPlace} {
			all.Set(slotAbove(p, i))
			for _, c := range []control.Command{
				{Kind: control.CommandJoin, Cluster: s.opt.ClusterID, Instance: 1, Slot: slotAbove(p, i)},
				{Kind: control.CommandHold, Rosters: [control.HeldRosters]uint64{upper.Version()}},
			} {
				c.Level, c.Seat = p.Level(), p.Seat()
				if err := s.Apply(c); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.Name(1, upper); err != nil {
			t.Fatal(err)
		}
	}
	c := beatCommand(upper, all)
	c.Level, c.Seat, c.Ballot = 1, 1, control.NewBallot(0, 1, control.FirstSeat)
	return c
}

// TestKernelWithoutClock: where the clock cannot be had, for a device that has the name of one of its own here, the
// thread keeps the beat, and both that and why are told; who demands the clock is refused.
func TestKernelWithoutClock(t *testing.T) {
	var taken Options
	w, pair, roster := newPair(t, func(end int, o *Options) {
		o.Attach, o.Pacer = AttachTC, PacerAuto
		if end != 0 {
			return
		}
		taken = *o
		tick, _ := clockNames(o.Cluster)
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: tick}, PeerName: "other"}); err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkSetAlias(linkOf(t, tick), "somebody's"); err != nil {
			t.Fatal(err)
		}
	})
	w.enter(t, 0)
	leader, member := pair[0], pair[1]
	if p := leader.Describe().Pacing; p.CPU != -1 {
		t.Errorf("it sent no beat yet, and did so on CPU %d", p.CPU)
	}
	if err := leader.Apply(clockBeats(roster)); err != nil {
		t.Fatal(err)
	}
	for end, round := Now().Add(patienceOfTests), uint64(0); round < 10; {
		leader.Stamp(0)
		if _, err := leader.Wait(Now().Add(clockInterval)); err != nil {
			t.Fatal(err)
		}
		r, _ := member.look(both)
		if round = r.BeatRound; Now() > end {
			t.Fatalf("the member took no more than round %d; counters %v", round, nonzero(member.Stats()))
		}
	}
	p := leader.Describe().Pacing
	if p.Pacer != PacerThread || !strings.Contains(p.Refused, "is not ours") || p.CPU < 0 || p.Ticking {
		t.Errorf("pacing %+v", p)
	}
	if len(p.Levels) != 1 || p.Levels[0].Thread < 10 || p.Levels[0].Kernel != 0 {
		t.Errorf("beats %+v", p.Levels)
	}
	leader.Close()
	taken.Pacer = PacerKernel
	if k, err := OpenKernel(taken); err == nil {
		k.Close()
		t.Error("the kernel's clock was demanded, and left out")
	} else if !strings.Contains(err.Error(), "is not ours") {
		t.Error(err)
	}
}

type pairOf [2]*station

func slotAbove(p control.Place, host int) uint16 {
	if p.Votes() {
		return control.FirstSeat + uint16(host)
	}
	return uint16(host)
}

// TestKernelPacesLevels has one clock keep the beats of two levels, the upper half as often: those
// who lead groups have theirs, the own register of that slot too, and each seat has its own.
func TestKernelPacesLevels(t *testing.T) {
	for _, travel := range []string{"udp4", "udp6", TransportEther} {
		t.Run(travel, func(t *testing.T) {
			w, stations, roster := newPair(t, func(end int, o *Options) {
				travelBy(travel, end, o)
				o.Pacer, o.Routed = PacerKernel, true
			})
			w.enter(t, 0)
			pair := pairOf(stations)
			leader := pair[0]
			lower, upper := beatCommand(roster, both), pair.above(t, roster)
			for i, c := range []*control.Command{&lower, &upper} {
				c.Now, c.Beats.Committed = 0, 1
				c.Beats.IntervalUS = uint32(clockInterval/time.Microsecond) << i
			}
			for _, s := range pair {
				s.Stamp(0)
			}
			if err := errors.Join(leader.Apply(upper), leader.Apply(lower)); err != nil {
				t.Fatal(err)
			}
			// least is the round that all registers of a level have taken, and a quorum answered.
			least := func(level uint8) uint64 {
				var tally control.Tally
				leader.Snapshot(control.SeatAt(level), &control.Register{}, &tally, control.Bitmap{})
				if tally.Beating == 0 {
					t.Fatalf("level %d beats no more: %+v", level, *leader.clock.pace)
				}
				round := tally.QuorumAt
				for _, s := range pair {
					for _, p := range []control.Place{control.PlaceOf(level, 0), control.SeatAt(level)} {
						var r control.Register
						s.Snapshot(p, &r, nil, control.Bitmap{})
						round = min(round, r.BeatRound)
					}
				}
				return round
			}
			for end := Now().Add(patienceOfTests); least(0) < 40 || least(1) < 20; {
				if Now() > end {
					t.Fatalf("round %d below, %d above: %+v; counters %v", least(0), least(1), *leader.clock.pace, nonzero(pair[1].Stats()))
				}
				if err := pollUntil(Now().Add(clockInterval), nil); err != nil {
					t.Fatal(err)
				}
			}
			d := leader.Describe().Pacing
			if d.Pacer != PacerKernel || !d.Ticking || d.Interval != clockInterval || len(d.Levels) != 2 {
				t.Fatalf("pacing: %+v", d)
			}
			below, above := d.Levels[0], d.Levels[1]
			if above.Level != 1 || above.Interval != 2*clockInterval || above.Kernel > below.Kernel*2/3 || below.Thread+above.Thread != 0 {
				t.Errorf("pacing: %+v", d)
			}
			if p := leader.clock.pace; p.Unsent != 0 || p.Strange != 0 {
				t.Errorf("pace: %+v", *p)
			}
			if at := leader.due(); at != control.MaxTime {
				t.Errorf("the thread, too, has a beat due at %d", at)
			}
			// Of whom nobody gave up the lead above, the clock goes on as slowly as it may.
			if err := leader.Apply(control.Command{Kind: control.CommandAsk}); err != nil {
				t.Fatal(err)
			}
			leader.Stamp(0)
			if d := leader.Describe().Pacing; len(d.Levels) != 1 || d.Interval != 2*clockInterval {
				t.Errorf("pacing above alone: %+v", d)
			}
		})
	}
}
