package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"rollcall/cmd/internal/key"
	"rollcall/control"
	"rollcall/dataplane"
)

// ringStage plays plane and calls for a keyring.
type ringStage struct {
	*keyring
	file     string
	register control.Register
	frames   chan *dataplane.Keys // as the plane was given them
	shown    key.Ring             // the calls'
	refuse   error                // by the plane
}

func newRingStage(t *testing.T) *ringStage {
	t.Helper()
	s := &ringStage{file: filepath.Join(t.TempDir(), "key"), frames: make(chan *dataplane.Keys, 10)}
	if _, err := key.Create(s.file); err != nil {
		t.Fatal(err)
	}
	held, err := key.Load(s.file)
	if err != nil {
		t.Fatal(err)
	}
	s.shown, s.register.State = held, control.RegisterMember
	s.keyring = &keyring{
		file: s.file, log: zerolog.Nop(), held: held, wait: time.Hour,
		register: func() control.Register { return s.register },
		calls:    func(r key.Ring) error { s.shown = r; return nil },
		plane: func(_ context.Context, k *dataplane.Keys) error {
			if s.refuse != nil {
				return s.refuse
			}
			s.frames <- k
			return nil
		},
	}
	return s
}

// rotation adds a key to the file.
func (s *ringStage) rotation(t *testing.T) key.Ring {
	t.Helper()
	r, err := key.Rotate(s.file)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *ringStage) follows(t *testing.T) *dataplane.Keys {
	t.Helper()
	if err := s.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	return <-s.frames
}

func slots(k *dataplane.Keys) (n int) {
	for _, s := range k.Slots {
		if s != [16]byte{} {
			n++
		}
	}
	return n
}

// TestKeyringFollowsTheFile through a rotation: a key that left the file is no longer told of
// at once, but taken for a while.
func TestKeyringFollowsTheFile(t *testing.T) {
	s := newRingStage(t)
	both := s.rotation(t)
	if k := s.follows(t); slots(k) != 2 || k.IDs != [2]uint32{idOf(both, 0), idOf(both, 1)} {
		t.Errorf("the plane has %+v", k)
	}
	if !slices.Equal(s.shown, both) {
		t.Errorf("calls show %v, want %v", s.shown.IDs(), both.IDs())
	}
	if _, err := key.Retire(s.file); err != nil {
		t.Fatal(err)
	}
	s.wait = 0
	told, err := both[1:].Frames()
	if err != nil {
		t.Fatal(err)
	}
	if k := s.follows(t); slots(k) != 2 || k.IDs != told.IDs {
		t.Errorf("just withdrawn, the plane has %+v", k)
	}
	if k := <-s.frames; slots(k) != 1 || k.IDs != told.IDs {
		t.Errorf("after the withdrawal the plane has %+v", k)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.shown, both[1:]) || !slices.Equal(s.held, both[1:]) {
		t.Errorf("calls show %v, held %v; want %v", s.shown.IDs(), s.held.IDs(), both[1:].IDs())
	}
}

// idOf is the id of the key with a number.
func idOf(r key.Ring, number uint32) uint32 {
	for _, k := range r {
		if uint32(k.ID())%2 == number {
			return uint32(k.ID())
		}
	}
	return 0
}

// TestKeyringRefuses files that cannot be followed, and goes on with what it had.
func TestKeyringRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, s *ringStage)
		says  string
	}{
		"a file that is none": {func(t *testing.T, s *ringStage) { write(t, s.file, "nonsense\n") }, "not a key"},
		"a file that is gone": {func(t *testing.T, s *ringStage) { os.Remove(s.file) }, "no such file"},
		"another key of the same number": {func(t *testing.T, s *ringStage) {
			for {
				os.Remove(s.file)
				if k, err := key.Create(s.file); err != nil {
					t.Fatal(err)
				} else if uint32(k.ID())%2 == uint32(s.held[0].ID())%2 {
					return
				}
			}
		}, "one key at a time"},
		"a file without the key that signs": {func(t *testing.T, s *ringStage) {
			s.rotation(t)
			s.refuse = dataplane.ErrKeySigns
		}, "signs"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRingStage(t)
			had := s.held
			c.spoil(t, s)
			if err := s.reload(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), s.file) {
				t.Errorf("got %v, want an error that names the file and says %q", err, c.says)
			}
			if !slices.Equal(s.held, had) || !slices.Equal(s.shown, had) || len(s.frames) != 0 {
				t.Errorf("holds %v, shows %v, gave the plane %d", s.held.IDs(), s.shown.IDs(), len(s.frames))
			}
		})
	}
}

// TestKeyTakenBackInTime: the leader turned to the new key before it heard that this node
// withdrew it, so it stays; and a file that brings it back ends the withdrawal.
func TestKeyTakenBackInTime(t *testing.T) {
	s := newRingStage(t)
	old := s.held
	both := s.rotation(t)
	s.follows(t)
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Retire(s.file); err != nil {
		t.Fatal(err)
	}
	s.follows(t)
	s.mu.Lock()
	pending := s.reads
	s.mu.Unlock()
	s.refuse = dataplane.ErrKeySigns
	told, err := both[1:].Frames()
	if err != nil {
		t.Fatal(err)
	}
	s.withdraw(t.Context(), both[1:], told, pending)
	if len(s.held) != 2 || len(s.shown) != 2 {
		t.Errorf("holds %v, shows %v; want the withdrawn key too, since it signs", s.held.IDs(), s.shown.IDs())
	}
	s.refuse = nil
	write(t, s.file, string(text))
	s.follows(t)
	s.withdraw(t.Context(), both[1:], told, pending) // fires late
	if !slices.Equal(s.held, both) || !slices.Contains(s.held, old[0]) {
		t.Errorf("holds %v, want both of %v", s.held.IDs(), both.IDs())
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte(text), 0o400)); err != nil {
		t.Fatal(err)
	}
}
