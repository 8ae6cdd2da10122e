package search

import "math/rand/v2"

// Walker is a world in which events happen one after the other.
type Walker interface {
	Events(to []Event) []Event // what may happen now
	Do(e Event, keep bool)     // with keep, what is delivered or read stays on its way
	Lose(most int)             // what was sent first, of frames and of letters more than so many
	Violation() error
}

// onTheWay is how many frames, and letters, a walk leaves in the network; it loses the oldest.
const onTheWay = 40

// Walk lets events happen at random, as many as steps or until something is broken, and
// returns how many. Most that is sent arrives before long and once. Weights are how likely each
// kind of event is, where it may happen.
func Walk(w Walker, weights []int, rng *rand.Rand, steps int) int {
	var may []Event
	sum := make([]int, len(weights))
	for n := range steps {
		may = w.Events(may)
		clear(sum)
		for _, e := range may {
			sum[e.Kind]++
		}
		all := 0
		for k := range sum {
			if sum[k] > 0 {
				all += weights[k]
			}
		}
		x, chosen := rng.IntN(all), Kind(0)
		for k := range sum {
			if sum[k] > 0 {
				if x -= weights[k]; x < 0 {
					chosen = Kind(k)
					break
				}
			}
		}
		which := rng.IntN(sum[chosen])
		for _, e := range may {
			if e.Kind == chosen {
				if which == 0 {
					w.Do(e, (chosen == Deliver || chosen == Read) && rng.IntN(20) == 0)
					break
				}
				which--
			}
		}
		if w.Violation() != nil {
			return n + 1
		}
		w.Lose(onTheWay)
	}
	return steps
}
