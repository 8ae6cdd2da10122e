package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"rollcall/cmd/internal/schedule"
)

// processors is how many of the program's threads run Go code at once: the loop and one for
// everything else. More would only take more from the job.
const processors = 2

// granted is what the host lets the process have.
type granted struct{ realtime, locked bool }

// preferThreads puts all threads of the process under a real-time policy. The loop's thread
// is then raised by preferLoop: Go's sweeper spins until whoever is in the middle of a span
// has finished, and of equals under SCHED_FIFO the spinning one would never let the other
// have the processor.
func preferThreads(priority int) error {
	if err := schedule.RoundRobin(max(priority-1, 1)).Process(); err != nil {
		return fmt.Errorf("%w; grant CAP_SYS_NICE or set priority = 0", err)
	}
	return nil
}

// preferLoop puts the calling thread, the loop's, before its siblings.
func preferLoop(priority int) error { return schedule.FIFO(priority).Thread() }

// lockMemory keeps the process from waiting for a page: what it has used stays in memory,
// and all of the program is read now, for the node it was read from may be the next to die.
func lockMemory() error {
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		return fmt.Errorf("lock memory: %w; grant CAP_IPC_LOCK", err)
	}
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("lock memory: %w", err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("lock memory: %w", err)
	}
	for s := bufio.NewScanner(bytes.NewReader(maps)); s.Scan(); {
		var start, end uintptr
		if !bytes.HasSuffix(s.Bytes(), []byte(" "+exe)) {
			continue
		}
		if _, err := fmt.Sscanf(s.Text(), "%x-%x ", &start, &end); err != nil {
			return fmt.Errorf("lock memory: read own map %q: %w", s.Text(), err)
		}
		if _, _, errno := unix.Syscall(unix.SYS_MLOCK, start, end-start, 0); errno != 0 {
			return fmt.Errorf("lock the program in memory: %w", errno)
		}
	}
	return nil
}

// drive runs the loop on a thread of its own, with real-time priority unless that is 0.
func drive(ctx context.Context, l *loop, priority int) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the loop
		if priority > 0 {
			if err := preferLoop(priority); err != nil {
				done <- err
				return
			}
		}
		done <- l.run(ctx)
	}()
	return <-done
}

// prefer gives the process the processors it needs to be on time, as far as it is let. It does so before programs
// are loaded: among other work, the half second that the kernel verifies them for may be half a minute's
// share, and the agent of a leader is to be back within its grace.
func prefer(priority int, log zerolog.Logger) (realtime bool) {
	runtime.GOMAXPROCS(min(processors, runtime.NumCPU()))
	if priority == 0 {
		return false
	}
	if err := preferThreads(priority); err != nil {
		log.Warn().Err(err).Msg("the daemon may have to wait for a processor")
		return false
	}
	return true
}

// keepMemory locks what the process uses into memory, if it is let.
func keepMemory(log zerolog.Logger) (locked bool) {
	if err := lockMemory(); err != nil {
		log.Warn().Err(err).Msg("the daemon may have to wait for memory")
		return false
	}
	return true
}
