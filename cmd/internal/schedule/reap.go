package schedule

import (
	"errors"
	"os/exec"
	"runtime"
)

// Reap waits for a child, on a thread of ordinary priority. Whoever waits has the kernel forget what /proc
// shows of the child, which spins while somebody else is at the same: two real-time threads that do so
// keep both processors of a small machine from the one that they wait for, for minutes.
func Reap(child *exec.Cmd) error {
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its scheduling
		lowered := Nice(0).Thread()
		ended <- errors.Join(lowered, child.Wait())
	}()
	return <-ended
}
