package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"rollcall/control"
)

var (
	flagSeed    = flag.Uint64("seed", 0, "run this seed alone")
	flagSeeds   = flag.Int("seeds", 0, "run this many fresh seeds, however long it takes")
	flagNodes   = flag.Int("nodes", 0, "hosts in every run; 0: the seed decides")
	flagSeconds = flag.Float64("seconds", 0, "how long to run fresh seeds, after the fixed ones")
	flagTrace   = flag.Bool("trace", false, "with -seed: print one line an event")
)

func realNode(c control.Config) Node { return control.New(c) }

// fixed is how many seeds, from 1 on, run in every test. A test that anybody runs must give the
// same answer every time; looking for new trouble is `make soak`.
const fixed = 500

func runSeed(t *testing.T, seed uint64, trace func(string)) Result {
	t.Helper()
	o := Draw(seed)
	if *flagNodes > 0 {
		o.Hosts = *flagNodes
		o.Founders = min(o.Founders, o.Hosts)
		o.Contacts = min(o.Contacts, o.Hosts)
	}
	res := Run(o, realNode, trace)
	if res.Outcome != Passed && res.Outcome != Excused {
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
		var trace func(string)
		if *flagTrace {
			trace = func(line string) { fmt.Println(line) }
		}
		runSeed(t, *flagSeed, trace)
		return
	}
	sum := tally{ends: map[Outcome]int{}}
	began := time.Now()
	for seed := uint64(1); seed <= fixed; seed++ {
		sum.add(runSeed(t, seed, nil))
	}
	first, fresh := rand.Uint64()>>16, time.Now()
	for i := 0; ; i++ {
		if *flagSeeds > 0 && i >= *flagSeeds || *flagSeeds == 0 && time.Since(fresh).Seconds() >= *flagSeconds {
			break
		}
		if i == 0 {
			t.Logf("fresh seeds from %d", first)
		}
		sum.add(runSeed(t, first+uint64(i), nil))
	}
	spent := time.Since(began).Seconds()
	t.Logf("%d runs %v, %v simulated: %d steps, %d events, %d frames, %d views, %d removals, %d elections, %d unnamed asks; %.0f steps/s, %.0f events/s",
		sum.runs, sum.ends, sum.simulated.Round(time.Second), sum.Steps, sum.Events, sum.Frames, sum.Views, sum.Removals, sum.Elections, sum.Unnamed,
		float64(sum.Steps)/spent, float64(sum.Events)/spent)
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
