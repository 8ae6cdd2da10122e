package dataplane

import (
	"testing"
	"time"

	"rollcall/control"
)

// TestKernelPaces has the kernel beat, count the answers, and stop when the agent is silent for
// too long, while the agent does nothing.
func TestKernelPaces(t *testing.T) {
	for _, travel := range []string{"udp4", "udp6", TransportEther} {
		t.Run(travel, func(t *testing.T) {
			w, pair, roster := newPair(t, func(end int, o *Options) {
				travelBy(travel, end, o)
				o.Pacer = PacerKernel
			})
			w.enter(t, 0)
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
			if d := leader.Describe(); d.Pacing.Pacer != PacerKernel || !d.Pacing.Ticking || d.Pacing.Interval != clockInterval {
				t.Errorf("pacing: %+v", d.Pacing)
			}
			if p := leader.clock.pace; p.Beats == 0 || p.Unsent != 0 || p.Strange != 0 {
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
