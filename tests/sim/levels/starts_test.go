package levels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rollcall/view/hostlist"
)

// startsApart is how long after the one before a host may start.
const startsApart = 20 * time.Minute

// TestStartsApart: hosts start up to twenty minutes apart, in whatever order of nodes and groups. At every
// stage each that is up says what it waits for, or is in the view with all others.
func TestStartsApart(t *testing.T) {
	for seed := range uint64(6) {
		o := Story(3, 3)
		o.Seed, o.Interval = seed, time.Second
		w := New(t, o)
		random := rand.New(rand.NewPCG(seed, 2))
		order := random.Perm(len(w.hosts))
		switch seed { // founders are the first of each group
		case 0:
			slices.SortFunc(order, func(a, b int) int { return b%o.PerGroup - a%o.PerGroup })
		case 1:
			slices.SortFunc(order, func(a, b int) int { return a%o.PerGroup - b%o.PerGroup })
		}
		for _, i := range order {
			w.hosts[i].boot()
			w.Run(time.Minute+time.Duration(random.Int64N(int64(startsApart-time.Minute))), nil)
			w.stage()
		}
		if w.failed {
			t.Fatalf("seed %d, order %v", seed, order)
		}
	}
}

// stage looks at those that are up: what they wait for is what is missing.
func (w *World) stage() {
	w.t.Helper()
	var up []*host
	seen, missing := 0, []string(nil)
	for _, h := range w.hosts {
		founder := h == w.in(h.group)[0]
		switch {
		case h.up && founder:
			seen++
		case founder:
			missing = append(missing, h.name)
		}
		if h.up {
			up = append(up, h)
		}
	}
	others := ""
	if n := len(up) - seen; n > 0 {
		others = fmt.Sprintf("; nodes waiting: %d", n)
	}
	want := ""
	switch {
	case seen == 0:
		want = fmt.Sprintf("a founder: none of %d answers: %s", len(missing), hostlist.Fold(missing))
	case seen <= len(missing):
		want = fmt.Sprintf("no cluster yet: %d of %d founders heard, %d awaited: %s", seen, seen+len(missing), len(missing), hostlist.Fold(missing)) + others
	default:
		w.Stand(up, time.Second)
	}
	for _, h := range up {
		if got := h.agent.Status(h.clock(), &h.regs).Group.Awaiting; got != want {
			w.fail("contract", "%s awaits %q, want %q", h.name, got, want)
		}
	}
}
