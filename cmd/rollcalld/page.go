package main

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view"
	"rollcall/view/publish"
)

// layoutFor is registerLayout for a view whose number the register knows as its group's, or, where
// there are groups of groups, as the epoch that beats tell of.
func layoutFor(v *view.ClusterView) publish.RegisterLayout {
	l := registerLayout
	if v.Top.Level > 0 {
		l.Committed = uint32(unsafe.Offsetof(control.Register{}.Epoch))
		l.Digest = uint32(unsafe.Offsetof(control.Register{}.EpochDigest))
	}
	return l
}

// registerLayout tells readers of the mapped view where a register keeps its lease.
var registerLayout = publish.RegisterLayout{
	Version:    uint32(unsafe.Offsetof(control.Register{}.Version)),
	State:      uint32(unsafe.Offsetof(control.Register{}.State)),
	Instance:   uint32(unsafe.Offsetof(control.Register{}.Instance)),
	Committed:  uint32(unsafe.Offsetof(control.Register{}.Committed) + unsafe.Offsetof(control.Commit{}.Seq)),
	Digest:     uint32(unsafe.Offsetof(control.Register{}.Committed) + unsafe.Offsetof(control.Commit{}.Digest)),
	BeatAt:     uint32(unsafe.Offsetof(control.Register{}.BeatAt)),
	LeaseUntil: uint32(unsafe.Offsetof(control.Register{}.LeaseUntil)),
	UpperUntil: uint32(unsafe.Offsetof(control.Register{}.UpperUntil)),
	Member:     uint32(control.RegisterMember),
}

// registerPage reads the register from any goroutine, as it is at that moment: in a healthy
// group the loop sleeps while the kernel extends the lease. It is never unmapped, for nobody
// knows which request still reads it.
type registerPage struct{ mem []byte }

func openRegister(p dataplane.Pages) (*registerPage, error) {
	if want := int(unsafe.Sizeof(control.Register{})); p.RegisterSize < want {
		return nil, fmt.Errorf("map the register: %d bytes, expected %d", p.RegisterSize, want)
	}
	mem, err := unix.Mmap(p.Register, 0, p.RegisterSize, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the register: %w", err)
	}
	return &registerPage{mem}, nil
}

// readerPages are the plane's pages as anybody may be given them.
func readerPages(p dataplane.Pages) publish.Pages {
	return publish.Pages{View: p.View, ViewSize: len(p.ViewPage), Register: p.Register, RegisterSize: p.RegisterSize}
}

// readTries bounds the wait for a writer that was stopped half way; it writes for less
// than a microsecond.
const readTries = 10000

// read copies the register, all of one moment; when that cannot be had, a vacant one, whose
// lease is over.
func (p *registerPage) read() (r control.Register) {
	const words = unsafe.Sizeof(r) / 8
	from := (*[words]uint64)(unsafe.Pointer(&p.mem[0]))
	to := (*[words]uint64)(unsafe.Pointer(&r))
	version := (*uint32)(unsafe.Pointer(&p.mem[registerLayout.Version]))
	for range readTries {
		before := atomic.LoadUint32(version)
		for i := range from {
			to[i] = atomic.LoadUint64(&from[i])
		}
		if before%2 == 0 && atomic.LoadUint32(version) == before {
			return r
		}
	}
	return control.Register{}
}
