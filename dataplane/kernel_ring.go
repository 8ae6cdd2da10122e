package dataplane

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// event is struct rc_event of bpf/maps.h.
type event struct {
	wake   uint32
	place  uint32
	at     uint64
	ballot uint64
	seq    uint64
}

// ring reads a BPF ring buffer in place. It is not package ringbuf, whose reader waits by
// an epoll of its own where Wait needs one wait for everything and nanoseconds.
type ring struct {
	fd       int
	size     uint64
	consumer *uint64
	producer *uint64
	data     []byte // mapped twice over, so that no record is cut in two
	mapped   [2][]byte
}

func openRing(m *ebpf.Map) (*ring, error) {
	page, size := os.Getpagesize(), int(m.MaxEntries())
	r := &ring{fd: m.FD(), size: uint64(size)}
	var err error
	if r.mapped[0], err = unix.Mmap(r.fd, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, fmt.Errorf("map the event ring: %w", err)
	}
	if r.mapped[1], err = unix.Mmap(r.fd, int64(page), page+2*size, unix.PROT_READ, unix.MAP_SHARED); err != nil {
		r.close()
		return nil, fmt.Errorf("map the event ring: %w", err)
	}
	r.consumer = (*uint64)(unsafe.Pointer(&r.mapped[0][0]))
	r.producer = (*uint64)(unsafe.Pointer(&r.mapped[1][0]))
	r.data = r.mapped[1][page:]
	return r, nil
}

func (r *ring) close() {
	for _, b := range r.mapped {
		if b != nil {
			unix.Munmap(b)
		}
	}
}

// drain takes all events and joins their wakes, place by place. It reports whether any may have been lost:
// the kernel loses one only while the ring is full of events not yet taken, and the
// drain that follows takes about a full ring.
func (r *ring) drain() (wakes Wakes, lost bool) {
	const (
		header  = 8
		busy    = 1 << 31
		discard = 1 << 30
		record  = header + uint64(unsafe.Sizeof(event{}))
	)
	start := atomic.LoadUint64(r.consumer)
	at := start
	for at != atomic.LoadUint64(r.producer) {
		head := unsafe.Pointer(&r.data[at&(r.size-1)])
		n := atomic.LoadUint32((*uint32)(head))
		if n&busy != 0 {
			break // being written at this moment: the next poll returns at once
		}
		length := uint64(n &^ discard)
		if n&discard == 0 && length >= uint64(unsafe.Sizeof(event{})) {
			if e := (*event)(unsafe.Add(head, header)); e.place < control.Places {
				wakes[e.place] |= control.Wake(e.wake)
			}
		}
		at += (header + length + 7) &^ 7
		atomic.StoreUint64(r.consumer, at)
	}
	return wakes, at-start+record > r.size
}
