package torture

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/flood"
	"rollcall/cmd/rollcall-lab/stalls"
	"rollcall/control"
	"rollcall/view/publish"
)

// second is where the scenario of these tests begins.
const second = control.Time(time.Second)

func installed(at control.Time, from, to uint64, hash string, removed ...string) publish.EventDocument {
	return publish.EventDocument{
		Kind: "installed", AtNS: uint64(at), Instance: 1, From: from, To: to, Hash: hash, Removed: removed,
		LastEvidenceNS: uint64(at) - 50e6, VerdictNS: uint64(at) - 1e6, CommitNS: uint64(at), InstallNS: uint64(at), Leader: "n01",
	}
}

func TestAudit(t *testing.T) {
	follower := func(e publish.EventDocument) publish.EventDocument { // tells no reasons
		e.LastEvidenceNS, e.VerdictNS, e.CommitNS = 0, 0, 0
		e.InstallNS += 5e5
		return e
	}
	before := installed(second-1, 1, 2, "aa", "n09")
	crashed := installed(second+60e6, 2, 3, "bb", "n08")
	alive := installed(second+200e6, 3, 4, "cc", "n03")
	cut := installed(second+300e6, 4, 5, "dd", "n04")
	late := installed(second+900e6, 2, 5, "dd", "n08", "n03", "n04") // caught up
	elected := publish.EventDocument{Kind: "elected", AtNS: uint64(second + 1), Instance: 1, Ballot: "0.2.1"}
	a := audit(map[string][]publish.EventDocument{
		"n01": {before, elected, crashed, alive, cut},
		"n02": {follower(crashed), follower(alive), elected, follower(cut)},
		"n05": {late},
	}, second, []crash{{victim: "n08", fault: second + 1e6, back: second + 100e6}}, func(r *removal) bool { return r.node == "n04" })
	if len(a.live) != 1 || a.live[0].node != "n03" || a.live[0].VerdictNS == 0 || len(a.excused) != 1 || a.excused[0].node != "n04" {
		t.Errorf("live %+v, excused %+v", a.live, a.excused)
	}
	if a.views != 3 || len(a.elected) != 1 || len(a.splits) != 0 {
		t.Errorf("%d views, %d elections, splits %v; want 3, 1, none", a.views, len(a.elected), a.splits)
	}
}

// A removal is a crash's only from its fault on, and not long after its return.
func TestCrashExplains(t *testing.T) {
	c := crash{victim: "n08", fault: second, back: second.Add(time.Second)}
	for _, tc := range []struct {
		node string
		at   control.Time
		want bool
	}{
		{"n08", second + 50e6, true},
		{"n08", second - 1, false},
		{"n07", second + 50e6, false},
		{"n08", second.Add(2 * time.Second), true},
		{"n08", second.Add(time.Minute), false},
	} {
		r := removal{tc.node, installed(tc.at, 2, 3, "bb", tc.node)}
		if got := c.explains(&r); got != tc.want {
			t.Errorf("%s at %d: %v", tc.node, tc.at, got)
		}
	}
}

// A crash takes one removal: who is removed once more after its return was alive.
func TestAuditAfterReturn(t *testing.T) {
	gone, again := installed(second+60e6, 1, 2, "bb", "n08"), installed(second+900e6, 3, 4, "dd", "n08")
	a := audit(map[string][]publish.EventDocument{"n01": {gone, again}}, second,
		[]crash{{victim: "n08", fault: second + 1e6, back: second + 100e6}}, func(*removal) bool { return false })
	if len(a.live) != 1 || a.live[0].To != 4 {
		t.Errorf("live %+v", a.live)
	}
}

func TestAuditSeesSplits(t *testing.T) {
	a := audit(map[string][]publish.EventDocument{
		"n01": {installed(second-1, 1, 2, "aa")},
		"n02": {installed(second-1, 1, 2, "ab")},
		"n03": {installed(second+1, 2, 3, "bb")},
	}, second, nil, func(*removal) bool { return false })
	if len(a.splits) != 1 || !strings.Contains(a.splits[0], "view 1.2") {
		t.Errorf("splits %v", a.splits)
	}
}

