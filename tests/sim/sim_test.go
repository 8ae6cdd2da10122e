package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"rollcall/control"
)

var (
	flagSeed    = flag.Uint64("seed", 0, "run this seed alone")
	flagSeeds   = flag.Int("seeds", 0, "run this many fresh seeds instead of the fixed ones, however long it takes")
	flagNodes   = flag.Int("nodes", 0, "hosts in every run; 0: the seed decides")
	flagSeconds = flag.Float64("seconds", 0, "how long to run fresh seeds, instead of the fixed ones")
	flagShrink  = flag.Bool("shrink", false, "with -seed: leave out of the run what it can do without and still break the same guarantee; print it as testdata has it")
	flagStored  = flag.String("stored", "", "run this file of testdata alone")
	flagTrace   = flag.Bool("trace", false, "with -seed: print one line an event")
)

func realNode(c control.Config) Node { return control.New(c) }

// fixed is how many seeds, from 1 on, run in every test. A test that anybody runs must give the
// same answer every time; looking for new trouble is `make soak`.
const fixed = 3000

func tracer() func(string) {
	if !*flagTrace {
		return nil
	}
	return func(line string) { fmt.Println(line) }
}

func draw(seed uint64) Options {
	o := Draw(seed)
	if *flagNodes > 0 {
		o.Hosts = *flagNodes
		o.Founders = min(o.Founders, o.Hosts)
		o.Contacts = min(o.Contacts, o.Hosts)
	}
	return o
}

func runSeed(t *testing.T, seed uint64, trace func(string)) Result {
	t.Helper()
	res := Run(draw(seed), realNode, trace)
	if res.Violation != nil {
		if *flagSeed == 0 {
			res.Final = ""
		}
		t.Errorf("seed %d: %s: %v\n%v\n%s\nreplay: go test ./tests/sim -run TestSeeds -args -seed %d -nodes %d -trace",
			seed, res.Outcome, res.Violation, res.Options, res.Final, seed, *flagNodes)
	}
	return res
}

func TestSeeds(t *testing.T) {
	if *flagSeed != 0 {
		if *flagShrink {
			shrinkSeed(t, *flagSeed)
		} else {
			runSeed(t, *flagSeed, tracer())
		}
		return
	}
	began := time.Now()
	next := seeds(*flagSeconds, *flagSeeds)
	sum := tally{ends: map[Outcome]int{}}
	var lock sync.Mutex // of next and sum
	var runs sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		runs.Go(func() {
			for {
				lock.Lock()
				seed, ok := next()
				lock.Unlock()
				if !ok {
					return
				}
				r := runSeed(t, seed, nil)
				lock.Lock()
				sum.add(r)
				lock.Unlock()
			}
		})
	}
	runs.Wait()
	if excused := sum.ends[Excused]; sum.runs >= 100 && 10*excused > sum.runs {
		t.Errorf("%d of %d runs owed no progress: too many to say that groups make it", excused, sum.runs)
	}
	rare := 1 + sum.runs/1000
	if *flagSeconds == 0 && *flagSeeds == 0 { // none of these does
		rare = 0
	}
	if uncovered := sum.ends[Uncovered]; uncovered > rare {
		t.Errorf("%d of %d runs came upon what G3 does not cover, want %d at most", uncovered, sum.runs, rare)
	}
	spent := time.Since(began).Seconds()
	t.Logf("%d runs %v, %v simulated: %d steps, %d events, %d frames, %d views, %d removals, %d elections, %d unnamed asks; %.0f steps/s, %.0f events/s",
		sum.runs, sum.ends, sum.simulated.Round(time.Second), sum.Steps, sum.Events, sum.Frames, sum.Views, sum.Removals, sum.Elections, sum.Unnamed,
		float64(sum.Steps)/spent, float64(sum.Events)/spent)
}

// seeds yields fresh seeds, so many or for so long, or the fixed ones where neither was asked for.
func seeds(seconds float64, fresh int) func() (uint64, bool) {
	first, most, began := rand.Uint64()>>16, fresh, time.Now()
	if seconds == 0 && fresh == 0 {
		first, most = 1, fixed
	}
	n := -1
	return func() (uint64, bool) {
		n++
		return first + uint64(n), n < most || most == 0 && time.Since(began).Seconds() < seconds
	}
}

// shrinkSeed prints the smallest run found that breaks what the seed breaks.
func shrinkSeed(t *testing.T, seed uint64) {
	s := Keep(draw(seed), realNode, 3000)
	if s == nil {
		t.Fatalf("seed %d breaks nothing", seed)
	}
	fmt.Println(s)
	t.Errorf("seed %d, shrunk: %s\n%v", seed, s.Story, s.Options)
}

// TestStored repeats the runs in testdata, which break nothing any more. That they do where their rules
// are undone tests/mutants shows.
func TestStored(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if *flagStored != "" {
		files = []string{*flagStored}
	}
	if len(files) == 0 {
		t.Fatal("no run is stored in testdata")
	}
	for _, file := range files {
		s, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if r := s.Replay(realNode, tracer()); r.Violation != nil {
			t.Errorf("%s: %v\n%s\nonce: %s", file, r.Violation, r.Final, s.Story)
		}
	}
}

// TestShrink: a run that breaks a guarantee for one reason among many is cut down to it.
func TestShrink(t *testing.T) {
	// Nodes that publish a view again once it was succeeded.
	liars := func(c control.Config) Node { return &liar{Node: control.New(c), spoil: repeat()} }
	seed := uint64(1)
	for ; Draw(seed).Class != Chaos || Run(Draw(seed), liars, nil).Violation == nil; seed++ {
	}
	before := Run(Draw(seed), liars, nil)
	o, after := Shrink(Draw(seed), liars, 300)
	if after.Violation == nil || after.Violation.Guarantee != before.Violation.Guarantee {
		t.Fatalf("%v became %v", before.Violation, after.Violation)
	}
	if o.Hosts > 3 || len(o.Plan) > 1 || o.Weather != (Weather{LateMax: o.LateMax, PreemptMax: o.PreemptMax}) {
		t.Errorf("not small: %v", o)
	}
}

// tally adds up what runs did.
type tally struct {
	Stats
	runs      int
	simulated time.Duration
	ends      map[Outcome]int
}

func (s *tally) add(r Result) {
	s.runs++
	s.simulated += r.Simulated
	s.ends[r.Outcome]++
	s.Events += r.Events
	s.Steps += r.Steps
	s.Frames += r.Frames
	s.Views += r.Views
	s.Removals += r.Removals
	s.Elections += r.Elections
	s.Unnamed += r.Unnamed
}

// TestReplay runs seeds twice: a run that cannot be repeated explains nothing.
func TestReplay(t *testing.T) {
	for seed := uint64(100); seed < 104; seed++ {
		var first, second []string
		Run(Draw(seed), realNode, func(l string) { first = append(first, l) })
		Run(Draw(seed), realNode, func(l string) { second = append(second, l) })
		if len(first) != len(second) {
			t.Fatalf("seed %d: %d lines, then %d", seed, len(first), len(second))
		}
		for i := range first {
			if first[i] != second[i] {
				t.Fatalf("seed %d, line %d:\n%s\n%s", seed, i, first[i], second[i])
			}
		}
	}
}
