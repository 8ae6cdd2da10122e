package dataplane

import (
	"slices"
	"testing"
	"time"

	"rollcall/control"
)

// BenchmarkKernelFrame measures the program alone, as BPF_PROG_TEST_RUN reports it, one
// frame at a time with whatever a system call leaves in the caches. Subtract "foreign", which
// is what the measuring costs with the door's look at a packet that is not ours.
func BenchmarkKernelFrame(b *testing.B) {
	k := openTestKernelBy(b, false)
	kinds := []struct {
		name  string
		frame func(round uint64) []byte
	}{
		{"foreign", func(uint64) []byte {
			p := packet(overUDP4, make([]byte, FrameLen))
			p[36]++
			return p
		}},
		{"beat", func(round uint64) []byte {
			f := goodBeat()
			f.Round = round
			return packet(overUDP4, signedFrame(f))
		}},
		{"echo", func(round uint64) []byte {
			f := goodEcho()
			f.Round = round
			return packet(overUDP4, signedFrame(f))
		}},
		{"bad-tag", func(round uint64) []byte {
			f := goodBeat()
			p := packet(overUDP4, signedFrame(f))
			p[len(p)-1]++
			return p
		}},
	}
	for _, door := range testDoors {
		for _, kind := range kinds {
			b.Run(door.name+"/"+kind.name, func(b *testing.B) {
				k.TB = b
				k.place()
				k.tally(0).Round = 1 << 40
				before := *k.counters()
				var took []time.Duration
				for i := range b.N {
					p := kind.frame(uint64(i) + 11)
					_, d, err := k.coll.Programs[door.program].Benchmark(p, 1, nil)
					if err != nil {
						b.Fatal(err)
					}
					took = append(took, d)
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2]), "p50-ns/frame")
				b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns/frame")
				n := *k.counters()
				if kind.name == "beat" && n[control.ReasonBeatTaken]-before[control.ReasonBeatTaken] != uint64(b.N) ||
					kind.name == "echo" && n[control.ReasonEchoTaken]-before[control.ReasonEchoTaken] != uint64(b.N) {
					b.Fatalf("not every %s was taken: %v", kind.name, n)
				}
			})
		}
	}
}
