package explore

import (
	"math/rand/v2"
	"time"

	"rollcall/tests/explore/search"
)

// weights are how likely a walk chooses each kind of event, where it may.
var weights = []int{
	search.Deliver: 400, search.Read: 200, search.Look: 150, search.Tick: 60, search.Beat: 30, search.Sleep: 12, search.Leave: 3, search.Back: 3, search.Crash: 3, search.Boot: 30, search.Restart: 4,
}

// Walks takes random walks from the openings, one a seed, until one breaks something, all are done,
// or the time is over. It reports how many seeds were tried. With only, that guarantee is checked
// and no other.
func Walks(openings []*Opening, from, seeds uint64, during time.Duration, only string, trace func(string)) (tried uint64, r search.Report) {
	began := time.Now()
	for seed := from; seed < from+seeds && time.Since(began) < during; seed++ {
		rng := rand.New(rand.NewPCG(seed, 0x77616c6b))
		o := openings[rng.IntN(len(openings))]
		w := o.World().Clone()
		w.ledger.only = only
		if w.trace = trace; trace != nil {
			trace("opening: " + o.Name)
		}
		before := len(w.ledger.decided)
		r.Events += search.Walk(w, weights, rng, len(w.hosts)*(40+rng.IntN(120)))
		r.Views += len(w.ledger.decided) - before
		tried++
		if r.Violation = w.Violation(); r.Violation != nil {
			return tried, r
		}
	}
	return tried, r
}
