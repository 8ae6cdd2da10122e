package netlab

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	bootID    = "/proc/sys/kernel/random/boot_id"
	ownMounts = "/proc/thread-self/ns/mnt"
)

// duringBoot runs f where the file stands in for the kernel's name of this boot: all nodes of a lab have
// one kernel, but are not booted together. The calling thread is locked, and shares nothing
// of where it is in the file system with others; what it starts sees later unmounts of the lab's.
func duringBoot(file string, f func() error) error {
	home, err := os.Open(ownMounts)
	if err != nil {
		return fmt.Errorf("open own mount namespace: %w", err)
	}
	defer home.Close()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make mount namespace: %w", err)
	}
	err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "")
	if err == nil {
		err = unix.Mount(file, bootID, "", unix.MS_BIND, "")
	}
	if err != nil {
		err = fmt.Errorf("bind %s to %s: %w", file, bootID, err)
	} else {
		err = f()
	}
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNS); back != nil {
		return errors.Join(err, fmt.Errorf("return from mount namespace: %w", back))
	}
	return err
}