// judged is the result of a removal of n03 and a crash of n08.
func judged(o cluster.Options, late ...stalls.Lateness) *result {
	r := &result{options: o, began: second, stalls: stalls.Recorded(late...)}
	r.crashes = []crash{{victim: "n08", fault: second, found: second.Add(9 * o.Interval)}}
	gone := installed(second.Add(9*o.Interval), 2, 3, "bb", "n08")
	gone.Removed = append(gone.Removed, "n03")
	gone.LastEvidenceNS = uint64(second.Add(4 * o.Interval))
	r.judge(map[string][]publish.EventDocument{"n01": {gone}})
	return r
}

// What a stall of the host explains is told; what none does is wrong, and at long intervals
// no stall explains a removal, and none a crash that was noticed later than by the stall.
func TestJudge(t *testing.T) {
	quick, slow := cluster.Options{Interval: time.Millisecond, Rounds: 5}, cluster.Options{Interval: 10 * time.Millisecond, Rounds: 5}
	for name, tc := range map[string]struct {
		got         *result
		wrong, told int
	}{
		"quick, no stall":    {judged(quick), 1, 1},
		"quick, a short one": {judged(quick, stalls.Lateness{At: second.Add(5 * time.Millisecond), By: time.Millisecond}), 1, 1},
		"quick, k-2 rounds":  {judged(quick, stalls.Lateness{At: second.Add(5 * time.Millisecond), By: 3 * time.Millisecond}), 1, 1},
		"quick, k-1 rounds":  {judged(quick, stalls.Lateness{At: second.Add(5 * time.Millisecond), By: 4 * time.Millisecond}), 0, 2},
		"quick, one before":  {judged(quick, stalls.Lateness{At: second - 9e6, By: 4 * time.Millisecond}), 1, 1},
		"slow, a short one":  {judged(slow, stalls.Lateness{At: second.Add(50 * time.Millisecond), By: 9 * time.Millisecond}), 2, 0},
		"slow, a long one":   {judged(slow, stalls.Lateness{At: second.Add(50 * time.Millisecond), By: 60 * time.Millisecond}), 1, 1},
		"slow, none":         {judged(slow), 2, 0},
	} {
		if len(tc.got.wrong) != tc.wrong || len(tc.got.told) != tc.told || len(tc.got.excuses) != tc.told {
			t.Errorf("%s: wrong %q, told %q", name, tc.got.wrong, tc.got.told)
		}
	}
}

// A scenario in which nobody crashed shows nothing of crashes.
func TestJudgeWantsCrash(t *testing.T) {
	r := &result{options: cluster.Options{Interval: 10 * time.Millisecond, Rounds: 5}, began: second, stalls: stalls.Recorded()}
	if r.judge(nil); len(r.wrong) != 1 {
		t.Errorf("wrong %q", r.wrong)
	}
}

