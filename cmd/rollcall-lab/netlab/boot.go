package netlab

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Boot are the files that a node sees in place of the machine's: all nodes of a lab have one kernel and one
// root directory, but are not booted together, and know each other by their names.
type Boot struct {
	ID    string // for the kernel's boot_id
	Hosts string // for /etc/hosts
}

const ownMounts = "/proc/thread-self/ns/mnt"

// during runs f where the files of a boot stand in for those of the machine. The calling thread is locked, and
// shares nothing of where it is in the file system with others; what it starts sees later
// unmounts of the lab's.
func (b Boot) during(f func() error) error {
	home, err := os.Open(ownMounts)
	if err != nil {
		return fmt.Errorf("open own mount namespace: %w", err)
	}
	defer home.Close()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make mount namespace: %w", err)
	}
	if err = b.bind(); err == nil {
		err = f()
	}
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNS); back != nil {
		return errors.Join(err, fmt.Errorf("return from mount namespace: %w", back))
	}
	return err
}

func (b Boot) bind() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("keep mounts to this namespace: %w", err)
	}
	for _, bound := range [][2]string{{b.ID, "/proc/sys/kernel/random/boot_id"}, {b.Hosts, "/etc/hosts"}} {
		if err := unix.Mount(bound[0], bound[1], "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s to %s: %w", bound[0], bound[1], err)
		}
	}
	return nil
}
