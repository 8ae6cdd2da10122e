package control

import (
	"testing"
	"time"
)

// TestRedirectsEnd: two that send an applicant to each other are not asked without end.
func TestRedirectsEnd(t *testing.T) {
	n := New(Config{Cluster: "story", Self: Peer{Name: "n", RPC: "n:1"}, Interval: 100 * time.Millisecond, Rounds: 5, Contacts: []string{"a:1", "b:1"}})
	r, now := &Register{Incarnation: 1}, Time(time.Hour)
	asked := 0
	step := func(m *Message) {
		out := n.Step(now, Input{Register: r, Tally: new(Tally), Message: m})
		for i := range out.Messages {
			if out.Messages[i].Message.Kind == MessageJoin {
				asked++
			}
		}
	}
	during := func() int {
		before := asked
		for i := range 100 {
			to := []string{"a:1", "b:1"}[i%2]
			step(&Message{Kind: MessageAnswer, Cluster: "story", From: Peer{Name: "f", RPC: "f:1"}, Answer: &Answer{Status: AnswerRedirect, Leader: to}})
		}
		return asked - before
	}
	step(nil)
	if n := during(); n != hopsMost {
		t.Errorf("followed %d redirects at once, want %d", n, hopsMost)
	}
	now = now.Add(askEvery)
	if n := during(); n < 1 || n > 1+hopsMost {
		t.Errorf("followed %d redirects later, want 1 to %d", n, 1+hopsMost)
	}
}
