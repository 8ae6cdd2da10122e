package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// processors is how many of the program's threads run Go code at once: the loop and one for
// everything else. More would only take more from the job.
const processors = 2

// preferThreads puts all threads of the process under a real-time policy. One such thread
// alone would not do: where Go stops the world it waits for its siblings, starved as they may
// be. Threads made later inherit it. The loop's thread is then raised by preferLoop: Go's
// sweeper spins until whoever is in the middle of a span has finished, and of equals under
// SCHED_FIFO the spinning one would never let the other have the processor.
func preferThreads(priority int) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: uint32(max(priority-1, 1))}
	done := map[int]bool{}
	for {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("list own threads: %w", err)
		}
		settled := true
		for _, t := range tasks {
			id, err := strconv.Atoi(t.Name())
			if err != nil || done[id] {
				continue
			}
			done[id], settled = true, false
			if err := unix.SchedSetAttr(id, &attr, 0); err != nil && err != unix.ESRCH {
				return fmt.Errorf("set real-time priority %d: %w; grant CAP_SYS_NICE or set priority = 0", priority, err)
			}
		}
		if settled {
			return nil
		}
	}
}

// preferLoop puts the calling thread, the loop's, before its siblings.
func preferLoop(priority int) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: uint32(priority)}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		return fmt.Errorf("set SCHED_FIFO priority %d: %w", priority, err)
	}
	return nil
}

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
