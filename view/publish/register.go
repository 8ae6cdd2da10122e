package publish

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// RegisterLayout tells where in the register page a reader finds what it needs, as offsets in
// bytes, so that readers need not know the daemon's version. Version counts up around every
// write of the kernel, odd meanwhile.
type RegisterLayout struct {
	Version    uint32 // offset of a uint32
	State      uint32 // offset of a uint32
	Instance   uint32 // offset of a uint32
	Committed  uint32 // offset of a uint64: seq of the last view known to be decided
	Digest     uint32 // offset of a uint64: digest of that view, 0 where it was not told
	BeatAt     uint32 // offset of a uint64: arrival of the last beat, CLOCK_BOOTTIME
	LeaseUntil uint32 // offset of a uint64: CLOCK_BOOTTIME
	UpperUntil uint32 // offset of a uint64: CLOCK_BOOTTIME
	Member     uint32 // the value of State that means: in the committed view
}

const registerFields = 9

func (l *RegisterLayout) fields() [registerFields]*uint32 {
	return [...]*uint32{&l.Version, &l.State, &l.Instance, &l.Committed, &l.Digest, &l.BeatAt, &l.LeaseUntil, &l.UpperUntil, &l.Member}
}

// check tells what makes the layout unfit for a register page of size bytes.
func (l *RegisterLayout) check(size int) error {
	fields := l.fields()
	for i, at := range fields[:registerFields-1] { // all but Member
		width := 8
		if i < 3 {
			width = 4
		}
		if int(*at)%width != 0 || int(*at)+width > size {
			return fmt.Errorf("register field %d at offset %d does not fit into %d bytes", i, *at, size)
		}
	}
	return nil
}

// lease is what the register says, all of one moment.
type lease struct {
	member    bool
	instance  uint32
	committed uint64
	digest    uint64
	beatAt    uint64
	until     uint64 // the earlier of both leases' ends
}

// readTries bounds the wait for a kernel that writes; it writes for less than a microsecond.
const readTries = 10000

// read returns the register's lease, or the zero lease when it is being written all the time.
func (l *RegisterLayout) read(register []byte) lease {
	word := func(at uint32) uint32 { return atomic.LoadUint32((*uint32)(unsafe.Pointer(&register[at]))) }
	long := func(at uint32) uint64 { return atomic.LoadUint64((*uint64)(unsafe.Pointer(&register[at]))) }
	for range readTries {
		version := word(l.Version)
		if version%2 == 1 {
			continue
		}
		r := lease{
			member:    word(l.State) == l.Member,
			instance:  word(l.Instance),
			committed: long(l.Committed),
			digest:    long(l.Digest),
			beatAt:    long(l.BeatAt),
			until:     min(long(l.LeaseUntil), long(l.UpperUntil)),
		}
		if word(l.Version) == version {
			return r
		}
	}
	return lease{}
}
