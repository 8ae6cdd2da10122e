package publish

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestReadersOfAFileCannotWrite(t *testing.T) {
	fd, _ := memory(t, 4096)
	f, err := readOnly(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
		t.Error("mapped for writing")
	}
	if info, err := f.Stat(); err != nil || info.Mode().Perm()&0o222 != 0 {
		t.Error("others may open it for writing again:", info.Mode(), err)
	}
}

func TestOnlyPagesAreShared(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	if _, err := readOnly(pipe[1]); err == nil {
		t.Error("a descriptor that writes and cannot be opened anew was shared")
	}
	if f, err := readOnly(pipe[0]); err != nil {
		t.Error("a descriptor that only reads:", err)
	} else {
		f.Close()
	}
	if _, err := readOnly(-1); !errors.Is(err, unix.EBADF) {
		t.Error(err)
	}
}

// bpf makes the system call of that name with what attr points to.
func bpf[T any](cmd int, attr *T) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(cmd), uintptr(unsafe.Pointer(attr)), unsafe.Sizeof(*attr))
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// update writes the only value of a map.
func update(fd int, value *register) error {
	var key uint32
	attr := struct {
		fd, _             uint32
		key, value, flags uint64
	}{fd: uint32(fd), key: uint64(uintptr(unsafe.Pointer(&key))), value: uint64(uintptr(unsafe.Pointer(value)))}
	_, err := bpf(unix.BPF_MAP_UPDATE_ELEM, &attr)
	runtime.KeepAlive(&key)
	runtime.KeepAlive(value)
	return err
}

func TestReaderReadsARegisterInAMap(t *testing.T) {
	create := struct{ kind, key, value, entries, flags uint32 }{
		unix.BPF_MAP_TYPE_ARRAY, 4, uint32(unsafe.Sizeof(register{})), 1, unix.BPF_F_MMAPABLE,
	}
	fd, err := bpf(unix.BPF_MAP_CREATE, &create)
	if err != nil {
		if os.Getenv("ROLLCALL_REQUIRE_BPF") == "1" {
			t.Fatal("create a map:", err)
		}
		t.Skip("no right to create a BPF map:", err)
	}
	defer unix.Close(fd)
	if _, err := readOnly(fd); err == nil || !strings.Contains(err.Error(), "freeze") {
		t.Error("a map that everybody could write was shared:", err)
	}
	h := newHost(t, func(h *host) {
		h.reg = &register{}
		h.take(1, 7, time.Hour)
		if err := update(fd, h.reg); err != nil {
			t.Fatal(err)
		}
		if _, err := bpf(unix.BPF_MAP_FREEZE, &struct{ fd uint32 }{uint32(fd)}); err != nil {
			t.Fatal(err)
		}
		h.pages.Register, h.pages.RegisterSize = fd, int(unsafe.Sizeof(register{}))
	})
	h.publish(numbered(7))
	if !h.open().Alive("n3") {
		t.Error("not alive")
	}
	f, err := readOnly(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
		t.Error("mapped for writing")
	}
	if err := update(int(f.Fd()), &register{}); !errors.Is(err, unix.EPERM) {
		t.Error("updated:", err)
	}
}
