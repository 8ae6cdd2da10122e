package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"rollcall/cmd/internal/schedule"
)

// processors is how many of the program's threads run Go code at once: the loop and one for
// everything else. More would only take more from the job.
const processors = 2

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
