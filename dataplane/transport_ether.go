package dataplane

import (
	"fmt"
	"net"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// sendPatience is how long a full queue of the interface may hold up one Send. A queue
// that is full for longer (a paused link) loses the rest of the frames, as a wire does. It is
// much longer than an agent should be kept from its processor between the deadline's setting
// and the sending, for a deadline that has passed keeps a frame from leaving at all.
const sendPatience = 20 * time.Millisecond

// etherTransport sends frames right behind the EtherType.
type etherTransport struct {
	out      *rawSender
	rail     int
	link     Link
	requests int // socket for requests, of the network namespace it was opened in
	cluster  uint64
	joined   [6]byte // multicast address of the group; zero: none
	group    net.Addr
	peers    [control.Slots]net.Addr
}

func openEther(opt *Options, rail int) (*etherTransport, error) {
	link, err := FindLink(opt.Rails[rail].Interface)
	if err != nil {
		return nil, err
	}
	if link.MAC == [6]byte{} {
		return nil, fmt.Errorf("open interface %s: it has no Ethernet address, choose transport %q", link.Name, TransportUDP)
	}
	requests, err := requestSocket()
	if err != nil {
		return nil, err
	}
	out, err := openRaw(link, opt.EtherType)
	if err != nil {
		unix.Close(requests)
		return nil, err
	}
	return &etherTransport{rail: rail, out: out, link: link, requests: requests, cluster: opt.ClusterID}, nil
}

func (e *etherTransport) SetGroup(group uint16) error {
	mac := groupMAC(e.cluster, 0, group, e.rail)
	if mac == e.joined {
		return nil
	}
	if err := e.LeaveGroup(); err != nil {
		return err
	}
	if err := multicast(e.requests, unix.SIOCADDMULTI, e.link.Name, mac); err != nil {
		return fmt.Errorf("join %s on %s (needs CAP_NET_ADMIN): %w", net.HardwareAddr(mac[:]), e.link.Name, err)
	}
	e.joined, e.group = mac, rawAddr(mac)
	return nil
}

func (e *etherTransport) LeaveGroup() error {
	mac := e.joined
	if mac == [6]byte{} {
		return nil
	}
	e.joined, e.group = [6]byte{}, nil
	if err := multicast(e.requests, unix.SIOCDELMULTI, e.link.Name, mac); err != nil {
		return fmt.Errorf("leave %s on %s: %w", net.HardwareAddr(mac[:]), e.link.Name, err)
	}
	return nil
}

func (e *etherTransport) SetPeers(level uint8, r *control.Roster) {
	if level != 0 {
		return
	}
	clear(e.peers[:])
	for i := range r.Seats {
		if s := &r.Seats[i]; len(s.Rails) > e.rail && s.Rails[e.rail].MAC != [6]byte{} {
			e.peers[s.Slot] = rawAddr(s.Rails[e.rail].MAC)
		}
	}
}

func (e *etherTransport) Send(level uint8, frame []byte, to control.Bitmap) error {
	if to.Empty() {
		return nil
	}
	if level != 0 {
		return errNoAddress
	}
	if err := e.out.within(sendPatience); err != nil {
		return fmt.Errorf("send on %s: %w", e.link.Name, err)
	}
	if toAll(frame) && e.group != nil {
		if err := e.out.write(frame, e.group); err != nil {
			return fmt.Errorf("send to the group: %w", err)
		}
		return nil
	}
	var first error
	for s := to.First(); s < control.Slots; s = to.Next(s + 1) {
		err := errNoAddress
		if e.peers[s] != nil {
			err = e.out.write(frame, e.peers[s])
		}
		if err != nil && first == nil {
			first = sendError(s, err)
		}
	}
	return first
}

func (e *etherTransport) Close() error {
	unix.Close(e.requests)
	return e.out.close()
}

// requestSocket opens a socket for requests to interfaces of the calling thread's network
// namespace.
func requestSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	return fd, os.NewSyscallError("socket", err)
}

// multicast adds an address to those the interface receives, or takes it away. The
// kernel keeps it for the interface, not for a socket: it outlives the process.
func multicast(fd int, request uint, ifname string, mac [6]byte) error {
	var req struct {
		name   [unix.IFNAMSIZ]byte
		family uint16 // AF_UNSPEC
		addr   [14]byte
		_      [8]byte
	}
	copy(req.name[:unix.IFNAMSIZ-1], ifname)
	copy(req.addr[:], mac[:])
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(unsafe.Pointer(&req)))
	if errno == 0 {
		return nil
	}
	if request == unix.SIOCDELMULTI && errno == unix.ENOENT {
		return nil // gone already, perhaps with an earlier incarnation of the interface
	}
	return os.NewSyscallError("ioctl", errno)
}
