package publish

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// clock reads CLOCK_BOOTTIME without a system call: Go reads CLOCK_MONOTONIC in user space,
// and how far CLOCK_BOOTTIME is ahead of it changes only while the host is suspended.
// Where it errs it is ahead, which ends leases early.
type clock struct {
	at     time.Time    // a moment …
	mono   int64        // … and CLOCK_MONOTONIC just after it
	offset atomic.Int64 // the largest seen of CLOCK_BOOTTIME minus CLOCK_MONOTONIC
}

const clockTries = 5

func newClock() (*clock, error) {
	c := &clock{}
	best := time.Duration(1<<63 - 1)
	for range clockTries {
		at := time.Now()
		mono, err := read(unix.CLOCK_MONOTONIC)
		if err != nil {
			return nil, err
		}
		if gap := time.Since(at); gap < best {
			best, c.at, c.mono = gap, at, mono
		}
	}
	offset, err := bootOffset()
	c.offset.Store(offset)
	return c, err
}

// monotonic gives CLOCK_MONOTONIC.
func (c *clock) monotonic() int64 { return c.mono + int64(time.Since(c.at)) }

// boot gives CLOCK_BOOTTIME, from what the daemon last said of the offset and the time of an
// event that is known to lie in the past.
func (c *clock) boot(offset int64, past uint64) uint64 {
	mono := c.monotonic()
	known := c.offset.Load()
	offset = max(offset, known, int64(past)-mono)
	for offset > known && !c.offset.CompareAndSwap(known, offset) {
		known = c.offset.Load()
	}
	return uint64(mono + max(offset, known))
}

// bootOffset is CLOCK_BOOTTIME minus CLOCK_MONOTONIC in nanoseconds, or a little more.
func bootOffset() (int64, error) {
	best, offset := int64(1<<63-1), int64(0)
	for range clockTries {
		before, err1 := read(unix.CLOCK_MONOTONIC)
		boot, err2 := read(unix.CLOCK_BOOTTIME)
		after, err3 := read(unix.CLOCK_MONOTONIC)
		if err := errors.Join(err1, err2, err3); err != nil {
			return 0, err
		}
		if after-before < best {
			best, offset = after-before, boot-before
		}
	}
	return offset, nil
}

// read asks the kernel for a clock, by system call.
func read(id int32) (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		return 0, fmt.Errorf("read clock %d: %w", id, err)
	}
	return ts.Nano(), nil
}
