package dataplane

import (
	"fmt"
	"net"
	"time"

	"github.com/mdlayher/raw" //lint:ignore SA1019 chosen by the project's owner; only this file would change with it
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// rawSender sends Ethernet frames of one EtherType out of one interface. Only this file
// knows the package that does so, since that one has a successor (mdlayher/packet).
type rawSender struct {
	conn *raw.Conn
}

// openRaw opens a sender on the interface. It never receives: the package keeps its
// descriptor to itself, so nobody could wait for it together with others.
func openRaw(link Link, etherType uint16) (*rawSender, error) {
	ifi := &net.Interface{Index: link.Index, Name: link.Name}
	drop := []bpf.RawInstruction{{Op: unix.BPF_RET | unix.BPF_K, K: 0}}
	conn, err := raw.ListenPacket(ifi, etherType, &raw.Config{LinuxSockDGRAM: true, Filter: drop})
	if err != nil {
		return nil, fmt.Errorf("open packet socket on %s (needs CAP_NET_RAW): %w", link.Name, err)
	}
	return &rawSender{conn: conn}, nil
}

// rawAddr is a MAC address in the form that write takes.
func rawAddr(mac [6]byte) net.Addr { return &raw.Addr{HardwareAddr: mac[:]} }

// within bounds the time that the writes from now on may take together.
func (s *rawSender) within(d time.Duration) error {
	return s.conn.SetWriteDeadline(time.Now().Add(d))
}

// write sends the frame with an Ethernet header before it.
func (s *rawSender) write(frame []byte, to net.Addr) error {
	_, err := s.conn.WriteTo(frame, to)
	return err
}

func (s *rawSender) close() error { return s.conn.Close() }
