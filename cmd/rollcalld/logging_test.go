package main

import (
	"testing"

	"rollcall/control"
)

// TestEveryEventHasItsLine: what happens is told in words, whatever kind it is of.
func TestEveryEventHasItsLine(t *testing.T) {
	for k := control.EventInstalled; k < control.EventKinds; k++ {
		if eventMessages[k] == "" || k.String() == "" {
			t.Errorf("kind %d, %q, is logged as %q", k, k, eventMessages[k])
		}
	}
}
