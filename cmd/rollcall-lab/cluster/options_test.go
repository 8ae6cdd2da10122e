package cluster

import (
	"testing"
	"time"
)

// TestFittingIntervals: each is the shortest that the processors keep up with, down to the shortest there is.
func TestFittingIntervals(t *testing.T) {
	keepsUp := func(nodes, processors int, interval time.Duration) bool {
		return float64(nodes)/interval.Seconds() <= float64(load*processors)
	}
	for _, processors := range []int{1, 2, 64} {
		last := time.Duration(0)
		for nodes := 1; nodes <= 4096; nodes *= 2 {
			got := fitting(nodes, processors)
			if got < last {
				t.Errorf("%d nodes on %d processors: %v, fewer nodes %v", nodes, processors, got, last)
			}
			last = got
			for _, i := range intervals {
				if shorter := i < got; shorter && keepsUp(nodes, processors, i) || i == got && !keepsUp(nodes, processors, i) && got != intervals[len(intervals)-1] {
					t.Errorf("%d nodes on %d processors: %v, of %v", nodes, processors, got, i)
				}
			}
		}
		if first := fitting(1, processors); first != intervals[0] {
			t.Errorf("one node on %d processors: %v", processors, first)
		}
	}
	if got, last := fitting(1<<20, 1), intervals[len(intervals)-1]; got != last {
		t.Errorf("more nodes than a processor can keep up with: %v", got)
	}
}
