package explore

import (
	"math/rand/v2"
	"strings"
	"time"
)

// Report is what a search or a number of walks came to.
type Report struct {
	States    int // visited, each once
	Events    int
	Views     int  // decided in walks
	Whole     bool // there was nothing left to happen at the depth given
	Violation error
	Path      []Event // from the opening to the violation
}

// Search visits every state that at most depth events lead to. What is on its way may arrive at
// any later time or never, so loss and reordering are among the orders visited; with again,
// what arrived may arrive again. To get deeper, agents look at once when they are woken, and
// probes, which bear on nothing but suspicion, are lost.
func Search(w *World, l Limits, again bool, depth int) Report {
	w = w.Clone()
	w.keep, w.prompt, w.left = again, true, l
	s := search{seen: map[uint64]uint8{}, report: Report{Whole: true}}
	s.visit(w, depth)
	s.report.States = len(s.seen)
	return s.report
}

type search struct {
	seen   map[uint64]uint8 // how many events were still allowed when a state was visited
	path   []Event
	report Report
}

func (s *search) visit(w *World, left int) {
	if s.report.Violation != nil {
		return
	}
	if err := w.Violation(); err != nil {
		s.report.Violation = err
		s.report.Path = append([]Event(nil), s.path...)
		return
	}
	d := w.digest()
	if before, ok := s.seen[d]; ok && int(before) >= left {
		return
	}
	s.seen[d] = uint8(left)
	may := w.events(nil)
	if left == 0 {
		s.report.Whole = s.report.Whole && len(may) == 0
		return
	}
	for _, e := range may {
		next := w.Clone()
		next.do(e)
		s.report.Events++
		s.path = append(s.path, e)
		s.visit(next, left-1)
		s.path = s.path[:len(s.path)-1]
	}
}

// Replay tells what happens on a path that Search reported.
func Replay(w *World, l Limits, again bool, path []Event) string {
	var b strings.Builder
	w = w.Clone()
	w.keep, w.prompt, w.left = again, true, l
	w.trace = func(line string) { b.WriteString(line + "\n") }
	for _, e := range path {
		w.do(e)
	}
	return b.String()
}

// weights are how likely a walk chooses each kind of event, where it may.
var weights = [kinds]int{deliver: 400, read: 200, look: 150, tick: 60, sleep: 12, leave: 3, back: 3, crash: 3, boot: 30, restart: 4}

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

// Walks takes random walks, one a seed, until one breaks something, all are done, or the
// time is over. It reports how many seeds were tried.
func Walks(from, seeds uint64, during time.Duration, trace func(string)) (tried uint64, r Report) {
	began := time.Now()
	openings := Openings()
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

// free limits nothing.
var free = Limits{always, always, always, always, always, always, always, always, always, always}
