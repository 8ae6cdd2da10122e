package scale

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	nodes = flag.String("nodes", "1950", "sizes of the table, of 1000, 1950, 2000, 9408, 63488, 100000, 1000000")
	each  = flag.Bool("each", false, "simulate idle groups beat by beat, too")
	which = flag.String("faults", "", "only those of the table's faults whose name this regular expression matches")
	every = flag.Duration("interval", 0, "between rounds; 0: that of profile safe")
	seed  = flag.Uint64("seed", 1, "which run")
)

// TestTable prints the table, and checks of every size what must not depend on it.
func TestTable(t *testing.T) {
	row := func(string) {}
	if testing.Verbose() {
		row = func(line string) { os.Stdout.WriteString(line) }
	}
	chosen, err := regexp.Compile(*which)
	if err != nil {
		t.Fatal(err)
	}
	matched := slices.DeleteFunc(slices.Clone(Faults), func(f Fault) bool { return !chosen.MatchString(f.Name) })
	row(Header)
	for _, n := range strings.Split(*nodes, ",") {
		known := false
		for _, s := range Shapes {
			if strconv.Itoa(s.Nodes()) != n {
				continue
			}
			known = true
			o := Options{Shape: s, Seed: *seed, EachBeat: *each, Interval: *every, PutAway: s.Nodes() >= awayFrom, Newcomer: s.Nodes() >= newcomersFrom}
			table, err := Measure(o, told(s, matched), row)
			if err != nil {
				t.Fatalf("%s nodes: %v", n, err)
			}
			t.Log(table.Cost())
			table.judge(t)
			if beside := table.Beside(); beside != "" {
				row("\n" + beside + "\n" + Header)
			}
		}
		if !known {
			t.Errorf("no cluster of %q nodes: see Shapes", n)
		}
	}
}

// From so many nodes on agents at rest are put away, those of newcomers are not even started, and there
// is no row of a fault that lingers: its views come one by one, and telling everybody of each takes time that
// grows with the square of the cluster.
const (
	awayFrom      = 50_000
	newcomersFrom = 100_000
	noneLingers   = 1_000_000
)

// told are those faults that have a row.
func told(s Shape, all []Fault) (l []Fault) {
	for _, f := range all {
		if !f.Lingers || s.Nodes() < noneLingers {
			l = append(l, f)
		}
	}
	return l
}

// judge checks what is promised of a cluster of any size.
func (t *Table) judge(tt *testing.T) {
	tt.Helper()
	for i := range t.Faults {
		r := &t.Faults[i]
		if r.Lingers {
			// each is removed once at most, and leaders among them hand over
			if most := r.Struck + r.Struck/4 + 2; r.Views > most {
				tt.Errorf("%d nodes, %s: %d views for %d nodes, want at most %d", t.Nodes(), r.Fault, r.Views, r.Struck, most)
			}
		} else if r.Took < 0 {
			tt.Errorf("%d nodes, %s: not shown by all in time", t.Nodes(), r.Fault)
		} else if most := t.most(r); r.Took > most {
			tt.Errorf("%d nodes, %s: told everywhere after %v, want %v at most", t.Nodes(), r.Fault, r.Took, most)
		}
		if r.Wronged > 0 {
			tt.Errorf("%d nodes, %s: %d nodes that nothing befell were left out of a view", t.Nodes(), r.Fault, r.Wronged)
		}
	}
	// The members of a group of the largest size answer its leader, which answers the root, and so on.
	most := 2 * float64(t.PerGroup+t.Groups+t.Branches+8*int(t.Top())) * float64(time.Second) / float64(t.Interval)
	if rest := float64(t.Rest.Largest.messages) / t.Rest.Window.Seconds(); rest > most {
		tt.Errorf("%d nodes: one sends and receives %.0f messages a second at rest, want at most %.0f", t.Nodes(), rest, most)
	}
	if m, _ := t.Rate(&t.Rest); m > 2.2*float64(time.Second)/float64(t.Interval) {
		tt.Errorf("%d nodes: each sends %.1f messages a second at rest", t.Nodes(), m)
	}
}

