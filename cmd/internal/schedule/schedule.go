// Package schedule says how the kernel's scheduler treats threads of this process.
package schedule

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Policy is how a thread is scheduled. Threads that it makes later inherit it.
type Policy struct{ attr unix.SchedAttr }

// FIFO runs a thread until it waits or one of a higher priority, 1 to 99, wants its processor.
func FIFO(priority int) Policy { return policy(unix.SCHED_FIFO, priority, 0) }

// RoundRobin is FIFO, but threads of the same priority take turns.
func RoundRobin(priority int) Policy { return policy(unix.SCHED_RR, priority, 0) }

// Nice gives a thread its share of the processors, the larger the lower nice is, -20 to 19.
func Nice(nice int) Policy { return policy(unix.SCHED_NORMAL, 0, nice) }

func policy(kind uint32, priority, nice int) Policy {
	return Policy{unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: kind, Priority: uint32(priority), Nice: int32(nice)}}
}

// Thread puts the calling thread under the policy.
func (p Policy) Thread() error { return p.set(0) }

// Process puts all threads of the process under the policy. A single real-time thread in a
// Go program would not do: where Go stops the world it waits for its siblings, starved as
// they may be.
func (p Policy) Process() error { return p.Of(os.Getpid()) }

// Of puts all threads of another process under the policy.
func (p Policy) Of(process int) error {
	done := map[int]bool{}
	for {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", process))
		if err != nil {
			return fmt.Errorf("list threads: %w", err)
		}
		settled := true
		for _, t := range tasks {
			id, err := strconv.Atoi(t.Name())
			if err != nil || done[id] {
				continue
			}
			done[id], settled = true, false
			if err := p.set(id); err != nil {
				return err
			}
		}
		if settled {
			return nil
		}
	}
}

func (p Policy) set(thread int) error {
	if err := unix.SchedSetAttr(thread, &p.attr, 0); err != nil && err != unix.ESRCH {
		return fmt.Errorf("set scheduling policy %d, priority %d, nice %d: %w", p.attr.Policy, p.attr.Priority, p.attr.Nice, err)
	}
	return nil
}

// ForkNormal keeps what the calling thread forks from inheriting its policy.
func ForkNormal() error {
	a, err := unix.SchedGetAttr(0, 0)
	if err == nil {
		a.Flags |= unix.SCHED_FLAG_RESET_ON_FORK
		err = unix.SchedSetAttr(0, a, 0)
	}
	if err != nil {
		return fmt.Errorf("keep children from inheriting the scheduling policy: %w", err)
	}
	return nil
}
