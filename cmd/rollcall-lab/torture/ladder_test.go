package torture

import (
	"testing"
	"time"

	"rollcall/control"
)

func TestCells(t *testing.T) {
	at := func(ms int) control.Time { return second.Add(time.Duration(ms) * time.Millisecond) }
	r := &result{
		account:  account{live: make([]removal, 2), excused: make([]removal, 1)},
		crashes:  []crash{{fault: at(0), found: at(52), foundByPeers: at(2000), back: at(9)}, {fault: at(0), found: at(61), foundByPeers: at(0), back: at(9)}},
		counters: map[string]int{restartsDone: 17},
		peers:    []string{"n01"},
	}
	for _, c := range []struct{ got, want string }{
		{r.cell(), "2 removed, 52 to 61 ms; 1 unreachable removed; 17 restarts"},
		{r.peersCell(), "1 removed, 0.0 to 2.0 s"},
		{(&result{}).cell(), "0 removed, no crash"},
		{(&result{crashes: []crash{{back: at(9)}}}).peersCell(), "0 removed, never 1 of 1"},
		{cell(0, []time.Duration{50 * time.Millisecond}, 1), "0 removed, 50 ms, never 1 of 2"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
