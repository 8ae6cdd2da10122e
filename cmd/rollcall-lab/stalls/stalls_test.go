package stalls

import (
	"testing"
	"time"

	"rollcall/control"
)

func TestWorstStallOfASpan(t *testing.T) {
	s := &Recorder{late: []Lateness{{1000, 10}, {2000, 500}, {3000, 20}}}
	for _, tc := range []struct {
		from, to control.Time
		want     time.Duration
	}{{0, 999, 0}, {900, 1500, 10}, {2400, 2600, 500}, {2501, 2900, 0}, {0, 9000, 500}} {
		if got := s.Worst(tc.from, tc.to); got != tc.want {
			t.Errorf("%d to %d: %d, want %d", tc.from, tc.to, got, tc.want)
		}
	}
}

func TestStallsAreRecorded(t *testing.T) {
	s := Record()
	for end := time.Now().Add(10 * time.Second); len(s.All()) < 10; {
		if time.Now().After(end) {
			t.Fatal("nothing recorded")
		}
	}
	s.Stop()
}
