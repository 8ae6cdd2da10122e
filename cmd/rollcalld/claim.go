package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// claim makes this process the only rollcalld of the interface. The name belongs to the
// network namespace, as the interface does, and is free again when the process ends, however
// it does.
func claim(iface string) (io.Closer, error) {
	name := "@rollcalld/" + iface
	l, err := net.Listen("unix", name)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("interface %s: another rollcalld (pid %s) serves it; stop that one first", iface, holder(name))
	}
	if err != nil {
		return nil, fmt.Errorf("claim interface %s: %w", iface, err)
	}
	return l, nil
}

// holder finds the process that listens at a unix socket.
func holder(name string) string {
	c, err := net.Dial("unix", name)
	if err != nil {
		return "unknown"
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return "unknown"
	}
	pid := "unknown"
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = fmt.Sprint(cred.Pid)
		}
	})
	return pid
}
