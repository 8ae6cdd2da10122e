package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"rollcall/control"
	"rollcall/view"
	"rollcall/view/publish"
)

// follow runs a command whose output the test reads line by line while it goes on.
func follow(t *testing.T, socket string, args ...string) (lines *bufio.Scanner, stop func() int) {
	t.Helper()
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	env := environment{stdout: w, stderr: io.Discard, getenv: func(string) string { return socket }}
	go func() {
		code <- run(ctx, env, args)
		w.Close()
	}()
	return bufio.NewScanner(r), func() int {
		cancel()
		go io.Copy(io.Discard, r)
		return <-code
	}
}

func TestWatchShowsEachChange(t *testing.T) {
	for _, args := range [][]string{{"watch", "-o", "json"}, {"view", "--watch", "-o", "json"}} {
		f := start(t)
		lines, stop := follow(t, f.socket, args...)
		for epoch := uint64(7); epoch < 10; epoch++ {
			if !lines.Scan() {
				t.Fatalf("%v: ended before epoch %d", args, epoch)
			}
			var d publish.Document
			if err := json.Unmarshal(lines.Bytes(), &d); err != nil || d.Epoch != epoch {
				t.Fatalf("%v: epoch %d, error %v, want epoch %d", args, d.Epoch, err, epoch)
			}
			f.set(func(d *publish.Document) { *d = document(epoch + 1) })
		}
		if code := stop(); code != exitOK {
			t.Errorf("%v: interrupted: exit %d", args, code)
		}
	}
}

func TestWatchNodeset(t *testing.T) {
	f := start(t)
	lines, stop := follow(t, f.socket, "watch", "-o", "nodeset", "-s", "alive")
	for _, want := range []string{"cn[001,003]", "cn003"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
		f.set(func(d *publish.Document) {
			members := append([]publish.Member(nil), d.Members...)
			members[0].State = view.Suspect
			d.Members = members
		})
	}
	stop()
}

func TestEventsTakeEveryKind(t *testing.T) {
	for k := control.EventInstalled; k < control.EventKinds; k++ {
		if err := (&eventsFlags{kinds: []string{k.String()}}).read(); k.String() == "" || err != nil {
			t.Errorf("kind %d, %q: %v", k, k, err)
		}
	}
	if err := (&eventsFlags{kinds: []string{""}}).read(); err == nil {
		t.Error("a kind without a name is taken")
	}
}

func TestEventsFollow(t *testing.T) {
	f := start(t)
	lines, stop := follow(t, f.socket, "events", "--watch", "--since", "3", "-o", "json")
	for number := uint64(4); number < 7; number++ {
		var e publish.EventDocument
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &e) != nil || e.Number != number {
			t.Fatalf("got %q, want event %d", lines.Text(), number)
		}
		f.mu.Lock()
		f.events = append(f.events, publish.EventDocument{Number: number + 1, Kind: "installed"})
		f.mu.Unlock()
		f.Raise()
	}
	stop()
}

func TestWaitEndsWhenTheStateIsReached(t *testing.T) {
	f := start(t)
	ended := make(chan result, 1)
	go func() { ended <- invoke(t.Context(), f.socket, "wait", "cn[001-003]", "alive") }()
	// However the daemon's changes and the start of the wait interleave, only the last of
	// these views ends it.
	f.set(func(d *publish.Document) { d.Valid = false })
	f.set(func(d *publish.Document) {
		*d = document(8)
		members := append([]publish.Member(nil), d.Members...)
		for i := range members {
			members[i].State = view.Alive
		}
		d.Members = members
	})
	if r := <-ended; r.code != exitOK || r.out != "" || r.errors != "" {
		t.Errorf("wait: %v", r)
	}
}

func TestWaitTimesOut(t *testing.T) {
	f := start(t)
	r := invoke(t.Context(), f.socket, "wait", "cn[001-004],cn009", "alive", "-t", "50ms")
	if r.code != exitTimeout {
		t.Fatalf("exit %d, want %d", r.code, exitTimeout)
	}
	for _, want := range []string{"cn002 stale", "cn004 gone", "cn009 unknown"} {
		if !strings.Contains(r.errors, want) {
			t.Errorf("%q does not say %q", r.errors, want)
		}
	}
	f.set(func(d *publish.Document) { d.Valid = false })
	if r := invoke(t.Context(), f.socket, "wait", "cn001", "alive", "-t", "50ms"); r.code != exitTimeout || !strings.Contains(r.errors, "not valid") {
		t.Errorf("with an invalid view: %v", r)
	}
}

func TestStatusRefreshes(t *testing.T) {
	f := start(t)
	lines, stop := follow(t, f.socket, "status", "--watch", "-o", "json")
	for range 2 {
		var d publish.StatusDocument
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &d) != nil || d.Node != "cn001" {
			t.Fatalf("got %q", lines.Text())
		}
	}
	if code := stop(); code != exitOK {
		t.Errorf("interrupted: exit %d", code)
	}
}
