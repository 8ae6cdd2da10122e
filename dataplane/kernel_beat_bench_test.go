package dataplane

import (
	"fmt"
	"slices"
	"testing"
	"time"
	"unsafe"

	"rollcall/control"
)

// BenchmarkKernelBeat is the making of one beat in the kernel, of groups of which nobody misses
// anything: the sweep over all slots, the frame, the own vote and the tag.
func BenchmarkKernelBeat(b *testing.B) {
	k := openTestKernelBy(b, false)
	for _, members := range []uint16{16, 256} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			k.TB = b
			k.place()
			var all control.Bitmap
			for s := range members {
				all.Set(s)
			}
			c := beatCommand(&control.Roster{}, all)
			k.command(0, &c)
			k.register(0).AgentAt = Now()
			t := k.tally(0)
			in := make([]byte, orderLen+2*FrameLen)
			*(*testOrder)(unsafe.Pointer(&in[0])) = testOrder{op: opBeat}
			var took []time.Duration
			for b.Loop() {
				t.Ordered = 1
				for s := range t.Heard {
					t.Heard[s].Round, t.Heard[s].Answered, t.Heard[s].InTime = t.Round, 1, 1
				}
				_, d, err := k.coll.Programs["rc_command"].Benchmark(in, 1, nil)
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, d)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2]), "p50-ns/beat")
			b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns/beat")
			if t.Round < uint64(len(took)) {
				b.Fatalf("%d beats of %d left", t.Round, len(took))
			}
		})
	}
}
