package sim

import (
	"testing"

	"rollcall/control"

	"pgregory.net/rapid"
)

func TestQueueOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var waiting []event
		pop := func() {
			first := 0
			for i := range waiting {
				if waiting[i].at < waiting[first].at { // equal times: the earlier pushed comes first
					first = i
				}
			}
			if got := q.pop(); got.at != waiting[first].at || got.arg != waiting[first].arg {
				t.Fatalf("event %d at %d came, want %d at %d", got.arg, got.at, waiting[first].arg, waiting[first].at)
			}
			waiting = append(waiting[:first], waiting[first+1:]...)
		}
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(waiting) > 0 && rapid.IntRange(0, 2).Draw(t, "pop") == 0 {
				pop()
				continue
			}
			e := event{at: Instant(rapid.Int64Range(0, 20).Draw(t, "at")), arg: uint32(i)}
			q.push(e)
			waiting = append(waiting, e)
		}
		for len(waiting) > 0 {
			pop()
		}
		if q.len() != 0 {
			t.Fatalf("%d events are left", q.len())
		}
	})
}

// TestClock: when is the first instant at which a clock reads a time, whatever its rate.
func TestClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := clock{offset: rapid.Uint64Range(1, 1<<42).Draw(t, "offset"), rate: rapid.Uint64Range(900_000, 1_100_000).Draw(t, "rate")}
		at := Instant(rapid.Int64Range(1, 1<<50).Draw(t, "at"))
		read := c.at(at)
		first := c.when(read)
		if first > at || c.at(first) != read || first > 0 && c.at(first-1) >= read {
			t.Fatalf("reads %d at %d, and first at %d", read, at, first)
		}
		if c.when(control.MaxTime) != never {
			t.Fatalf("reads the end of time at %d", c.when(control.MaxTime))
		}
	})
}
