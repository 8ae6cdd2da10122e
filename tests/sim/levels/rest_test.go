package levels

import (
	"strings"
	"testing"
	"time"

	"rollcall/control"
)

// restless is more steps than an agent has reason to take in an interval while its cluster comes about: one that leads
// all levels takes six.
const restless = 20

// steady lets time pass in pieces of ten intervals, and fails where an agent takes more steps than that in one.
func (w *World) steady(t *testing.T, d time.Duration) {
	t.Helper()
	const piece = 10
	for end := w.now + d; w.now < end; {
		before := make([]int, len(w.hosts))
		for i, h := range w.hosts {
			before[i] = h.steps
		}
		w.Run(piece*w.Interval, nil)
		for i, h := range w.hosts {
			if n := h.steps - before[i]; n > piece*restless {
				t.Fatalf("%d steps in %d intervals until %v: %s", n, piece, w.now, h.describe())
			}
		}
	}
}

// TestAgentsRest: while founders are awaited, while the cluster is founded and its groups are formed, and after a whole
// group was lost, agents take steps for what happens, and none for nothing.
func TestAgentsRest(t *testing.T) {
	for groups := 2; groups <= 5; groups++ {
		w := New(t, Story(groups, 3))
		founder, others := w.hosts[0], w.hosts[1:]
		for _, h := range others {
			h.boot()
		}
		w.steady(t, 20*time.Second)
		founder.boot()
		w.steady(t, 20*time.Second)
		w.Stand(w.hosts, 10*time.Second)
		lost := w.in(w.hosts[len(w.hosts)-1].group)
		for _, h := range lost {
			h.crash()
		}
		w.steady(t, 10*time.Second)
		for _, h := range lost {
			h.boot()
		}
		w.steady(t, 20*time.Second)
		w.Stand(w.hosts, 30*time.Second)
	}
}

// TestRestsWhileJoinsWait: while a successor that asked for its group's slot does not take the roster, the root, which
// has seats to give, takes steps for what happens and none for nothing.
func TestRestsWhileJoinsWait(t *testing.T) {
	w := cluster(t, Story(3, 4))
	root := w.leader(1, 0)
	group := (root.group + 1) % 3
	victim := w.leader(0, group)
	given := false
	w.Lie = func(h *host, out *control.HostOutput) {
		for i := range out.Messages {
			m := &out.Messages[i]
			if h != root || m.Message.Kind != control.MessageRoster || m.Message.Level != 1 {
				continue
			}
			for _, other := range w.in(group) {
				if strings.HasPrefix(m.To, other.name+":") && other != victim && other.agent != nil {
					other.stop()
					given = true
				}
			}
		}
	}
	victim.crash()
	if !w.Run(30*w.Interval, func() bool { return given }) {
		t.Fatal("nobody was given the slot: this shows nothing")
	}
	w.steady(t, 20*w.Interval)
}
