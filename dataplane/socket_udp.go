package dataplane

import (
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// The UDP transport's socket is the socket plane's ear as well: it is bound to this node's
// own address, so that the kernel has checked where every datagram was meant to go.

func (u *udpTransport) number() int { return u.rail }

func (u *udpTransport) descriptor() int { return u.socket }

func (u *udpTransport) hear(room *[frameRoom]byte) ([]byte, unix.Sockaddr, control.Reason, error) {
	n, from, err := unix.Recvfrom(u.socket, room[:], unix.MSG_DONTWAIT)
	if err != nil {
		return nil, nil, control.ReasonNone, err
	}
	return room[:n], from, control.ReasonNone, nil
}

func (u *udpTransport) answer(frame []byte, to unix.Sockaddr) error { return u.write(frame, to) }

func (u *udpTransport) close() error { return nil }
