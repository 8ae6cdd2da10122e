package dataplane

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// watcher hears of changes that the kernel tells by netlink.
type watcher struct {
	fd int
}

// newWatcher watches what unix.RTMGRP_… name, in the thread's network namespace.
func newWatcher(groups uint32) (*watcher, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("watch the network: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch the network: %w", err)
	}
	return &watcher{fd: fd}, nil
}

// clear forgets what was told: that something changed is all there is to know.
func (w *watcher) clear() {
	var b [4096]byte
	for {
		_, _, err := unix.Recvfrom(w.fd, b[:], 0)
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// each hands out the changes since the last time, by kind and body. It reports whether some
// were lost.
func (w *watcher) each(take func(kind uint16, body []byte)) (lost bool) {
	var b [16 << 10]byte
	for {
		n, _, err := unix.Recvfrom(w.fd, b[:], 0)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			lost = true
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return lost
		default:
			messages, err := syscall.ParseNetlinkMessage(b[:n])
			lost = lost || err != nil
			for _, m := range messages {
				take(m.Header.Type, m.Data)
			}
		}
	}
}

func (w *watcher) close() error { return unix.Close(w.fd) }
