package dataplane

import (
	"testing"
	"time"

	"rollcall/control"
)

// longEnough bounds a wait for something that must come; nothing is asserted about when.
const longEnough = 20 * time.Second

// TestKernelSilence shows that the kernel tells of a silent leader by itself: once for each
// beat that stays the last, and not before ceil(k/2) intervals have passed.
func TestKernelSilence(t *testing.T) {
	k := openTestKernelBy(t, false)
	watch := func() { k.give(testOrder{op: 3}, nil) }
	k.place()
	watch()
	patience := 3 * time.Millisecond
	beat := func(round uint64) {
		f := goodBeat()
		f.Round, f.Ask.IntervalUS, f.Ask.Rounds = round, 1000, 5
		if action, _ := k.run("rc_xdp_door", packet(overEther, signedFrame(f))); action != 3 {
			t.Fatalf("beat %d was not answered", round)
		}
	}
	silence := func(who string) {
		t.Helper()
		for {
			e, ok := k.anyEvent(longEnough)
			if !ok {
				t.Fatalf("%s: silence was not told", who)
			}
			if e.wake != control.WakeSilent {
				continue // the beat's own
			}
			r := k.register(0)
			if e.at.Since(r.BeatAt) < patience || e.ballot != r.Promised || e.seq != r.Committed.Seq {
				t.Fatalf("%s: told %+v of the beat at %d", who, e, r.BeatAt)
			}
			return
		}
	}
	beat(11)
	silence("first beat")
	beat(12)
	silence("second beat") // and nothing between: the first was told once

	// Out of the group nobody is watched; a join watches again.
	k.place()
	watch()
	beat(11)
	silence("after a new join")

	// A timer that runs already takes over the callback of the program that says so.
	watch()
	beat(12)
	silence("after a new watch")
	if e, ok := k.anyEvent(0); ok {
		t.Errorf("one event too many: %+v", e)
	}
}
