package publish

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// readOnly returns a descriptor of the same page through which nobody can write.
func readOnly(fd int) (*os.File, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("descriptor %d: %w", fd, err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		return readOnlyFile(fd)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d: %w", fd, err)
	}
	if flags&unix.O_ACCMODE != unix.O_RDONLY {
		if err := frozen(fd); err != nil {
			return nil, fmt.Errorf("descriptor %d: %w", fd, err)
		}
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d: %w", fd, err)
	}
	return os.NewFile(uintptr(dup), "page"), nil
}

// readOnlyFile opens a file or memfd anew. Who holds a descriptor may open its file again
// through /proc, so the file itself must not be writable for others, as memfds are.
func readOnlyFile(fd int) (*os.File, error) {
	if err := unix.Fchmod(fd, 0o444); err != nil {
		return nil, fmt.Errorf("descriptor %d: protect the page: %w", fd, err)
	}
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return nil, fmt.Errorf("descriptor %d: open the page for reading: %w", fd, err)
	}
	return f, nil
}

// frozen returns nil when the descriptor is of a BPF map that only programs write. There is
// no other way to share one: the kernel maps none through a descriptor opened for reading,
// and lets everybody who holds another update what is not frozen.
func frozen(fd int) error {
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	switch {
	case err != nil:
		return err
	case strings.Contains(string(info), "\nfrozen:\t1\n"):
		return nil
	case strings.Contains(string(info), "\nmap_id:"):
		return errors.New("whoever gets the map could write it: freeze it (BPF_MAP_FREEZE)")
	}
	return errors.New("it is open for writing: open it for reading")
}
