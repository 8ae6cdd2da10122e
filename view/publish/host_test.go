package publish

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rollcall/view"
)

// register stands for a kernel's register: the same kinds of fields in another layout.
type register struct {
	_          [24]byte
	leaseUntil uint64
	upperUntil uint64
	committed  uint64
	version    uint32
	state      uint32
	beatAt     uint64
	instance   uint32
	_          uint32
	digest     uint64
}

const member = 2

var layout = RegisterLayout{
	Version:    uint32(unsafe.Offsetof(register{}.version)),
	State:      uint32(unsafe.Offsetof(register{}.state)),
	Instance:   uint32(unsafe.Offsetof(register{}.instance)),
	Committed:  uint32(unsafe.Offsetof(register{}.committed)),
	Digest:     uint32(unsafe.Offsetof(register{}.digest)),
	BeatAt:     uint32(unsafe.Offsetof(register{}.beatAt)),
	LeaseUntil: uint32(unsafe.Offsetof(register{}.leaseUntil)),
	UpperUntil: uint32(unsafe.Offsetof(register{}.upperUntil)),
	Member:     member,
}

// host is what a daemon and its kernel keep for readers.
type host struct {
	t      testing.TB
	socket string // of the API
	pages  Pages
	mem    []byte
	reg    *register
	layout RegisterLayout
	*Publisher
}

// memory makes shared memory as a daemon does.
func memory(t testing.TB, size int) (int, []byte) {
	t.Helper()
	fd, err := unix.MemfdCreate("page", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		t.Fatal(err)
	}
	b, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Munmap(b)
		unix.Close(fd)
	})
	return fd, b
}

func newHost(t testing.TB, change ...func(*host)) *host {
	t.Helper()
	h := &host{t: t, socket: filepath.Join(t.TempDir(), "rollcall.sock")}
	h.pages.ViewSize, h.pages.RegisterSize = 1<<16, 4096
	h.pages.View, h.mem = memory(t, h.pages.ViewSize)
	fd, reg := memory(t, h.pages.RegisterSize)
	h.pages.Register, h.reg = fd, (*register)(unsafe.Pointer(&reg[0]))
	p, err := NewPublisher(h.mem)
	if err != nil {
		t.Fatal(err)
	}
	h.Publisher, h.layout = p, layout
	for _, c := range change {
		c(h)
	}
	h.serve()
	return h
}

func (h *host) serve() {
	h.t.Helper()
	l, err := Listen(ViewSocket(h.socket))
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ServePages(ctx, l, h.pages) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
}

func (h *host) open() *Reader {
	h.t.Helper()
	r, err := Open(h.socket)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// take makes the register a member's with a lease.
func (h *host) take(instance uint32, seq uint64, lease time.Duration) {
	h.reg.state, h.reg.instance = member, instance
	atomic.StoreUint64(&h.reg.committed, seq)
	atomic.StoreUint64(&h.reg.upperUntil, math.MaxUint64)
	atomic.StoreUint64(&h.reg.leaseUntil, uint64(bootNow(h.t)+int64(lease)))
}

func bootNow(t testing.TB) int64 {
	t.Helper()
	now, err := read(unix.CLOCK_BOOTTIME)
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// numbered gives a view whose every part tells its epoch.
func numbered(epoch uint64) *view.View {
	v := &view.View{Cluster: "tofu", Instance: 1, Epoch: epoch, Leader: "n0"}
	for slot := range uint16(epoch%40 + 1) {
		v.Members = append(v.Members, view.Identity{Name: fmt.Sprint("n", slot), Slot: slot, Incarnation: epoch})
	}
	return v
}

func (h *host) publish(v *view.View) {
	h.t.Helper()
	var digest uint64
	if v != nil {
		digest = v.Hash()
	}
	if err := h.Publish(v, digest, h.layout); err != nil {
		h.t.Fatal(err)
	}
}
