// Command oracle looks for a way to break a guarantee: by random runs, one a seed, which are walks
// of package explore, or of package levels below it, or runs of the simulator, by a run that is stored,
// or by the searches of package explore. It says what happened and exits with status 1 if something was
// broken, 0 if nothing was, 2 if it was not used rightly or a stored run broke something else.
//
// It is a command of its own so that it can be built with package control altered, by the
// -overlay flag of the go command; tests/mutants does so to see that broken rules are noticed.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"rollcall/control"
	"rollcall/tests/explore"
	"rollcall/tests/explore/levels"
	"rollcall/tests/explore/search"
	"rollcall/tests/sim"
)

func main() {
	check := flag.String("check", "walks", "walks, levels, sim, stored or search")
	from := flag.Uint64("from", 1, "first seed")
	seeds := flag.Uint64("seeds", 1000, "how many seeds")
	during := flag.Duration("during", time.Hour, "stop after this time")
	only := flag.String("only", "", "with -check walks, levels or sim: the guarantee that is checked; empty: all")
	opening := flag.String("opening", "", "with -check walks, levels or search: only from this opening")
	file := flag.String("file", "", "with -check stored: the run")
	shrink := flag.Bool("shrink", false, "with -check sim: cut the run that breaks something down, and print it as tests/sim/testdata has it")
	depth := flag.Int("depth", 0, "with -check search: how many events; 0: as every test run")
	trace := flag.Bool("trace", false, "print one line an event")
	flag.Parse()

	var say func(string)
	if *trace {
		say = func(line string) { fmt.Println(line) }
	}
	began := time.Now()
	var tried uint64
	var broken error
	switch *check {
	case "walks":
		var r search.Report
		tried, r = explore.Walks(beginnings(*opening, explore.Openings, explore.Named), *from, *seeds, *during, *only, say)
		broken = r.Violation
	case "levels":
		var r search.Report
		tried, r = levels.Walks(beginnings(*opening, levels.Openings, levels.Named), *from, *seeds, *during, *only, say)
		broken = r.Violation
	case "sim":
		for ; tried < *seeds && broken == nil && time.Since(began) < *during; tried++ {
			broken = simulate(*from+tried, *only, say)
		}
		if broken != nil && *shrink {
			o := sim.Draw(*from + tried - 1)
			o.Only = *only
			fmt.Println(sim.Keep(o, realNode, 1000))
		}
	case "stored":
		broken, tried = replay(*file, say), 1
	case "search":
		inquire(*opening, *depth)
		return
	default:
		fmt.Fprintf(os.Stderr, "oracle: unknown check %q: walks, levels, sim, stored or search\n", *check)
		os.Exit(2)
	}
	verdict := os.Stdout
	if *shrink { // it has the run
		verdict = os.Stderr
	}
	if broken != nil {
		fmt.Fprintf(verdict, "%s seed %d, %d tried in %v: %v\n", *check, *from+tried-1, tried, time.Since(began).Round(time.Millisecond), broken)
		os.Exit(1)
	}
	fmt.Fprintf(verdict, "%s seeds %d to %d in %v: nothing broken\n", *check, *from, *from+tried-1, time.Since(began).Round(time.Millisecond))
}

// beginnings are all openings, or the one of that name.
func beginnings[O any](name string, all func() []*O, named func(string) *O) []*O {
	if name == "" {
		return all()
	}
	return []*O{named(name)}
}

// simulate runs one seed of the simulator. Progress counts where nothing else is checked.
func simulate(seed uint64, only string, say func(string)) error {
	o := sim.Draw(seed)
	o.Only = only
	r := sim.Run(o, realNode, say)
	if r.Violation == nil || r.Outcome == sim.Liveness && only != "liveness" {
		return nil
	}
	return r.Violation
}

// replay repeats a stored run. What breaks must be what it says.
func replay(file string, say func(string)) error {
	s, err := sim.Load(file)
	if err != nil {
		fmt.Fprintf(os.Stderr, "oracle: %v\n", err)
		os.Exit(2)
	}
	v := s.Replay(realNode, say).Violation
	switch {
	case v == nil:
		return nil
	case v.Guarantee != s.Breaks:
		fmt.Fprintf(os.Stderr, "oracle: %s breaks %v, not %s\n", file, v, s.Breaks)
		os.Exit(2)
	}
	return v
}

func realNode(c control.Config) sim.Node { return control.New(c) }

// inquire makes the inquiries, or those from one opening.
func inquire(opening string, depth int) {
	for _, q := range explore.Inquiries() {
		if opening != "" && q.Opening != opening {
			continue
		}
		if depth > 0 {
			q.Depth = depth
		}
		began := time.Now()
		r := q.Run()
		fmt.Printf("%v: %d events deep (the end: %v), %d states in %v\n", &q, r.Depth, r.Whole, r.States, time.Since(began).Round(time.Millisecond))
		if r.Violation != nil {
			fmt.Print(r.Story)
			os.Exit(1)
		}
	}
}
