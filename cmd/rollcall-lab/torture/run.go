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
	Upgrade   string // path of another build of rollcalld, to which daemons are upgraded; empty: none
	Elections bool   // tell of each
	Lenient   bool   // tell of violations, but do not call them an error: for what is expected to fail
}

// priority is above that of the loads and of the daemons, below that of who records stalls.
const priority = 60

// Prepare raises this process above what it is going to start.
func Prepare() error { return schedule.RoundRobin(priority).Process() }

// Run goes through all scenarios on one cluster and prints a line about each. The error says
// how many were not lived through as they must be.
func Run(ctx context.Context, out io.Writer, p Plan, recorder *stalls.Recorder) (err error) {
	if err := p.find(); err != nil {
		return err
	}
	s := stand{plan: p, recorder: recorder}
	defer func() { err = errors.Join(err, s.down()) }()
	head(out, p)
	failed := 0
	for _, scenario := range p.chosen() {
		r, err := s.endure(ctx, scenario)
		if err != nil {
			return err
		}
		r.print(out, p.Elections)
		if len(r.wrong) > 0 {
			failed++
		}
	}
	if failed > 0 && !p.Lenient {
		return fmt.Errorf("%d scenarios were not lived through", failed)
	}
	return nil
}

// find sees to it that the programs of the plan are there.
func (p *Plan) find() (err error) {
	if _, err = peerProgram(p.Peer); err == nil {
		p.Upgrade, err = upgrade(p.Upgrade)
	}
	return err
}

// chosen are the scenarios of the plan.
func (p *Plan) chosen() []scenario {
	return slices.DeleteFunc(scenarios(), func(s scenario) bool {
		return p.Scenarios != nil && !p.Scenarios.MatchString(s.name)
	})
}

// stand is a cluster that is kept from scenario to scenario, as long as it lives through them.
type stand struct {
	plan     Plan
	recorder *stalls.Recorder
	target   *target
}

// endure lets the cluster go through one more scenario. The error says that there is no cluster, or that
// ctx has ended.
func (s *stand) endure(ctx context.Context, next scenario) (r *result, err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if s.target == nil {
		if s.target, err = up(s.plan); err != nil {
			return nil, err
		}
	}
	if r = endure(ctx, s.target, next, s.plan, s.recorder); len(r.wrong) > 0 {
		err = s.down() // the next one deserves a cluster that is well
	}
	return r, err
}

func (s *stand) down() error {
	err := s.target.down()
	s.target = nil
	return err
}

// target is what lives through scenarios, one after the other.
type target struct {
	cluster *cluster.Cluster
	watch   *cluster.Watch
	peers   *peers
}

func up(p Plan) (t *target, err error) {
	t = new(target)
	if t.cluster, err = cluster.Up(p.Options); err != nil {
		return nil, err
	}
	if t.watch, err = t.cluster.Watch(t.cluster.Names()...); err == nil {
		t.peers, err = startPeers(t.cluster, p.Peer)
	}
	if err != nil {
		return nil, errors.Join(err, t.down())
	}
	return t, nil
}

func (t *target) down() error {
	if t == nil {
		return nil
	}
	if t.watch != nil {
		t.watch.Stop()
	}
	t.peers.end(syscall.SIGKILL, t.cluster.Names()...)
	return t.cluster.Down()
}

// endure goes through one scenario.
func endure(ctx context.Context, t *target, s scenario, p Plan, recorder *stalls.Recorder) *result {
	f := &field{target: t, plan: p, counters: map[string]int{}}
	r := &result{scenario: s, options: t.cluster.Options(), stalls: recorder}
	fail := func(what string, err error) {
		if err != nil {
			r.wrong = append(r.wrong, fmt.Sprintf("%s: %v", what, err))
		}
	}
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
	stop := f.letBackIn(during, f.cluster.Names()[len(f.cluster.Names())-victims:]...) // what flaps there is the lab
	fail("crash", f.crashAlong(during, p.During))
	stop()
	cancel()
	fail("fault", <-done)
	fail("the nodes did not come together after", f.recover(ctx))
	r.ended = dataplane.Now()
	r.crashes, r.counters, r.outages = f.crashes, f.counters, f.outages
	r.judge(f.events())
	if t.peers != nil {
		fail("peers", t.peers.missing())
		r.compared = true
		r.peers = auditPeers(t.peers.removals(r.began), f.crashes, f.isTouched, f.outages.has)
	}
	return r
}
