package control_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestLossIsToldOnce: who campaigns in vain, again and again, says so once, or nothing else
// would be found in the log and in the history.
func TestLossIsToldOnce(t *testing.T) {
	s := newStage(t, 5, 3)
	s.t = t
	told := ""
	for _, line := range []string{"group n=5", "cut n2 n3 n4", "run 400"} {
		cmd, args, err := datadriven.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		told = s.perform(&datadriven.TestData{Cmd: cmd, CmdArgs: args})
	}
	times := map[string]int{}
	for line := range strings.Lines(told) {
		who, _, found := strings.Cut(line, ": lost: no leader")
		if !found {
			continue
		}
		for _, host := range strings.Fields(who)[1:] { // the first is the time
			times[host]++
		}
	}
	for _, host := range []string{"n0", "n1", "n2", "n3", "n4"} {
		if times[host] != 1 {
			t.Errorf("%s said %d times that no quorum answers, want once", host, times[host])
		}
	}
}
