package dataplane

import (
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"rollcall/control"
)

// TestClockFramesLost: when both clock frames are lost and with them the beats, the leader's own silence
// timer ends the agent's wait, which has no deadline of its own. The thread then sends the beat that is due,
// and the agent's sign of life starts the clock anew; it is told that frames were lost.
func TestClockFramesLost(t *testing.T) {
	w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach, o.Pacer = AttachTC, PacerKernel })
	w.enter(t, 0)
	leader, c := pair[0], clockBeats(roster)
	interval := 20 * clockInterval // long enough to be asleep before the clock is missed
	c.Beats.IntervalUS = uint32(interval / time.Microsecond)
	leader.Stamp(0)
	if err := leader.Apply(c); err != nil {
		t.Fatal(err)
	}
	leader.watch()
	leader.clock.awaitTicks(t, 3)
	for wakes := (Wakes{1}); wakes.Any(); { // all that came of the start
		var err error
		if wakes, err = leader.Wait(Now()); err != nil {
			t.Fatal(err)
		}
		leader.Stamp(0)
	}
	if lost := leader.Describe().Pacing.Lost; lost != 0 {
		t.Fatalf("%d clock frames were lost before any was taken away", lost)
	}

	bucket := leader.clock.bucket(t) // a new one is empty
	if err := netlink.QdiscDel(bucket); err != nil {
		t.Fatal(err)
	}
	if err := netlink.QdiscAdd(bucket); err != nil {
		t.Fatal(err)
	}
	last, _ := leader.look(control.Bitmap{})
	ticks, deadline := leader.clock.pace.Ticks, Now().Add(longEnough)
	wakes, err := leader.Wait(deadline)
	for err == nil && wakes[0]&control.WakeSilent == 0 && Now() < deadline {
		wakes, err = leader.Wait(deadline) // without a sign of life, which would start the clock
	}
	if silent := Now().Since(last.BeatAt); err != nil || wakes[0]&control.WakeSilent == 0 || silent < 3*interval {
		t.Fatalf("woken by %v %v after the last beat of the clock, want %v after ceil(k/2) intervals: %v; pace %+v", wakes, silent, control.WakeSilent, err, *leader.clock.pace)
	}
	if r, _ := leader.look(control.Bitmap{}); r.BeatRound == last.BeatRound {
		t.Error("the agent, which is awake, lets no beat leave in the place of the clock")
	}
	for { // until both are replaced: of the second it is not known at once that it is lost
		leader.Stamp(0)
		d := leader.Describe().Pacing
		if leader.clock.pace.Ticks >= ticks+5 && d.Lost == clockFrames && d.Ticking && d.Pacer == PacerKernel {
			return
		}
		if Now() > deadline || d.Lost > clockFrames {
			t.Fatalf("the clock does not go on as before: %+v; pace %+v", d, *leader.clock.pace)
		}
		if _, err := leader.Wait(Now().Add(interval)); err != nil {
			t.Fatal(err)
		}
	}
}
