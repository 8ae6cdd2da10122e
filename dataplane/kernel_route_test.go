package dataplane

import (
	"testing"
	"time"

	"rollcall/control"
)

// TestKernelFindsTheWay: where the header that leads to a slot lacks the hardware address, or has one
// that nobody answers to any more, beats reach the slot all the same, before the agent has looked.
func TestKernelFindsTheWay(t *testing.T) {
	for _, travel := range []string{"udp4", "udp6"} {
		for name, mac := range map[string][6]byte{"unknown": {}, "old": {2, 0, 0, 0, 0, 0x77}} {
			t.Run(travel+" "+name, func(t *testing.T) {
				w, pair, roster := newPair(t, func(end int, o *Options) {
					travelBy(travel, end, o)
					o.Pacer = PacerKernel
				})
				w.enter(t, 0)
				leader := pair[0]
				way := leader.ready(t, 1)
				copy(way.header[:], mac[:])
				if err := leader.coll.Maps[mapPeer].Put(uint32(control.RailsMax), bytesOf(&way)); err != nil {
					t.Fatal(err)
				}
				c := beatCommand(roster, both)
				c.Now, c.Beats.Committed, c.Beats.IntervalUS = 0, 1, uint32(clockInterval/time.Microsecond)
				leader.Stamp(0)
				if err := leader.Apply(c); err != nil {
					t.Fatal(err)
				}
				for end := Now().Add(patienceOfTests); ; {
					_, tally := leader.look(both)
					if tally.QuorumAt >= 20 && tally.Fallen.Empty() {
						break
					}
					if Now() > end || tally.Beating == 0 {
						t.Fatalf("quorum at round %d, fallen %v; %+v; member %v", tally.QuorumAt, tally.Fallen, *leader.clock.pace, nonzero(pair[1].Stats()))
					}
					if err := pollUntil(Now().Add(clockInterval), nil); err != nil {
						t.Fatal(err)
					}
				}
				if p := leader.clock.pace; p.Routed == 0 || p.Unsent != 0 || p.Strange != 0 {
					t.Errorf("pace: %+v", *p)
				}
			})
		}
	}
}
