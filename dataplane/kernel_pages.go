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

// pages are the maps that the agent reads and writes without a system call.
type pages struct {
	registers *[control.Places]control.Register
	tallies   *[control.Levels]tallyPage
	members   *[control.Levels][control.Slots]control.Member
	mapped    [][]byte
}

// tallyPage is struct rc_tally of bpf/maps.h: a control.Tally up to its members.
type tallyPage struct {
	control.Asking
	Heard [control.Slots]control.Heard
}

// openPages maps the pinned registers and tallies.
func openPages(maps map[string]*ebpf.Map) (*pages, error) {
	p := &pages{}
	for _, m := range []struct {
		name  string
		value uintptr
		write int
		take  func(b []byte)
	}{
		{mapGroup, unsafe.Sizeof(control.Register{}), 0, func(b []byte) { p.registers = (*[control.Places]control.Register)(unsafe.Pointer(&b[0])) }},
		{mapTally, unsafe.Sizeof(tallyPage{}), 0, func(b []byte) { p.tallies = (*[control.Levels]tallyPage)(unsafe.Pointer(&b[0])) }},
		{mapMember, unsafe.Sizeof(control.Member{}), unix.PROT_WRITE, func(b []byte) { p.members = (*[control.Levels][control.Slots]control.Member)(unsafe.Pointer(&b[0])) }},
	} {
		b, err := mapPages(maps[m.name], m.value, m.write)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("map the pages of %s: %w", m.name, err)
		}
		p.mapped = append(p.mapped, b)
		m.take(b)
	}
	return p, nil
}

// mapPages maps all values of an array of values of the given size.
func mapPages(m *ebpf.Map, value uintptr, write int) ([]byte, error) {
	if uintptr(m.ValueSize()) != value || value%8 != 0 {
		return nil, fmt.Errorf("a value has %d bytes, expected %d", m.ValueSize(), value)
	}
	page := os.Getpagesize()
	n := (int(value)*int(m.MaxEntries()) + page - 1) / page * page
	return unix.Mmap(m.FD(), 0, n, unix.PROT_READ|write, unix.MAP_SHARED)
}

func (p *pages) close() {
	for _, b := range p.mapped {
		unix.Munmap(b)
	}
	p.mapped = nil
}

// snapshot copies a value that begins with a version, which is odd while the kernel writes.
// The kernel writes with interrupts off, so trying again ends.
func snapshot[T any](to, from *T) {
	version := (*uint32)(unsafe.Pointer(from))
	for {
		before := atomic.LoadUint32(version)
		copyWords(unsafe.Pointer(to), unsafe.Pointer(from), unsafe.Sizeof(*from))
		if before&1 == 0 && atomic.LoadUint32(version) == before {
			*(*uint32)(unsafe.Pointer(to)) = 0
			return
		}
	}
}

// copyWords copies n bytes, a multiple of 8, by atomic loads: these are neither torn nor
// moved past the load of the version that follows, on any architecture.
func copyWords(to, from unsafe.Pointer, n uintptr) {
	for i := uintptr(0); i < n; i += 8 {
		*(*uint64)(unsafe.Add(to, i)) = atomic.LoadUint64((*uint64)(unsafe.Add(from, i)))
	}
}
