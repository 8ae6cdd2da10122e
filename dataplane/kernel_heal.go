package dataplane

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"rollcall/control"
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

// heal gives a device that was made anew, as by a driver's reload, the door that went with
// the old one. The register has not noticed: it is the same incarnation. What goes wrong is
// told by Describe and tried again at the next change.
func (k *Kernel) heal() {
	for _, r := range k.rails {
		link, err := FindLink(k.opt.Rails[r.number].Interface)
		if err != nil || link.Index == r.link.Index {
			continue // gone for now, or another link's change
		}
		was := r.link
		r.link = link
		if err := k.rehang(r); err != nil {
			r.link = was
			k.describe(func(d *Description) {
				d.Refused = []string{fmt.Sprintf("interface %s was made anew: %v", link.Name, err)}
			})
		}
	}
}

func (k *Kernel) rehang(r *kernelRail) error {
	r.host.mac = r.link.MAC
	if err := k.putHost(r); err != nil {
		return err
	}
	if k.opt.Transport == TransportEther { // its socket belongs to the device; one of UDP to the address
		if err := k.reopenTransport(r); err != nil {
			return err
		}
	}
	if err := r.peers.relink(r.link); err != nil {
		return err
	}
	k.describe(func(d *Description) { d.Refused = nil })
	return k.attach(k.about.PinDir)
}

func (k *Kernel) reopenTransport(r *kernelRail) error {
	t, err := openRail(&k.opt, r.number)
	if err != nil {
		return err
	}
	k.transport[r.number].Close()
	k.transport[r.number] = t
	for level, r := range k.rosters {
		if r != nil {
			t.SetPeers(uint8(level), r)
		}
	}
	return k.regroup()
}

// regroup lets the transport and the programs take part in the group of the register of level 0.
func (k *Kernel) regroup() error {
	var r control.Register
	snapshot(&r, &k.pages.registers[0])
	if r.State == control.RegisterVacant {
		return nil
	}
	return k.takePart(r.Group)
}
