package dataplane

import (
	"testing"
	"time"

	"rollcall/control"
)

// TestKernelOrphaned has echoes tell when the member's agent is no more, by whatever door they
// come, and when there is one again.
func TestKernelOrphaned(t *testing.T) {
	for _, attach := range []string{AttachNative, AttachTC} {
		t.Run(attach, func(t *testing.T) {
			w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach = attach })
			w.enter(t, 0)
			leader, member := pair[0], pair[1]
			round := uint64(0)
			await := func(orphaned bool) {
				t.Helper()
				w.enter(t, 0)
				for end := Now().Add(10 * time.Second); Now().Before(end); {
					round++
					leader.beat(t, roster)
					_, tally := leader.look(both)
					if m := &tally.Members[1]; m.Round == round && (m.Health&control.HealthOrphaned != 0) == orphaned {
						return
					}
					if err := pollUntil(Now().Add(time.Millisecond), nil); err != nil {
						t.Fatal(err)
					}
				}
				t.Fatalf("round %d: orphaned %v is not told; counters %v", round, orphaned, nonzero(leader.Stats()))
			}
			await(false)
			if err := member.Close(); err != nil { // as the process's end does, it closes the descriptors
				t.Fatal(err)
			}
			await(true)
			w.enter(t, 1)
			openKernel(t, member.opt)
			await(false)
		})
	}
}
