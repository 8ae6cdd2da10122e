package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// firstThreadEnds makes this program one whose first thread ends at once, and whose others do with its input.
const firstThreadEnds = "ROLLCALL_TEST_FIRST_THREAD_ENDS"

func init() { // runs in the first thread
	if os.Getenv(firstThreadEnds) == "" {
		return
	}
	runtime.GOMAXPROCS(2) // one is lost with the thread
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
}

// TestEndsWithItsLastThread: a process whose first thread is gone has not ended while another has its sockets.
func TestEndsWithItsLastThread(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := exec.Command(self)
	d.Env = append(os.Environ(), firstThreadEnds+"=1")
	in, err := d.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) { // no event tells of a thread's end
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.Process.Pid))
		if err != nil || time.Now().After(end) {
			t.Fatalf("the first thread did not end: %s, %v", stat, err)
		}
		if strings.Contains(string(stat), ") Z ") {
			break
		}
	}
	p, err := identify(d.Process.Pid)
	if err != nil {
		t.Fatalf("others run: %v", err)
	}
	h, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	in.Close()
	if err := h.wait(patience); err != nil {
		t.Fatal(err)
	}
	if _, err := p.open(); !errors.Is(err, errEnded) { // not reaped yet
		t.Errorf("all ended: %v", err)
	}
	if err := d.Wait(); err != nil {
		t.Error(err)
	}
}