// most is how long it may take until the last node shows the view after a fault, of which only levels and
// timing options tell, not nodes. The highest level that has to notice somebody's silence is that above
// the highest that lost a leader, or the top. There a member is silent for k rounds, which double with every level; the
// cut waits for half as many more while others are in doubt, and a leader that is deaf beats for k before those below
// it hear that it is silent. An interval goes for where in a round the fault happens, one for the vote, and one at
// every level, since what comes within an interval after a view goes in one more.
func (t *Table) most(r *Result) time.Duration {
	level := 0
	for l, n := range r.Led[:t.Top()+1] {
		if n > 0 {
			level = min(l+1, int(t.Top()))
		}
	}
	return time.Duration(2*(rounds<<level)+2+int(t.Top())+1) * t.Interval
}

// small are the faults whose outcome does not rest on chance in a small cluster.
func small() []Fault { return Faults[:5] }

// TestGrowth: four times the nodes, in groups of the same size, the same at three levels, and with agents
// put away, which is to change nothing. What holds does of the worst of several runs.
func TestGrowth(t *testing.T) {
	few, many, three := Shape{1, 8, 25}, Shape{1, 32, 25}, Shape{4, 8, 25}
	base := worst(t, Options{Shape: few})
	for _, larger := range []Options{{Shape: many}, {Shape: three}, {Shape: three, PutAway: true}, {Shape: three, PutAway: true, Newcomer: true}} {
		w := worst(t, larger)
		if w.steps > 1.25*base.steps {
			t.Errorf("to start, an agent of %d nodes takes %.1f steps, of %d %.1f", few.Nodes(), base.steps, larger.Nodes(), w.steps)
		}
		if w.messages > 1.1*base.messages || w.bytes > 1.1*base.bytes {
			t.Errorf("at rest a node of %d sends %.2f messages and %.0f bytes a second, of %d %.2f and %.0f", few.Nodes(), base.messages, base.bytes, larger.Nodes(), w.messages, w.bytes)
		}
		for i, took := range w.took {
			// The beats of groups are not in step: detection takes an interval more or less, and
			// each level tells what goes within an interval after a view in one more.
			most := base.took[i] + 2*w.interval + time.Duration(larger.Top()-few.Top())*w.interval
			if larger.Shape == three { // who leads a branch may be struck, and rounds double with every level
				most += 2 * w.interval * rounds
			}
			if took > most {
				t.Errorf("%s: told everywhere after %v in %d nodes, after %v in %d of %d levels", small()[i].Name, base.took[i], few.Nodes(), took, larger.Nodes(), larger.Top()+1)
			}
		}
	}
}

// slowest is the worst of several runs of one cluster: at rest, and from each fault to the last view.
type slowest struct {
	messages, bytes float64 // a node and second, at rest
	steps           float64 // a node, of the start
	interval        time.Duration
	took            []time.Duration
}

func worst(t *testing.T, o Options) (w slowest) {
	t.Helper()
	w.took = make([]time.Duration, len(small()))
	for run := range uint64(3) {
		o.Seed = *seed + run
		table := measure(t, o, small())
		m, b := table.Rate(&table.Rest)
		w.steps = max(w.steps, float64(table.Start.Steps)/float64(o.Nodes()))
		w.messages, w.bytes, w.interval = max(w.messages, m), max(w.bytes, b), table.Interval
		for i := range table.Faults {
			w.took[i] = max(w.took[i], table.Faults[i].Took)
		}
	}
	return w
}

func measure(t *testing.T, o Options, faults []Fault) *Table {
	t.Helper()
	table, err := Measure(o, faults, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	table.judge(t)
	return table
}

// TestModel: with idle groups computed, everything is as with each of their beats simulated.
func TestModel(t *testing.T) {
	for _, s := range []Shape{{1, 8, 16}, {3, 3, 8}} {
		model, err := Measure(Options{Shape: s, Seed: *seed}, Faults, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		beats, err := Measure(Options{Shape: s, Seed: *seed, EachBeat: true}, Faults, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		all := func(t *Table) []Result { return append([]Result{t.Start, t.Rest}, t.Faults...) }
		for i, m := range all(model) {
			b := all(beats)[i]
			if m.Cost, m.Steps, b.Cost, b.Steps = 0, 0, 0, 0; m != b {
				t.Errorf("%d nodes, %s:\n%+v\nby the model, beat by beat\n%+v", s.Nodes(), m.Fault, m, b)
			}
		}
		if model.Rest.Steps >= beats.Rest.Steps {
			t.Errorf("%d nodes at rest: %d steps by the model, %d beat by beat", s.Nodes(), model.Rest.Steps, beats.Rest.Steps)
		}
	}
}
