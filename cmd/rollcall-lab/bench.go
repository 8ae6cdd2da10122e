package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/stalls"
	"rollcall/control"
	"rollcall/view/publish"
)

// benchPlan is what to measure: every number of nodes with every interval.
type benchPlan struct {
	nodes     []int
	intervals []time.Duration
	trials    int
	options   cluster.Options
}

// trialWithin bounds a crash and the victim's return.
const trialWithin = 30 * time.Second

func benchCommand() *cobra.Command {
	p := benchPlan{options: cluster.Options{Tied: true}}
	var intervals []string
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure crashes: detection and agreement, beside this machine's floor and stalls",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, s := range intervals {
				d, err := time.ParseDuration(s)
				if err != nil {
					return fmt.Errorf("--interval %q: write for example 10ms", s)
				}
				p.intervals = append(p.intervals, d)
			}
			return bench(c.Context(), c.OutOrStdout(), p)
		},
	}
	f := c.Flags()
	f.IntSliceVar(&p.nodes, "nodes", []int{8, 16, 32}, "how many nodes; several are measured in turn")
	f.StringSliceVar(&intervals, "interval", []string{"10ms", "1ms"}, "time between rounds; several are measured in turn")
	f.IntVar(&p.trials, "trials", 30, "crashes of each kind")
	f.IntVar(&p.options.Rounds, "rounds", 5, "unanswered rounds before a removal")
	f.StringVar(&p.options.Attach, "attach", "native", "how frames are served: native, tc, generic or socket")
	f.StringVar(&p.options.Daemon, "daemon", "", "path of rollcalld (default: beside this program, or in the PATH)")
	nameFlag(f, &p.options.Lab, "bench")
	return c
}

func bench(ctx context.Context, out io.Writer, p benchPlan) error {
	if p.trials < 1 {
		return fmt.Errorf("--trials %d: at least 1", p.trials)
	}
	s := stalls.Record()
	defer s.Stop()
	for _, interval := range p.intervals {
		for _, nodes := range p.nodes {
			o := p.options
			o.Nodes, o.Interval = nodes, interval
			r, err := measure(ctx, out, o, p.trials, s)
			if err != nil {
				return fmt.Errorf("%d nodes, %v x %d: %w", nodes, interval, o.Rounds, err)
			}
			if err := r.print(out); err != nil {
				return err
			}
		}
	}
	return nil
}

// trial is one crash of a member.
type trial struct {
	victim  string
	removal *cluster.Removal
	stall   time.Duration // the machine's worst meanwhile
}

// result is what was measured of one kind of cluster.
type result struct {
	options cluster.Options
	trials  []trial
	floor   sample // of exchanges an interval apart
	best    sample // of exchanges back to back
	stalls  sample
}

// measure makes a cluster, crashes one member after the other, and brings each back.
func measure(ctx context.Context, out io.Writer, o cluster.Options, trials int, s *stalls.Recorder) (r *result, err error) {
	if o.Nodes < 3 {
		return nil, errors.New("at least 3 nodes")
	}
	s.Reset()
	c, d, err := stand(ctx, out, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Down()) }()
	w, err := c.Watch(c.Names()...)
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	r = &result{options: c.Options()}
	if r.floor, err = floor(c, d, r.options.Interval); err != nil {
		return nil, err
	}
	if r.best, err = floor(c, d, 0); err != nil {
		return nil, err
	}
	for i := range trials {
		victim := c.Names()[i%o.Nodes]
		if victim == d.Leader {
			victim = c.Names()[(i+1)%o.Nodes]
		}
		t := trial{victim: victim}
		if t.removal, d, err = crashAndBoot(ctx, c, w, victim); err != nil {
			return nil, fmt.Errorf("trial %d, crash of %s: %w", i+1, victim, err)
		}
		t.stall = s.Worst(t.removal.Fault, t.removal.Last().At)
		r.trials = append(r.trials, t)
	}
	r.stalls = s.All()
	return r, nil
}

func crashAndBoot(ctx context.Context, c *cluster.Cluster, w *cluster.Watch, victim string) (*cluster.Removal, *publish.Document, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, trialWithin, fmt.Errorf("not within %v", trialWithin))
	defer cancel()
	survivors := slices.DeleteFunc(slices.Clone(c.Names()), func(n string) bool { return n == victim })
	fault, err := c.Crash(victim)
	if err != nil {
		return nil, nil, err
	}
	removal, err := w.Removed(ctx, fault, []string{victim}, survivors)
	if err != nil {
		return nil, nil, err
	}
	if err := c.Clear(victim); err != nil {
		return nil, nil, err
	}
	if err := c.Boot(victim); err != nil {
		return nil, nil, err
	}
	d, err := w.Agreed(ctx, c.Names()...)
	return removal, d, err
}

// of measures something in every trial.
func (r *result) of(f func(*cluster.Removal) time.Duration) sample {
	var s sample
	for _, t := range r.trials {
		s = append(s, f(t.removal))
	}
	return s
}

func (r *result) first() sample {
	return r.of(func(m *cluster.Removal) time.Duration { return m.Since(m.First().At) })
}

func (r *result) last() sample {
	return r.of(func(m *cluster.Removal) time.Duration { return m.Since(m.Last().At) })
}

func (r *result) decision() sample {
	return r.of(func(m *cluster.Removal) time.Duration {
		return control.Time(m.Record.CommitNS).Since(control.Time(m.Record.VerdictNS))
	})
}

func (r *result) spread() sample {
	return r.of(func(m *cluster.Removal) time.Duration { return m.Last().At.Since(control.Time(m.Record.VerdictNS)) })
}

// bound is within what time the last survivor should have the view.
func (r *result) bound() time.Duration {
	return time.Duration(r.options.Rounds+2)*r.options.Interval + 2*time.Millisecond
}

func (r *result) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d nodes, %v x %d, %d crashes\tp50\tp90\tmax\t\n", r.options.Nodes, r.options.Interval, r.options.Rounds, len(r.trials))
	for _, row := range []struct {
		what string
		of   sample
	}{
		{"crash to first survivor", r.first()},
		{"crash to last survivor", r.last()},
		{"verdict to commit", r.decision()},
		{"verdict to last survivor", r.spread()},
		{fmt.Sprintf("floor: %d probes and answers, once an interval", r.options.Nodes-1), r.floor},
		{"the same, back to back", r.best},
		{"this machine's timer stalls", r.stalls},
	} {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", row.what, milliseconds(row.of.at(0.5)), milliseconds(row.of.at(0.9)), milliseconds(row.of.at(1)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "last survivor within %s at p90: %s; verdict to commit within twice the floor at p50: %s\n",
		milliseconds(r.bound()), yes(r.last().at(0.9) <= r.bound()), yes(r.decision().at(0.5) <= 2*r.floor.at(0.5)))
	for i, t := range r.trials {
		took := t.removal.Since(t.removal.Last().At)
		if took > r.bound() {
			fmt.Fprintf(out, "outlier: crash %d, of %s: last survivor after %s; longest stall meanwhile %s\n",
				i+1, t.victim, milliseconds(took), milliseconds(t.stall))
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}
