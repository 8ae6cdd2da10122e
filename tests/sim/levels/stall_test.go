package levels

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestStalledAgentsLoseNobody: whose kernel answers stays in the cluster view, with its group,
// whichever agents are stopped for how long within their grace, and whatever moves meanwhile.
func TestStalledAgentsLoseNobody(t *testing.T) {
	runs := uint64(12)
	if *seconds > 0 {
		runs *= uint64(*seconds)
	}
	for s := range runs {
		r := rand.New(rand.NewPCG(s, 0x7374616c6c))
		o := Story(2+r.IntN(3), 3+r.IntN(3))
		o.Seed, o.Jitter, o.Interval = s, r.Float64()*0.2, []time.Duration{10 * time.Millisecond, 100 * time.Millisecond}[r.IntN(2)]
		o.vary(r)
		w := cluster(t, o)
		for range 12 {
			h := w.hosts[w.rng.IntN(len(w.hosts))]
			if root := w.leader(1, 0); root != nil && w.rng.IntN(3) == 0 {
				h = root
			}
			h.stop()
			w.after(time.Duration(1+w.rng.IntN(60))*w.Interval, h.cont)
			w.Run(time.Duration(w.rng.IntN(100))*w.Interval, nil)
		}
		w.Stand(w.hosts, 60*time.Second)
		if w.failed || len(w.ledger.leftOut) > 0 {
			t.Fatalf("seed %d: left out, by epoch: %v", s, w.ledger.leftOut)
		}
	}
}
