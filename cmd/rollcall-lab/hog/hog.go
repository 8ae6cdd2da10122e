// Package hog starves this machine of processor time, as badly written jobs do.
package hog

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rollcall/cmd/internal/schedule"
)

// kind is what the threads of a load do on each CPU.
type kind struct {
	threads int // on each CPU
	policy  schedule.Policy
	work    func()
}

// Priority is the real-time priority of those that have one, below the daemons'.
const Priority = 10

var kinds = map[string]kind{
	"busy":   {2, schedule.Nice(0), spin},
	"nice":   {2, schedule.Nice(-20), spin},
	"fifo":   {1, schedule.FIFO(Priority), spin},
	"timers": {16, schedule.Nice(0), storm},
}

// Kinds lists the kinds of load: busy threads of the default policy, of nice -20 and of
// SCHED_FIFO, and threads that are woken by timers all the time.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// Run loads the first so many CPUs for a while.
func Run(name string, cpus int, during time.Duration) error {
	k, ok := kinds[name]
	if !ok {
		return fmt.Errorf("load %q: %s", name, strings.Join(Kinds(), ", "))
	}
	if cpus < 1 || cpus > runtime.NumCPU() {
		return fmt.Errorf("%d CPUs: this machine has 1 to %d", cpus, runtime.NumCPU())
	}
	runtime.GOMAXPROCS(cpus*k.threads + 1) // each spins in Go code
	end := now() + int64(during)
	errs := make([]error, cpus*k.threads)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with its policy
			var only unix.CPUSet
			only.Set(i % cpus)
			if err := unix.SchedSetaffinity(0, &only); err != nil {
				errs[i] = fmt.Errorf("stay on CPU %d: %w", i%cpus, err)
				return
			}
			if errs[i] = k.policy.Thread(); errs[i] != nil {
				return
			}
			for now() < end {
				k.work()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// spin keeps a processor for a moment.
func spin() {
	for range 1 << 16 {
	}
}

// storm is woken a hundred times.
func storm() {
	wait := unix.NsecToTimespec(int64(50 * time.Microsecond))
	for range 100 {
		unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, 0, uintptr(unsafe.Pointer(&wait)), 0, 0, 0)
	}
}

// now reads CLOCK_MONOTONIC unseen by the Go scheduler, which would take the thread's
// place in the program away from it.
func now() int64 {
	var t unix.Timespec
	unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}
