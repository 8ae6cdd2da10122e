package schedule

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestThread(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to raise priorities")
	}
	for name, tc := range map[string]struct {
		policy   Policy
		kind     uint32
		priority uint32
		nice     int32
	}{
		"fifo":   {FIFO(7), unix.SCHED_FIFO, 7, 0},
		"rr":     {RoundRobin(3), unix.SCHED_RR, 3, 0},
		"nice":   {Nice(-5), unix.SCHED_NORMAL, 0, -5},
		"normal": {Nice(0), unix.SCHED_NORMAL, 0, 0},
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // never unlocked: the thread ends with its policy
			if err := tc.policy.Thread(); err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			a, err := unix.SchedGetAttr(0, 0)
			if err != nil || a.Policy != tc.kind || a.Priority != tc.priority || a.Nice != tc.nice {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
		}()
		<-done
	}
	if err := FIFO(100).Thread(); err == nil {
		t.Error("a priority of 100 was taken")
	}
}

// TestOf changes another process, and says so if there is none.
func TestOf(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to raise priorities")
	}
	c := exec.Command("cat")
	if _, err := c.StdinPipe(); err != nil { // which it reads until it is ended
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	err := RoundRobin(3).Of(c.Process.Pid)
	if a, got := unix.SchedGetAttr(c.Process.Pid, 0); err != nil || got != nil || a.Policy != unix.SCHED_RR || a.Priority != 3 {
		t.Errorf("%+v, %v, %v", a, err, got)
	}
	c.Process.Kill()
	c.Wait()
	if err := RoundRobin(3).Of(c.Process.Pid); err == nil {
		t.Error("a process that has ended was put under a policy")
	}
}

func TestForkNormal(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to raise priorities")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with its policy
		if err := errors.Join(FIFO(7).Thread(), ForkNormal()); err != nil {
			t.Error(err)
			return
		}
		if a, err := unix.SchedGetAttr(0, 0); err != nil || a.Policy != unix.SCHED_FIFO || a.Priority != 7 {
			t.Errorf("the thread itself: %+v, %v", a, err)
		}
		out, err := exec.Command("/bin/sh", "-c", "cat /proc/$$/stat").Output()
		fields := strings.Fields(string(out))
		if err != nil || len(fields) < 41 || fields[40] != "0" { // policy, by proc(5)
			t.Errorf("its child: %s, %v", out, err)
		}
	}()
	<-done
}
