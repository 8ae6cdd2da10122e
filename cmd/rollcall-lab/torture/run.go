package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"syscall"
	"time"

	"rollcall/cmd/internal/schedule"
	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/stalls"
	"rollcall/dataplane"
)

// Plan is what to go through.
type Plan struct {
	Options   cluster.Options
	During    time.Duration // each scenario
	Scenarios *regexp.Regexp
	Peer      string // path of the program to compare with; empty: none
	Lenient   bool   // tell of violations, but do not call them an error: for what is expected to fail
}

// priority is above that of the loads and of the daemons, below that of who records stalls.
const priority = 60

// Prepare raises this process above what it is going to start.
func Prepare() error { return schedule.RoundRobin(priority).Process() }

// Run goes through all scenarios on one cluster and prints a line about each. The error says
// how many were not lived through as they must be.
func Run(ctx context.Context, out io.Writer, p Plan, recorder *stalls.Recorder) (err error) {
	if err := peerProgram(p.Peer); err != nil {
		return err
	}
	var c *cluster.Cluster
	var others *peers
	down := func() error {
		if c == nil {
			return nil
		}
		others.end(syscall.SIGKILL, c.Names()...)
		err := c.Down()
		c, others = nil, nil
		return err
	}
	defer func() { err = errors.Join(err, down()) }()
	head(out, p)
	failed := 0
	for _, s := range scenarios() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if p.Scenarios != nil && !p.Scenarios.MatchString(s.name) {
			continue
		}
		if c == nil {
			if c, err = cluster.Up(p.Options); err != nil {
				return err
			}
			if others, err = startPeers(c, p.Peer); err != nil {
				return err
			}
		}
		r := endure(ctx, c, others, s, p, recorder)
		r.print(out)
		if len(r.wrong) == 0 {
			continue
		}
		failed++
		if err := down(); err != nil { // the next one deserves a cluster that is well
			return err
		}
	}
	if failed > 0 && !p.Lenient {
		return fmt.Errorf("%d scenarios were not lived through", failed)
	}
	return nil
}

// endure goes through one scenario.
func endure(ctx context.Context, c *cluster.Cluster, others *peers, s scenario, p Plan, recorder *stalls.Recorder) *result {
	f := &field{cluster: c, peers: others, counters: map[string]int{}}
	r := &result{name: s.name, options: c.Options(), stalls: recorder}
	fail := func(what string, err error) {
		if err != nil {
			r.wrong = append(r.wrong, fmt.Sprintf("%s: %v", what, err))
		}
	}
	var err error
	if f.watch, err = c.Watch(c.Names()...); err != nil {
		fail("watch", err)
		return r
	}
	defer f.watch.Stop()
	if err := f.recover(ctx); err != nil {
		fail("the nodes did not agree before", err)
		return r
	}
	recorder.Reset()
	r.began = dataplane.Now()
	during, cancel := context.WithTimeout(ctx, p.During)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.run(during, f) }()
	fail("crash", f.crashAlong(during, p.During))
	cancel()
	fail("fault", <-done)
	fail("the nodes did not come together after", f.recover(ctx))
	r.ended = dataplane.Now()
	r.crashes, r.counters, r.excused = f.crashes, f.counters, f.excused
	r.judge(f.events())
	if others != nil {
		fail("peers", others.missing())
		r.compared = true
		r.peers = auditPeers(others.removals(r.began), f.crashes, f.isTouched, func(n string) bool { return slices.Contains(f.excused, n) })
	}
	return r
}
