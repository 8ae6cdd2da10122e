package publish

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// jailed names the variable that makes the test binary a child which asks a Reader in a jail.
const jailed = "ROLLCALL_TEST_JAILED"

// TestReaderMakesNoSystemCall runs a child process whose kernel kills it at any system call
// of the thread that reads, but those by which Go's scheduler parks threads.
func TestReaderMakesNoSystemCall(t *testing.T) {
	h := newHost(t)
	h.publish(numbered(7))
	h.take(1, 7, time.Hour)
	for _, what := range []string{"getppid", "boottime"} {
		if err := jail(t, h, what); !killed(err) {
			t.Fatalf("the jail does not hold %s: %v", what, err)
		}
	}
	if err := jail(t, h, "clock"); killed(err) {
		if os.Getenv("ROLLCALL_REQUIRE_BPF") == "1" {
			t.Fatal("this host's clock source cannot be read in user space")
		}
		t.Skip("this host's clock source cannot be read in user space")
	}
	if err := jail(t, h, "reader"); err != nil {
		t.Error("reader:", err)
	}
}

// killed reports whether the jail ended the child.
func killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == unix.SIGSYS
}

func jail(t *testing.T, h *host, what string) error {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestInJail$")
	cmd.Env = append(os.Environ(), jailed+"="+what, "SOCKET="+h.socket, "GODEBUG=asyncpreemptoff=1")
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) > 0 {
		err = fmt.Errorf("%w: %.500s", err, out)
	}
	return err
}

// TestInJail is the child. It leaves without a word, since words are system calls.
func TestInJail(t *testing.T) {
	what := os.Getenv(jailed)
	if what == "" {
		t.Skip("runs as a child of TestReaderMakesNoSystemCall")
	}
	r, err := Open(os.Getenv("SOCKET"))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Valid() {
		t.Fatal("not valid before the jail")
	}
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	if err := enterJail(); err != nil {
		t.Fatal(err)
	}
	status := 0
	start := time.Now()
	for range 100000 {
		switch what {
		case "getppid":
			unix.Getppid()
		case "boottime":
			var ts unix.Timespec
			unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
		case "clock":
			if time.Since(start) < 0 {
				status = 3
			}
		case "reader":
			if !r.Valid() || r.Epoch() != 7 || r.Lease() <= 0 || !r.Alive("n3") || r.Has("n30") || r.View() == nil || r.Retired() {
				status = 4
			}
		}
	}
	unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(status), 0, 0)
}

// enterJail lets the calling thread make no system call but those of parking and the end.
func enterJail() error {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the call's number
	for _, nr := range []uint32{unix.SYS_FUTEX, unix.SYS_RT_SIGRETURN, unix.SYS_EXIT_GROUP} {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS})
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return fmt.Errorf("install the filter: %w", errno)
	}
	return nil
}
