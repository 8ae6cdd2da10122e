package dataplane

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cilium/ebpf"

	"rollcall/control"
)

// TestKernelConcurrent has frames and the agent's orders change a register from two threads
// while a third reads it by mmap: every copy it takes is of one moment.
func TestKernelConcurrent(t *testing.T) {
	k := openTestKernel(t)
	k.place()
	rounds := uint64(20_000)
	if testing.Short() {
		rounds = 2_000
	}
	beat := func(round uint64) control.Frame {
		f := goodBeat()
		f.Round, f.Ask.Seq, f.Ask.Digest, f.Ask.Epoch = round, round, round, round
		f.Ask.New = control.Bitmap{round | 1<<ownSlot, round, round, round}
		return f
	}
	var writers, reader sync.WaitGroup
	var done atomic.Bool
	var taken atomic.Uint64
	writers.Go(func() { // frames
		door, out := k.coll.Programs["rc_xdp_door"], make([]byte, 4096)
		for round := uint64(11); round < rounds; round += 2 {
			if _, err := door.Run(&ebpf.RunOptions{Data: packet(overEther, signedFrame(beat(round))), DataOut: out}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	writers.Go(func() { // the agent's own; harness methods belong to this thread
		for round := uint64(12); round < rounds; round += 2 {
			if why, _, _ := k.deliver(0, signedFrame(beat(round))); why == control.ReasonBeatTaken {
				taken.Add(1)
			}
		}
	})
	copies := 0
	reader.Go(func() {
		var r control.Register
		for ; !done.Load(); copies++ {
			snapshot(&r, k.register(0))
			a := &r.Accepted
			whole := a.Seq == 0 || r.BeatRound == a.Seq && r.Epoch == a.Seq && a.Digest == a.Seq && a.New[3] == a.Seq &&
				r.Echoed[0].Round == a.Seq
			if !whole {
				t.Errorf("a register of two moments: beat %d, epoch %d, accepted %+v", r.BeatRound, r.Epoch, *a)
				return
			}
		}
	})
	writers.Wait()
	done.Store(true)
	reader.Wait()
	n := k.counters()[control.ReasonBeatTaken] + taken.Load()
	if n == 0 || copies == 0 {
		t.Errorf("%d beats taken, %d copies compared: that shows nothing", n, copies)
	}
	if r := k.register(0); r.Version%2 != 0 || r.BeatRound < rounds-2 {
		t.Errorf("in the end: version %d, round %d", r.Version, r.BeatRound)
	}
}
