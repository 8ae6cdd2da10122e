package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// stalls records how late this machine wakes a thread that nothing should delay: one on each
// CPU that sleeps a millisecond again and again, at the highest real-time priority.
type stalls struct {
	end    atomic.Bool
	wg     sync.WaitGroup
	before int // GOMAXPROCS

	mu   sync.Mutex
	late []lateness
}

type lateness struct {
	at control.Time // when it should have woken
	by time.Duration
}

// recordStalls begins to record, until stop.
func recordStalls() *stalls {
	s := new(stalls)
	cpus := runtime.NumCPU()
	s.before = runtime.GOMAXPROCS(cpus + runtime.GOMAXPROCS(0)) // the recorders keep theirs, also asleep
	for cpu := range cpus {
		s.wg.Go(func() { s.record(cpu) })
	}
	return s
}

func (s *stalls) record(cpu int) {
	runtime.LockOSThread() // never unlocked: the thread ends with its scheduling
	var only unix.CPUSet
	only.Set(cpu)
	_ = unix.SchedSetaffinity(0, &only) // a CPU that is not ours to use is one less to watch
	realtime(99)
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
		s.late = append(s.late, lateness{due, by})
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

func (s *stalls) stop() {
	s.end.Store(true)
	s.wg.Wait()
	runtime.GOMAXPROCS(s.before)
}

// all gives every lateness seen since the last call to reset.
func (s *stalls) all() sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all sample
	for _, l := range s.late {
		all = append(all, l.by)
	}
	return all
}

func (s *stalls) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = s.late[:0]
}

// worst is the longest lateness that overlaps a span of time.
func (s *stalls) worst(from, to control.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	worst := time.Duration(0)
	for _, l := range s.late {
		if l.at.Before(to) && from.Before(l.at.Add(l.by)) {
			worst = max(worst, l.by)
		}
	}
	return worst
}

// realtime gives the calling thread a SCHED_FIFO priority, where that is allowed.
func realtime(priority uint32) {
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: priority}, 0)
}
