package dataplane

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

const etherHeader = 14 // destination, source, EtherType

// etherEar hears the frames of one EtherType on one interface. Answers leave through the
// transport, whose own socket hears nothing.
type etherEar struct {
	*etherTransport
	socket int
	said   [64]byte // control messages
}

func openEtherEar(e *etherTransport, etherType uint16) (*etherEar, error) {
	protocol := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, etherType))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket on %s (needs CAP_NET_RAW): %w", e.link.Name, err)
	}
	err = os.NewSyscallError("ask for vlan tags", unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1))
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: e.link.Index}))
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open packet socket on %s: %w", e.link.Name, err)
	}
	return &etherEar{etherTransport: e, socket: fd}, nil
}

func (e *etherEar) descriptor() int { return e.socket }
func (e *etherEar) close() error    { return unix.Close(e.socket) }

func (e *etherEar) hear(room *[frameRoom]byte) ([]byte, unix.Sockaddr, control.Reason, error) {
	n, said, _, from, err := unix.Recvmsg(e.socket, room[:], e.said[:], unix.MSG_DONTWAIT)
	if err != nil {
		return nil, nil, control.ReasonNone, err
	}
	why := control.ReasonBadDestination
	if ll, ok := from.(*unix.SockaddrLinklayer); ok && n >= etherHeader {
		switch {
		case tagged(e.said[:said]):
			why = control.ReasonTagged
		case ll.Pkttype == unix.PACKET_HOST,
			ll.Pkttype == unix.PACKET_MULTICAST && [6]byte(room[:6]) == e.joined:
			why = control.ReasonNone
		}
	}
	return room[min(n, etherHeader):n], from, why, nil
}

// tagged reports whether the control messages tell of a VLAN tag. The kernel takes tags off
// and still shows the frame to those who listen on the interface beneath the VLAN's.
func tagged(said []byte) bool {
	messages, err := unix.ParseSocketControlMessage(said)
	if err != nil {
		return false
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA &&
			len(m.Data) >= int(unsafe.Sizeof(unix.TpacketAuxdata{})) {
			aux := (*unix.TpacketAuxdata)(unsafe.Pointer(&m.Data[0]))
			const id = 0x0fff // tag 0 only carries a priority
			return aux.Status&unix.TP_STATUS_VLAN_VALID != 0 && aux.Vlan_tci&id != 0
		}
	}
	return false
}

func (e *etherEar) answer(frame []byte, to unix.Sockaddr) error {
	ll := to.(*unix.SockaddrLinklayer)
	if err := e.out.within(sendPatience); err != nil {
		return err
	}
	return e.out.write(frame, rawAddr([6]byte(ll.Addr[:6])))
}
