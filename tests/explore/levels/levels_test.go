package levels

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"rollcall/tests/explore/search"
)

// fixedWalks is how many walks a plain run takes at most.
const fixedWalks = 300

var (
	flagSeed    = flag.Uint64("seed", 1, "first seed of the walks; 0: a fresh one")
	flagSeconds = flag.Float64("seconds", 10, "how long to walk")
)

// TestSearch makes all inquiries.
func TestSearch(t *testing.T) {
	for _, q := range Inquiries() {
		t.Run(q.Opening, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			r := q.Run()
			t.Logf("%v: %d events deep, %d states, %d events, %v", &q, r.Depth, r.States, r.Events, time.Since(began).Round(time.Millisecond))
			if r.Violation != nil {
				t.Fatal(r.Story)
			}
		})
	}
}

// TestWalks walks at random from all openings.
func TestWalks(t *testing.T) {
	from := *flagSeed
	if from == 0 {
		from = rand.Uint64() >> 20
	}
	most := uint64(1 << 40)
	if from == 1 {
		most = fixedWalks // the same every time, however fast the machine
	}
	tried, r := Walks(Openings(), from, most, time.Duration(*flagSeconds*float64(time.Second)), "", nil)
	t.Logf("%d walks from seed %d: %d events, %d views decided", tried, from, r.Events, r.Views)
	if r.Violation != nil {
		t.Fatalf("seed %d: %v\nreplay: go run ./tests/mutants/oracle -check levels -from %d -seeds 1 -trace", from+tried-1, r.Violation, from+tried-1)
	}
}

// TestWalksLead is a check of the walks: from each opening they must get somewhere.
func TestWalksLead(t *testing.T) {
	for _, o := range Openings() {
		_, r := Walks([]*Opening{o}, 1, 20, time.Hour, "", nil)
		t.Logf("%s: %d views decided in 20 walks", o.Name, r.Views)
		if r.Views < 10 {
			t.Errorf("%s leads nowhere: %d views decided in 20 walks", o.Name, r.Views)
		}
	}
}

// TestSearchIsReal: the worlds that a search composes of states of hosts are those that come of
// doing the same in one world.
func TestSearchIsReal(t *testing.T) {
	for _, o := range Openings() {
		for seed := range uint64(2) {
			if err := search.Verify(o.World(), anything(), rand.New(rand.NewPCG(seed, 4)), 25); err != nil {
				t.Fatalf("%s, seed %d, %v", o.Name, seed, err)
			}
		}
	}
}

// TestClonesPart: what happens to a copy does not happen to the original, and two worlds to
// which the same happened are the same.
func TestClonesPart(t *testing.T) {
	digest := func(w *World) (l []uint64) {
		for _, h := range w.hosts {
			h.sum = 0
			l = append(l, h.Digest())
		}
		return append(l, w.ledger.Digest())
	}
	equal := func(a, b []uint64) bool {
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	for _, o := range Openings() {
		w := o.World()
		before := digest(w)
		for seed := range uint64(5) {
			a, b := w.Clone(), w.Clone()
			search.Walk(a, weights, rand.New(rand.NewPCG(seed, 2)), 200)
			half := a.Clone()
			search.Walk(b, weights, rand.New(rand.NewPCG(seed, 2)), 200)
			was := digest(a)
			if !equal(was, digest(b)) {
				t.Fatalf("%s, seed %d: the same events, other worlds", o.Name, seed)
			}
			search.Walk(half, weights, rand.New(rand.NewPCG(seed, 3)), 200)
			if !equal(was, digest(a)) {
				t.Fatalf("%s, seed %d: a copy changed the original", o.Name, seed)
			}
		}
		if !equal(before, digest(w)) {
			t.Fatalf("%s: walks changed it", o.Name)
		}
	}
}
