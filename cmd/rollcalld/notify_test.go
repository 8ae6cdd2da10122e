package main

import (
	"testing"

	"github.com/rs/zerolog"
)

// TestStatusFollowsTheLease: `systemctl status` must not go on showing a view that this node
// may not trust any more.
func TestStatusFollowsTheLease(t *testing.T) {
	a := &agent{log: zerolog.Nop(), source: &source{}, notifier: newNotifier(), summary: "epoch 7"}
	for _, step := range []struct {
		valid bool
		want  string
	}{{false, "not valid: epoch 7"}, {true, "epoch 7"}} {
		a.validity(step.valid)
		if got := <-a.notifier.status; got != step.want {
			t.Errorf("valid %v: status %q, want %q", step.valid, got, step.want)
		}
	}
}