// A flood is lost on the way, or served, where what was sent was not counted as refused.
func TestFloodCounted(t *testing.T) {
	for _, tc := range []struct {
		sent, refused, taken uint64
		ok                   bool
	}{{100, 100, 7, true}, {100, 96, 0, true}, {100, 80, 0, false}, {100, 0, 100, false}, {0, 0, 9, false}} {
		r := flood.Result{Sent: tc.sent, Counted: map[string]uint64{"bad_tag": tc.refused, "beat_taken": tc.taken}}
		if err := counted("forged", &r); (err == nil) != tc.ok {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

func TestDemanded(t *testing.T) {
	for during, want := range map[time.Duration]int{time.Hour: 100, time.Minute: 100, 31500 * time.Millisecond: 50, 5 * time.Second: 3, time.Second: 1} {
		if got := demanded(during); got != want {
			t.Errorf("in %v %d, want %d", during, got, want)
		}
	}
}

// A verdict may wait for a new leader where the fault or a stall took the lead from the old one, but not for ever.
func TestVerdictWaitsForLeader(t *testing.T) {
	o := cluster.Options{Interval: 10 * time.Millisecond, Rounds: 5}
	for intervals, wrong := range map[time.Duration]int{20: 0, 40: 1} {
		for _, tc := range []struct {
			elected   control.Time
			movesLead bool
			stall     time.Duration
			excused   bool
		}{
			{second + 50e6, true, 0, true},
			{second - 50e6, true, 0, false},
			{second + 50e6, false, 0, false},
			{second + 50e6, false, 40 * time.Millisecond, true},
		} {
			r := &result{scenario: scenario{movesLead: tc.movesLead}, options: o, began: second - 100e6}
			r.stalls = stalls.Recorded(stalls.Lateness{At: second + 45e6, By: tc.stall})
			r.crashes = []crash{{victim: "n08", fault: second, found: second.Add(intervals * o.Interval)}}
			r.judge(map[string][]publish.EventDocument{"n01": {{Kind: "elected", AtNS: uint64(tc.elected), Instance: 1, Ballot: "1.2.1"}}})
			want := wrong
			if !tc.excused {
				want = 1
			}
			if len(r.wrong) != want {
				t.Errorf("after %d intervals, %+v: %q", intervals, tc, r.wrong)
			}
		}
	}
}

func TestScenariosHaveNames(t *testing.T) {
	var names []string
	for _, s := range scenarios() {
		if s.run == nil || s.name == "" || slices.Contains(names, s.name) {
			t.Errorf("scenario %q", s.name)
		}
		names = append(names, s.name)
	}
}

func TestResultLine(t *testing.T) {
	r := judged(cluster.Options{Interval: time.Millisecond, Rounds: 5})
	r.name, r.counters = "trouble", map[string]int{"restarts": 3}
	var b strings.Builder
	r.print(&b, true)
	for _, want := range []string{"trouble", "9.0", "WRONG, 3 restarts; 1.00 ms late for n08 not judged at 1ms", "n03 removed from view 1.3 by n01", "decided on after 9.0 intervals"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

// Only who may be removed may be put in quarantine, and who was removed so often must be.
func TestQuarantines(t *testing.T) {
	event := func(kind, node string) publish.EventDocument {
		return publish.EventDocument{Kind: kind, AtNS: uint64(second + 1), Nodes: []string{node}}
	}
	removed := func(n int) *account {
		var a account
		for range n {
			a.excused = append(a.excused, removal{node: "n04"})
		}
		return &a
	}
	held, again := event("quarantined", "n04"), event("readmitted", "n04")
	early := held
	early.AtNS = uint64(second - 1)
	for _, c := range []struct {
		what     string
		events   []publish.EventDocument
		removals int
		flapped  int
		wrong    string
	}{
		{"removed twice", nil, 2, 0, ""},
		{"held", []publish.EventDocument{held, held}, 3, 1, ""},
		{"held for removals before", []publish.EventDocument{held}, 1, 1, ""},
		{"not held", []publish.EventDocument{early}, 3, 0, "not held"},
		{"held and removed again", []publish.EventDocument{held}, 4, 1, "though"},
		{"held and readmitted", []publish.EventDocument{held, again}, 4, 1, ""},
		{"a crashed one held", []publish.EventDocument{event("quarantined", "n08")}, 0, 0, ""},
		{"probation failed", []publish.EventDocument{event("probation", "n04")}, 1, 0, ""},
		{"readmitted, and never held", []publish.EventDocument{event("readmitted", "n05")}, 0, 0, ""},
		{"another one held", []publish.EventDocument{event("quarantined", "n05")}, 0, 0, "n05 was put"},
	} {
		list, wrong := quarantines(map[string][]publish.EventDocument{"n01": c.events, "n02": nil}, second, 3, removed(c.removals), []crash{{victim: "n08"}}, []string{"n04"})
		if len(list) != c.flapped || (c.wrong == "") != (len(wrong) == 0) || !strings.Contains(strings.Join(wrong, ";"), c.wrong) {
			t.Errorf("%s: flapped %v, wrong %q", c.what, list, wrong)
		}
	}
}

func TestQuarantineIsTold(t *testing.T) {
	for removals, want := range map[int]string{
		1: "n05 quarantined after 3 removals, 1 of them in this scenario",
		3: "n05 quarantined after 3 removals",
		5: "n05 quarantined after 3 removals, removed 5 times in all",
	} {
		if got := (flapped{"n05", removals}).describe(3); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
