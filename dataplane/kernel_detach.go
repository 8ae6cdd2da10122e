package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// Detach ends what a cluster's agent left in the kernel: door, filter, the qdisc where it
// was ours and is empty, multicast address, pins. The node answers no frame from then on.
// It is to be called in the network namespace of the interface, while no agent runs.
func Detach(pinDir, cluster string) error {
	dir := pinPath(pinDir, cluster)
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("detach cluster %s: nothing is pinned: %w", cluster, err)
	}
	lock, err := lockPins(pinDir, cluster, "its interface")
	if err != nil {
		return fmt.Errorf("detach cluster %s: %w", cluster, err)
	}
	if err := removePins(dir); err != nil {
		lock.Close()
		return fmt.Errorf("detach cluster %s: %w", cluster, err)
	}
	unlockPins(lock)
	return nil
}

// DetachAll detaches every cluster that is pinned under pinDir, and tells which they were.
func DetachAll(pinDir string) ([]string, error) {
	entries, err := os.ReadDir(pinDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("detach all: %w", err)
	}
	var done []string
	var errs []error
	for _, e := range entries {
		if !e.IsDir() || strings.Contains(e.Name(), "_") {
			continue
		}
		if err := Detach(pinDir, e.Name()); err != nil {
			errs = append(errs, err)
			continue
		}
		done = append(done, e.Name())
	}
	return done, errors.Join(errs...)
}

// removePins takes off the door and removes the pins; the caller holds the lock.
func removePins(dir string) error {
	m, err := ebpf.LoadPinnedMap(filepath.Join(dir, mapDoor), nil)
	if err != nil {
		return fmt.Errorf("open the record of what is attached: %w", err)
	}
	defer m.Close()
	for rail := range int(m.MaxEntries()) {
		d, err := readDoor(m, rail)
		if err != nil {
			return err
		}
		if err := removeDoor(dir, rail, &d); err != nil {
			return err
		}
		if err := leaveMulticast(dir, rail, d); err != nil {
			return err
		}
	}
	if err := removeClock(dir); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove pins: %w", err)
	}
	return nil
}

// removeDoor takes the recorded door of a rail off its interface, which may be gone by now.
func removeDoor(dir string, rail int, d *door) error {
	switch d.Attach {
	case attachedNative, attachedGeneric:
		l, err := link.LoadPinnedLink(filepath.Join(dir, pinOf(pinXDPLink, rail)), nil)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return fmt.Errorf("open the pinned XDP link: %w", err)
		}
		defer l.Close()
		if err := l.Unpin(); err != nil {
			return fmt.Errorf("unpin the XDP link: %w", err)
		}
	case attachedTC:
		f, err := ownFilter(dir, rail, int(d.Ifindex))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if f != nil {
			if err := netlink.FilterDel(f); err != nil {
				return fmt.Errorf("remove TC filter: %w", err)
			}
		}
		if err := os.Remove(filepath.Join(dir, pinOf(pinTCDoor, rail))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("unpin the TC door: %w", err)
		}
		if err := removeQdisc(d); err != nil {
			return err
		}
	}
	d.Attach = attachedNot
	return nil
}

// removeQdisc removes the clsact qdisc where it is ours and nobody else uses it.
func removeQdisc(d *door) error {
	if d.Clsact == 0 {
		return nil
	}
	d.Clsact = 0
	for _, side := range []uint32{netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS} {
		list, err := filters(int(d.Ifindex), side)
		if errors.Is(err, unix.ENODEV) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(list) > 0 {
			return nil
		}
	}
	err := netlink.QdiscDel(clsact(int(d.Ifindex)))
	if err != nil && !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove qdisc clsact: %w", err)
	}
	return nil
}

// leaveMulticast takes the group's address, which the register tells, off a rail's interface.
func leaveMulticast(dir string, rail int, d door) error {
	m, err := ebpf.LoadPinnedMap(filepath.Join(dir, mapGroup), nil)
	if err != nil {
		return fmt.Errorf("open the register: %w", err)
	}
	defer m.Close()
	var r control.Register
	if int(m.ValueSize()) != len(bytesOf(&r)) {
		return nil // of another layout: an address too many does no harm
	}
	if err := m.Lookup(uint32(0), bytesOf(&r)); err != nil {
		return fmt.Errorf("read the register: %w", err)
	}
	l, err := netlink.LinkByIndex(int(d.Ifindex))
	if err != nil || r.State == control.RegisterVacant {
		return nil
	}
	fd, err := requestSocket()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := multicast(fd, unix.SIOCDELMULTI, l.Attrs().Name, groupMAC(r.Cluster, r.Level, r.Group, rail)); err != nil {
		return fmt.Errorf("leave the group's multicast address: %w", err)
	}
	return nil
}
