package explore

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"rollcall/control"
	"rollcall/tests/explore/search"
)

// fixedWalks is how many walks a plain run takes at most.
const fixedWalks = 20000

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
			t.Logf("%v: %d events deep (the end: %v), %d states, %d events, %v", &q, r.Depth, r.Whole, r.States, r.Events, time.Since(began).Round(time.Millisecond))
			if r.Violation != nil {
				t.Fatal(r.Story)
			}
			if r.Whole != q.Whole {
				t.Errorf("nothing more can happen: %v, want %v", r.Whole, q.Whole)
			}
		})
	}
}

// TestWalks walks at random from all openings, up to five hosts.
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
		t.Fatalf("seed %d: %v\nreplay: go run ./tests/mutants/oracle -from %d -seeds 1 -trace", from+tried-1, r.Violation, from+tried-1)
	}
}

// TestWalksLead is a check of the walks: they must get somewhere.
func TestWalksLead(t *testing.T) {
	for _, o := range Openings() {
		var views, ballots int
		for seed := range uint64(100) {
			w := o.World().Clone()
			before := len(w.ledger.decided)
			search.Walk(w, weights, rand.New(rand.NewPCG(seed, 1)), 150*len(w.hosts))
			views += len(w.ledger.decided) - before
			seen := map[uint64]bool{}
			for i := range w.ledger.proposals {
				seen[uint64(w.ledger.proposals[i].Ballot)] = true
			}
			ballots += len(seen)
		}
		t.Logf("%s: %.1f views decided and %.1f ballots a walk", o.Name, float64(views)/100, float64(ballots)/100)
		if views < 10 || ballots < 100 {
			t.Errorf("%s leads nowhere: %d views, %d ballots in 100 walks", o.Name, views, ballots)
		}
	}
}

// TestClonesPart: what happens to a copy does not happen to the original, and two worlds to
// which the same happened are the same.
func TestClonesPart(t *testing.T) {
	for _, o := range Openings() {
		w := o.World()
		before := w.Digest()
		for seed := range uint64(20) {
			a, b := w.Clone(), w.Clone()
			search.Walk(a, weights, rand.New(rand.NewPCG(seed, 2)), 200)
			half := a.Clone()
			search.Walk(b, weights, rand.New(rand.NewPCG(seed, 2)), 200)
			if a.Digest() != b.Digest() {
				t.Fatalf("%s, seed %d: the same events, other worlds", o.Name, seed)
			}
			was := a.Digest()
			search.Walk(half, weights, rand.New(rand.NewPCG(seed, 3)), 200)
			for _, h := range a.hosts {
				h.sum = 0
			}
			if a.Digest() != was {
				t.Fatalf("%s, seed %d: a copy changed the original", o.Name, seed)
			}
		}
		for _, h := range w.hosts {
			h.sum = 0
		}
		if w.Digest() != before {
			t.Fatalf("%s: walks changed it", o.Name)
		}
	}
}

// TestDigestSees: a digest differs with every part of a host's state that it should see.
func TestDigestSees(t *testing.T) {
	w := Named("three stand").World().Clone()
	was := w.hosts[0].Digest()
	for what, change := range map[string]func(h *host){
		"promise":     func(h *host) { h.reg.Promised++ },
		"accepted":    func(h *host) { h.reg.Accepted.Seq++ },
		"last answer": func(h *host) { h.members[1].EchoAt++ },
		"vote":        func(h *host) { h.asking.Votes.Set(5) },
		"wake":        func(h *host) { h.wakes++ },
		"record":      func(h *host) { h.record.Epoch++ },
		"node": func(h *host) {
			h.node.Step(h.clock, control.Input{Register: &h.reg, Tally: new(control.Tally), Order: control.OrderLeave})
		},
	} {
		c := w.Clone()
		h := c.own(0)
		h.node = nodes.Copy(h.node)
		change(h)
		if h.Digest() == was {
			t.Errorf("another %s, the same digest", what)
		}
	}
	c := w.Clone()
	h := c.own(0)
	h.reg.LeaseUntil++
	if h.Digest() != was {
		t.Error("a lease makes another state")
	}
}
