package explore

import (
	"math/rand/v2"
	"time"
)

// weights are how likely a walk chooses each kind of event, where it may.
var weights = [kinds]int{deliver: 400, read: 200, look: 150, tick: 60, beat: 30, sleep: 12, leave: 3, back: 3, crash: 3, boot: 30, restart: 4}

// onTheWay is how many frames, and letters, a walk leaves in the network; it loses the oldest.
const onTheWay = 40

// Walk lets events happen at random, as many as steps or until something is broken, and
// returns how many. Most that is sent arrives before long and once.
func Walk(w *World, rng *rand.Rand, steps int) int {
	var may []Event
	var sum [kinds]int
	for n := range steps {
		may = w.events(may)
		sum = [kinds]int{}
		for _, e := range may {
			sum[e.kind]++
		}
		all := 0
		for k := range sum {
			if sum[k] > 0 {
				all += weights[k]
			}
		}
		x, chosen := rng.IntN(all), kind(0)
		for k := range sum {
			if sum[k] > 0 {
				if x -= weights[k]; x < 0 {
					chosen = kind(k)
					break
				}
			}
		}
		which := rng.IntN(sum[chosen])
		for _, e := range may {
			if e.kind == chosen {
				if which == 0 {
					w.keep = (chosen == deliver || chosen == read) && rng.IntN(20) == 0
					w.do(e)
					break
				}
				which--
			}
		}
		if w.Violation() != nil {
			return n + 1
		}
		if n := len(w.frames); n > onTheWay {
			w.frames = append(w.frames[:0], w.frames[n-onTheWay:]...)
		}
		if n := len(w.letters); n > onTheWay {
			w.letters = append(w.letters[:0], w.letters[n-onTheWay:]...)
		}
	}
	return steps
}

// Walks takes random walks from the openings, one a seed, until one breaks something, all are done,
// or the time is over. It reports how many seeds were tried.
func Walks(openings []*Opening, from, seeds uint64, during time.Duration, trace func(string)) (tried uint64, r Report) {
	began := time.Now()
	for seed := from; seed < from+seeds && time.Since(began) < during; seed++ {
		rng := rand.New(rand.NewPCG(seed, 0x77616c6b))
		o := openings[rng.IntN(len(openings))]
		w := o.World().Clone()
		if w.trace = trace; trace != nil {
			trace("opening: " + o.Name)
		}
		before := len(w.ledger.decided)
		r.Events += Walk(w, rng, len(w.hosts)*(40+rng.IntN(120)))
		r.Views += len(w.ledger.decided) - before
		tried++
		if r.Violation = w.Violation(); r.Violation != nil {
			return tried, r
		}
	}
	return tried, r
}
