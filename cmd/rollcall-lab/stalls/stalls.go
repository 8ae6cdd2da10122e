// Package stalls records how late this machine wakes a thread that nothing should delay: what
// no daemon on it can do better than.
package stalls

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rollcall/cmd/internal/schedule"
	"rollcall/control"
)

// Recorder has a thread on each CPU that sleeps a millisecond again and again, at the highest
// real-time priority.
type Recorder struct {
	end    atomic.Bool
	wg     sync.WaitGroup
	before int // GOMAXPROCS

	mu   sync.Mutex
	late []Lateness
}

// Lateness is one waking.
type Lateness struct {
	At control.Time // when it should have woken
	By time.Duration
}

// Record begins to record, until Stop.
func Record() *Recorder {
	s := new(Recorder)
	cpus := runtime.NumCPU()
	s.before = runtime.GOMAXPROCS(cpus + runtime.GOMAXPROCS(0)) // the recorders keep theirs, also asleep
	for cpu := range cpus {
		s.wg.Go(func() { s.record(cpu) })
	}
	return s
}

// Recorded is a recorder that has recorded this and goes on with nothing.
func Recorded(late ...Lateness) *Recorder {
	return &Recorder{late: late, before: runtime.GOMAXPROCS(0)}
}

func (s *Recorder) record(cpu int) {
	runtime.LockOSThread() // never unlocked: the thread ends with its scheduling
	var only unix.CPUSet
	only.Set(cpu)
	_ = unix.SchedSetaffinity(0, &only) // a CPU that is not ours to use is one less to watch
	_ = schedule.FIFO(99).Thread()      // where that is not allowed, what is recorded is worse
	const period = time.Millisecond
	for !s.end.Load() {
		due := rawNow().Add(period)
		until := unix.NsecToTimespec(int64(due))
		_, _, errno := unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_BOOTTIME, unix.TIMER_ABSTIME,
			uintptr(unsafe.Pointer(&until)), 0, 0, 0)
		by := rawNow().Since(due)
		if errno != 0 {
			continue
		}
		s.mu.Lock()
		s.late = append(s.late, Lateness{due, by})
		s.mu.Unlock()
	}
}

// rawNow reads CLOCK_BOOTTIME as dataplane.Now does, but unseen by the Go scheduler: coming
// back from a system call that it sees, a thread may wait for one that is starved, and
// that is not the machine's fault.
func rawNow() control.Time {
	var t unix.Timespec
	unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&t)), 0)
	return control.Time(t.Nano())
}

// Stop ends the recording.
func (s *Recorder) Stop() {
	s.end.Store(true)
	s.wg.Wait()
	runtime.GOMAXPROCS(s.before)
}

// All gives every lateness seen since the last call to Reset.
func (s *Recorder) All() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []time.Duration
	for _, l := range s.late {
		all = append(all, l.By)
	}
	return all
}

// Reset forgets what was recorded.
func (s *Recorder) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = s.late[:0]
}

// Worst is the longest lateness that overlaps a span of time.
func (s *Recorder) Worst(from, to control.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	worst := time.Duration(0)
	for _, l := range s.late {
		if l.At.Before(to) && from.Before(l.At.Add(l.By)) {
			worst = max(worst, l.By)
		}
	}
	return worst
}
