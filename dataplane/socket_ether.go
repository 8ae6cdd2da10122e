package dataplane

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

const etherHeader = 14 // destination, source, EtherType

// etherEar hears the frames of one EtherType on one interface. Answers leave through the
// transport, whose own socket hears nothing.
type etherEar struct {
	*etherTransport
	socket int
}

func openEtherEar(e *etherTransport, etherType uint16) (*etherEar, error) {
	protocol := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, etherType))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket on %s (needs CAP_NET_RAW): %w", e.link.Name, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: e.link.Index}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bind packet socket to %s: %w", e.link.Name, err)
	}
	return &etherEar{etherTransport: e, socket: fd}, nil
}

func (e *etherEar) number() int     { return e.rail }
func (e *etherEar) descriptor() int { return e.socket }
func (e *etherEar) close() error    { return unix.Close(e.socket) }

func (e *etherEar) hear(room *[frameRoom]byte) ([]byte, unix.Sockaddr, control.Reason, error) {
	n, from, err := unix.Recvfrom(e.socket, room[:], unix.MSG_DONTWAIT)
	if err != nil {
		return nil, nil, control.ReasonNone, err
	}
	why := control.ReasonBadDestination
	if ll, ok := from.(*unix.SockaddrLinklayer); ok && n >= etherHeader {
		why = e.destination([6]byte(room[:6]), ll.Pkttype)
	}
	return room[min(n, etherHeader):n], from, why, nil
}

// destination says why a frame is not for this host, if it is not. The kernel takes the
// tag of a VLAN that has no interface here off a frame, and calls its destination another
// host whatever the address.
func (e *etherEar) destination(to [6]byte, kind uint8) control.Reason {
	group := to == e.joined
	switch {
	case kind == unix.PACKET_HOST, kind == unix.PACKET_MULTICAST && group:
		return control.ReasonNone
	case kind == unix.PACKET_OTHERHOST && (group || to == e.link.MAC):
		return control.ReasonVLANTagged
	}
	return control.ReasonBadDestination
}

func (e *etherEar) answer(frame []byte, to unix.Sockaddr) error {
	ll := to.(*unix.SockaddrLinklayer)
	if err := e.out.within(sendPatience); err != nil {
		return err
	}
	return e.out.write(frame, rawAddr([6]byte(ll.Addr[:6])))
}
