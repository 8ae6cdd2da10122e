package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/control"
	"rollcall/dataplane"
)

// What must not happen before the record is on disk waits for it; the plane goes on meanwhile, and what it
// tells is not lost.
func TestLoopServesWhileDiskIsBusy(t *testing.T) {
	s := &stage{disk: make(chan struct{}), out: control.HostOutput{Record: &control.InstanceRecord{}, RecordFirst: true, Messages: []control.Letter{{To: "a"}}}}
	l := newLoop(s, s, s)
	s.wake[0] = control.WakeQuorum
	if err := l.turn(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"record", "letter to a", "show"}; !cmp.Equal(s.trace, want) {
		t.Errorf("did %v, want %v", s.trace, want)
	}
	if s.waits < 4 {
		t.Errorf("waited %d times, want one for the turn and three for the disk", s.waits)
	}
	s.wake = dataplane.Wakes{}
	if err := l.turn(); err != nil {
		t.Fatal(err)
	}
	if got := s.steps[1]; got.Wakes[0] != control.WakeQuorum || got.Unsaved {
		t.Errorf("the next step was woken by %v, want %v; unsaved %v", got.Wakes[0], control.WakeQuorum, got.Unsaved)
	}
}

// The rest waits for no disk: steps go on, and are told that the record is not there yet.
func TestLoopGoesAheadOfDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := make(chan struct{})
		var written []uint32
		failing := error(nil)
		s := &stage{}
		l := newLoop(s, s, s)
		l.disk.write = func(r *control.InstanceRecord) error {
			<-disk
			written = append(written, r.Instance)
			return failing
		}
		turn := func(out control.HostOutput) control.HostInput {
			t.Helper()
			s.out = out
			if err := l.turn(); err != nil {
				t.Fatal(err)
			}
			return s.steps[len(s.steps)-1]
		}
		for i := range uint32(3) {
			if in := turn(control.HostOutput{Record: &control.InstanceRecord{Instance: i}, Messages: []control.Letter{{To: "a"}}}); in.Unsaved != (i > 0) {
				t.Errorf("step %d: unsaved %v", i, in.Unsaved)
			}
			synctest.Wait() // the first is being written
		}
		if want := []string{"letter to a", "show", "letter to a", "letter to a"}; !cmp.Equal(s.trace, want) {
			t.Errorf("did %v, want %v", s.trace, want)
		}
		if s.interrupts != 0 {
			t.Errorf("%d interrupts before anything was written", s.interrupts)
		}
		close(disk)
		synctest.Wait()
		if want := []uint32{0, 2}; !cmp.Equal(written, want) || s.interrupts == 0 {
			t.Errorf("wrote %v, want %v; %d interrupts", written, want, s.interrupts)
		}
		if in := turn(control.HostOutput{}); in.Unsaved {
			t.Error("unsaved though all is on disk")
		}

		// A disk that fails ends the daemon.
		failing = errors.New("no space left")
		turn(control.HostOutput{Record: &control.InstanceRecord{Instance: 4}})
		synctest.Wait()
		if err := l.turn(); !errors.Is(err, failing) {
			t.Errorf("went on after %v", err)
		}
	})
}

// A loop goes ahead of a disk that is stuck for so long only.
func TestLoopWaitsForStuckDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{}
		l := newLoop(s, s, s)
		disk := make(chan struct{})
		l.disk.write = func(*control.InstanceRecord) error { <-disk; return nil }
		l.disk.put(&control.InstanceRecord{})
		if _, late, _ := l.disk.behind(); late {
			t.Error("late at once")
		}
		synctest.Wait()
		time.Sleep(diskPatience + 1)
		s.out = control.HostOutput{Messages: []control.Letter{{To: "a"}}}
		s.disk = disk
		if err := l.turn(); err != nil { // the stage's disk is free again after three waits
			t.Fatal(err)
		}
		if s.waits < 4 {
			t.Errorf("waited %d times, want one for the turn and three for the disk", s.waits)
		}
	})
}
