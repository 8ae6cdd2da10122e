package netlab

import (
	"os/exec"
	"runtime"
	"sync"

	"rollcall/cmd/internal/schedule"
)

// starter is a thread that lives as long as this process and does nothing but start others:
// a child that is to die with its parent dies when the thread ends that started it, and Go
// ends threads as it sees fit. Which namespace the thread is in does not matter to anybody.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// Start starts a command in the node's network namespace; all else it shares with the caller, but for the
// directory, which is the root unless c.Dir names another.
// With a parent-death signal it gets that when this process ends, not earlier.
func (n *Network) Start(name string, c *exec.Cmd) error { return n.start(name, c.Start) }

// StartBooted starts a command likewise, of a node that is in a boot of its own.
func (n *Network) StartBooted(name string, boot Boot, c *exec.Cmd) error {
	return n.start(name, func() error { return boot.during(c.Start) })
}

func (n *Network) start(name string, f func() error) error {
	done := make(chan error, 1)
	starter() <- func() {
		if err := enter(Namespace(n.config.Lab, name)); err != nil {
			done <- err
			return
		}
		if err := schedule.ForkNormal(); err != nil { // a lab may have a priority of its own
			done <- err
			return
		}
		done <- f()
	}
	return <-done
}
