package sim

import (
	"testing"

	"rollcall/control"
)

// TestOutcomes: each class of a run's end is told from the others, and a panic is told whatever was looked for.
// TestCheckerOfProgress shows the one that is left.
func TestOutcomes(t *testing.T) {
	plain := func() Options {
		o := defaults(3)
		o.Plan = []Mishap{{Fault: faultIsolate, A: 0}}
		return o
	}
	finds := func(guarantee string) Options {
		o := plain()
		o.tamper = func(h *host, _ *control.Frame) { h.w.fail(guarantee, "found by the test") }
		return o
	}
	panics := func(c control.Config) Node {
		return &liar{Node: control.New(c), spoil: func(_ control.Time, in *control.Input, _ *control.Output) {
			if in.Register.Committed.Seq > 0 {
				panic("broken")
			}
		}}
	}
	looksForG1 := plain()
	looksForG1.Only = "G1"
	for _, c := range []struct {
		what    string
		options Options
		node    func(control.Config) Node
		want    Outcome
		broken  string
	}{
		{"honest nodes", plain(), realNode, Passed, ""},
		{"a broken guarantee", finds("G1"), realNode, Safety, "G1"},
		{"two instances in the way that is not covered", finds(notCovered), realNode, Uncovered, ""},
		{"a panic", plain(), panics, Crash, panicked},
		{"a panic where G1 is looked for", looksForG1, panics, Crash, panicked},
	} {
		broken := ""
		r := Run(c.options, c.node, nil)
		if r.Violation != nil {
			broken = r.Violation.Guarantee
		}
		if r.Outcome != c.want || broken != c.broken {
			t.Errorf("%s: %s, broken %q; want %s, %q", c.what, r.Outcome, broken, c.want, c.broken)
		}
	}
	for seed := uint64(1); ; seed++ {
		if r := Run(Draw(seed), realNode, nil); r.Outcome == Excused {
			if r.Violation != nil || r.Took == 0 {
				t.Errorf("seed %d: no progress was owed, and it ended after %v: %v", seed, r.Took, r.Violation)
			}
			break
		}
		if seed == fixed {
			t.Fatal("progress was owed in every run")
		}
	}
}
