package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/view/publish"
)

func TestSample(t *testing.T) {
	var s sample
	for i := 30; i > 0; i-- {
		s = append(s, time.Duration(i))
	}
	for _, tc := range []struct {
		q    float64
		want time.Duration
	}{{0.5, 15}, {0.9, 27}, {1, 30}, {0, 1}} {
		if got := s.at(tc.q); got != tc.want {
			t.Errorf("at %v: %d, want %d", tc.q, got, tc.want)
		}
	}
	if got := sample(nil).at(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	if got := (sample{7}).at(0.9); got != 7 {
		t.Errorf("of one: %v", got)
	}
}

func TestContextSwitchesGrow(t *testing.T) {
	before, err := contextSwitches(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		r, w, err := os.Pipe()
		if err == nil {
			w.Write([]byte("x"))
			r.Read(make([]byte, 1))
		}
		time.Sleep(time.Millisecond)
		close(done)
	}()
	<-done
	after, err := contextSwitches(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("%d, then %d, %v", before, after, err)
	}
	if _, err := contextSwitches(1 << 30); err == nil {
		t.Error("counted those of no process")
	}
}

func story4() *cluster.Removal {
	r := &cluster.Removal{
		Fault: 1_000_000,
		Record: publish.EventDocument{
			Instance: 1, From: 3, To: 4, Hash: "00000000000000aa", Ballot: "0.1.0", Leader: "n01", Removed: []string{"n04"},
			Why: "5 rounds unanswered", RoundsUsed: 1, LastEvidenceNS: 4_000_000, VerdictNS: 52_000_000, CommitNS: 52_250_000,
		},
		Installs: []cluster.Install{{Node: "n01", At: 52_300_000}, {Node: "n02", At: 53_000_000}},
	}
	r.Epoch = r.Record
	return r
}

func TestTimeline(t *testing.T) {
	var b bytes.Buffer
	if err := timeline(&b, story4(), cluster.Exchange{Rounds: 1, Beats: 2, Echoes: 2}); err != nil {
		t.Fatal(err)
	}
	const want = `  fault                 0.00 ms  link closed, daemon killed
  first missed round    3.00 ms  sent by n01
  verdict              51.00 ms  5 rounds unanswered
  committed            51.25 ms  view 1.4 after 1.3, ballot 0.1.0
  first survivor       51.30 ms  n01
  last survivor        52.00 ms  n02, of 2 with the same hash 00000000000000aa
  rounds used                 1  2 beats with the proposal, 2 echoes with a vote: 1 round
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
}

func TestGroupsTimeline(t *testing.T) {
	r := story4()
	r.Record.Group, r.Record.Top = 3, false
	r.Epoch = publish.EventDocument{
		Instance: 1, Level: 1, Top: true, From: 8, To: 9, Hash: "00000000000000bb", Ballot: "0.2.249", Leader: "n09",
		Removed: []string{"n04"}, Why: "group 3 removed members", RoundsUsed: 1, VerdictNS: 52_260_000, CommitNS: 52_290_000,
	}
	var b bytes.Buffer
	if err := groupsTimeline(&b, r); err != nil {
		t.Fatal(err)
	}
	const want = `  fault                     0.00 ms  link closed, daemon killed
  first missed round        3.00 ms  sent by n01
  verdict                  51.00 ms  5 rounds unanswered
  committed in the group   51.25 ms  number 4 of group 3 after 3, ballot 0.1.0
  committed at the top     51.29 ms  epoch 1.9 after 1.8, ballot 0.2.249, by n09
  first survivor           51.30 ms  n01
  last survivor            52.00 ms  n02, of 2 with the same hash 00000000000000bb
  rounds used                     1  at the top, and 1 in the group
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
	r.Record = r.Epoch // the whole group is gone
	b.Reset()
	if err := groupsTimeline(&b, r); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "in the group") || !strings.Contains(got, "1  at the top\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestBenchNamesOutliers(t *testing.T) {
	r := &result{
		options: cluster.Options{Nodes: 4, Interval: 5 * time.Millisecond, Rounds: 5},
		trials:  []trial{{victim: "n04", removal: story4(), stall: 14 * time.Millisecond}},
		floor:   sample{200 * time.Microsecond}, stalls: sample{time.Millisecond},
	}
	var b bytes.Buffer
	if err := r.print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"4 nodes, 5ms x 5, 1 crashes", "last survivor within 37.00 ms at p90: NO", "twice the floor at p50: yes",
		"outlier: crash 1, of n04: last survivor after 52.00 ms; longest stall meanwhile 14.00 ms",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

func TestWrongUseIsAnError(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("without root every use is refused alike")
	}
	const lab = "wronguse"
	for _, args := range []string{
		"kill", "kill n01", "status", "status -o yaml", "cut n01 --one-way up", "loss n01 101", "loss n01 some", "flip n01 0s", "flip n01 often",
		"partition", "partition n[01-03 n04", "up --nodes 0", "up --groups 2", "up --groups 249 --per-group 1", "up --nodes 100000", "up --name Wrong-Use",
		"bench --interval fast", "bench --trials 0", "bench --nodes 2 --trials 1", "run --nodes 2", "run --groups 2 --per-group 4", "switches --span 1ms",
		"nosuchcommand", "hog idle", "hog busy --cpus 0", "flood n01 garbage", "flood n01", "torture --seconds 0", "torture --nodes 3",
		"torture --scenario [", "torture --interval often",
	} {
		words := strings.Fields(args)
		if words[0] != "hog" && !slices.Contains(words, "--name") { // another lab may stand on this machine
			words = append(words, "--name", lab)
		}
		var out bytes.Buffer
		root := command(&out)
		root.SetArgs(words)
		root.SetErr(&out)
		if err := root.ExecuteContext(t.Context()); err == nil || strings.Contains(err.Error(), "unknown flag") {
			t.Errorf("rollcall-lab %s: %v", args, err)
		}
	}
	labs, err := cluster.Labs()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(labs, lab) {
		t.Errorf("lab %s is left", lab)
	}
}
