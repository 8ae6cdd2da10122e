package dataplane

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// processor remembers where a thread ran when it did something last. Any thread may ask for it.
type processor struct{ seen atomic.Int32 } // its number and 1

// note remembers the calling thread's.
func (p *processor) note() {
	var cpu uint32
	if _, _, failed := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); failed == 0 {
		p.seen.Store(int32(cpu) + 1)
	}
}

// last is its number, or -1 where nothing was done yet.
func (p *processor) last() int { return int(p.seen.Load()) - 1 }
