package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// pollUntil waits until one of the descriptors is ready or the deadline has come, and
// leaves in each Revents what happened. control.MaxTime is no deadline.
func pollUntil(deadline control.Time, fds []unix.PollFd) error {
	for {
		_, err := unix.Ppoll(fds, timeout(deadline), nil)
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("ppoll", err)
		}
	}
}

// timeout is what remains until the deadline, in the nanoseconds that ppoll takes.
func timeout(deadline control.Time) *unix.Timespec {
	if deadline == control.MaxTime {
		return nil
	}
	now := Now()
	if deadline <= now {
		return &unix.Timespec{}
	}
	ts := unix.NsecToTimespec(int64(min(deadline-now, math.MaxInt64)))
	return &ts
}

// bell ends a poll from any goroutine: an eventfd among the descriptors polled.
type bell struct {
	mu sync.Mutex // keeps a late ring off a descriptor number that has a new owner
	fd int        // -1 when closed
}

func newBell() (*bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("create eventfd: %w", err)
	}
	return &bell{fd: fd}, nil
}

// ring makes the poll in progress, or the next one, return.
func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd < 0 {
		return
	}
	one := binary.NativeEndian.AppendUint64(nil, 1)
	unix.Write(b.fd, one) // fails only when it rang 2^64 times already
}

// clear forgets the rings so far. It belongs to the thread that polls, as close does.
func (b *bell) clear() {
	var count [8]byte
	unix.Read(b.fd, count[:])
}

func (b *bell) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd >= 0 {
		unix.Close(b.fd)
		b.fd = -1
	}
}
