package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"rollcall/cmd/rollcall-lab/netlab"
)

// ErrHeld says that a running process takes care of the lab.
var ErrHeld = errors.New("in use")

// Down ends the cluster and takes away all that is left of it.
func (c *Cluster) Down() error {
	c.Close()
	return remove(c.options.Lab)
}

// Down ends the lab's daemons and takes away all that is left of it, also when the process
// that made it was killed halfway. It leaves a lab alone that another process holds, with ErrHeld.
func Down(lab string) error {
	s, err := readState(lab)
	if err == nil && s.Options.Tied && s.Maker.PID != os.Getpid() {
		if h, err := s.Maker.open(); err == nil {
			h.close()
			return fmt.Errorf("lab %s: %w: process %d takes it down when it ends", lab, ErrHeld, s.Maker.PID)
		}
	}
	return remove(lab)
}

// remove works from what is found, not from what should be there.
func remove(lab string) error {
	dirs, err := os.ReadDir(labDir(lab))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("list nodes of lab %s: %w", lab, err)
	}
	var errs []error
	var holds []handle
	for _, d := range dirs {
		n := &Node{Lab: lab, Dir: filepath.Join(labDir(lab), d.Name())}
		n.Name = d.Name()
		if h, err := n.hold(); err == nil {
			holds = append(holds, h)
			errs = append(errs, h.signal(syscall.SIGKILL))
		}
	}
	for _, h := range holds {
		errs = append(errs, h.wait(patience))
		h.close()
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("end daemons of lab %s: %w", lab, err)
	}
	if err := netlab.Remove(lab); err != nil {
		return err
	}
	if err := os.RemoveAll(labDir(lab)); err != nil {
		return fmt.Errorf("remove state of lab %s: %w", lab, err)
	}
	return nil
}

// Labs lists all labs of this machine, with those of which only remains are left.
func Labs() ([]string, error) {
	labs, err := netlab.Remains()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(stateRoot)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list labs: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			labs = append(labs, e.Name())
		}
	}
	slices.Sort(labs)
	return slices.Compact(labs), nil
}
