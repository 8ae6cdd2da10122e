package dataplane

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// page is memory that this process writes and others map read-only.
type page struct {
	fd    int // read-only
	bytes []byte
}

// newPage makes a page. It is sealed: nobody else will ever write or shrink it, whatever
// rights a process has that got hold of the descriptor.
func newPage(name string, size int) (*page, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("create page %s: %w", name, err)
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return nil, fmt.Errorf("size page %s: %w", name, err)
	}
	b, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map page %s: %w", name, err)
	}
	const seals = unix.F_SEAL_FUTURE_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		unix.Munmap(b)
		return nil, fmt.Errorf("seal page %s: %w", name, err)
	}
	reader, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		unix.Munmap(b)
		return nil, fmt.Errorf("open page %s for readers: %w", name, err)
	}
	return &page{fd: reader, bytes: b}, nil
}

func (p *page) close() error {
	err := os.NewSyscallError("munmap", unix.Munmap(p.bytes))
	p.bytes = nil
	if e := os.NewSyscallError("close", unix.Close(p.fd)); err == nil {
		err = e
	}
	return err
}

// publishWords copies a value that begins with a version to where others read it at the same
// time: the version there is odd while the words change, and goes up with every change.
// The atomic stores come in order on every architecture.
func publishWords[T any](to, from *T) {
	version := (*uint32)(unsafe.Pointer(to))
	// The first word shares its bytes with the version, so its second half goes alone.
	second := unsafe.Sizeof(*version)
	atomic.AddUint32(version, 1)
	atomic.StoreUint32((*uint32)(unsafe.Add(unsafe.Pointer(to), second)), *(*uint32)(unsafe.Add(unsafe.Pointer(from), second)))
	for i := 2 * second; i < unsafe.Sizeof(*from); i += 2 * second {
		word, at := *(*uint64)(unsafe.Add(unsafe.Pointer(from), i)), (*uint64)(unsafe.Add(unsafe.Pointer(to), i))
		if *at != word {
			atomic.StoreUint64(at, word)
		}
	}
	atomic.AddUint32(version, 1)
}
