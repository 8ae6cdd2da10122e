package levels

import (
	"math/rand/v2"
	"time"

	"rollcall/tests/explore/search"
)

// weights are how likely a walk chooses each kind of event, where it may.
var weights = []int{
	search.Deliver: 400, search.Read: 250, search.Look: 200, search.Tick: 60, search.Beat: 20, search.Sleep: 6,
	search.Leave: 1, search.Back: 3, search.Crash: 2, search.Boot: 20, search.Restart: 2, search.Again: 0,
	pass: 60, cut: 2, heal: 10,
}

// Walks takes random walks from the openings, one a seed, until one breaks something, all are done,
// or the time is over. In every other one time passes at all hosts alike, and leases are looked at.
// It reports how many seeds were tried. With only, that guarantee is checked
// and no other.
func Walks(openings []*Opening, from, seeds uint64, during time.Duration, only string, trace func(string)) (tried uint64, r search.Report) {
	began := time.Now()
	for seed := from; seed < from+seeds && time.Since(began) < during; seed++ {
		rng := rand.New(rand.NewPCG(seed, 0x6c6576656c73))
		o := openings[rng.IntN(len(openings))]
		w := o.World().Clone()
		w.abreast = seed%2 == 0 && !o.apart
		w.ledger.only = only
		if w.trace = trace; trace != nil {
			trace("opening: " + o.Name)
		}
		before := len(w.ledger.decided)
		r.Events += search.Walk(w, weights, rng, len(w.hosts)*(60+rng.IntN(200)))
		r.Views += len(w.ledger.decided) - before
		tried++
		if r.Violation = w.Violation(); r.Violation != nil {
			return tried, r
		}
	}
	return tried, r
}
