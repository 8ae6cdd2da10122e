package main

import (
	"bytes"
	"strings"
	"testing"

	"rollcall/view/publish"
)

// TestRecoverIsTyped: only the cluster's name, typed, gives the order.
func TestRecoverIsTyped(t *testing.T) {
	for typed, ordered := range map[string]bool{"tofu\n": true, " tofu ": true, "yes\n": false, "": false, strings.Repeat("tofu", 100): false} {
		f := start(t)
		var out, errs bytes.Buffer
		env := environment{stdin: strings.NewReader(typed), stdout: &out, stderr: &errs, getenv: func(string) string { return f.socket }}
		code := run(t.Context(), env, []string{"recover"})
		f.mu.Lock()
		if (code == exitOK) != ordered || (len(f.orders) == 1 && f.orders[0].Verb == publish.Recover) != ordered {
			t.Errorf("typed %.20q: exit %d, orders %v\n%s", typed, code, f.orders, &errs)
		}
		f.mu.Unlock()
		if !strings.Contains(errs.String(), "Type the cluster's name") {
			t.Errorf("asked nothing: %s", &errs)
		}
	}
}
