package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// udpTransport is a socket bound to this node's address on a rail, and port.
type udpTransport struct {
	rail   int
	socket int
	four   bool   // IPv4
	scope  uint32 // interface of link-local IPv6 peers
	peers  [control.Levels][control.Slots]unix.Sockaddr
}

var errNoAddress = errors.New("the roster names no address that this transport reaches")

// sendBuffer is room for what the kernel holds back for peers whose neighbour address it
// is still asking for. It charges those frames to the socket, about 200 kB a peer: with the
// usual buffer one dead peer would keep the living from their beats.
const sendBuffer = control.Slots * 256 << 10

func openUDP(opt *Options, rail int) (*udpTransport, error) {
	address := opt.Rails[rail].Address
	if !address.IsValid() || address.IsUnspecified() || address.IsMulticast() {
		return nil, fmt.Errorf("open udp socket: %q is no address of one node", address)
	}
	local := netip.AddrPortFrom(address.Unmap(), opt.Port)
	u := &udpTransport{rail: rail, four: local.Addr().Is4()}
	if local.Addr().IsLinkLocalUnicast() && !u.four {
		name := opt.Rails[rail].Interface
		if zone := address.Zone(); zone != "" {
			name = zone
		}
		link, err := FindLink(name)
		if err != nil {
			return nil, fmt.Errorf("open udp socket on %s: a link-local address needs its interface: %w", local, err)
		}
		u.scope = uint32(link.Index)
	}
	family := unix.AF_INET
	if !u.four {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if err != nil {
		return nil, fmt.Errorf("open udp socket on %s: %w", local, err)
	}
	u.socket = fd
	if err := u.set(opt.DSCP); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open udp socket on %s: %w", local, err)
	}
	if err := unix.Bind(fd, u.sockaddr(local)); err != nil {
		unix.Close(fd)
		switch {
		case errors.Is(err, unix.EADDRINUSE):
			err = fmt.Errorf("%w: another rollcalld serves it, stop that one or give another port", err)
		case errors.Is(err, unix.EADDRNOTAVAIL):
			err = fmt.Errorf("%w: no interface of this host has it", err)
		}
		return nil, fmt.Errorf("bind udp socket to %s: %w", local, err)
	}
	return u, nil
}

// set sets how datagrams leave.
func (u *udpTransport) set(dscp int) error {
	level, class := unix.IPPROTO_IP, unix.IP_TOS
	if !u.four {
		level, class = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
		if err := unix.SetsockoptInt(u.socket, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return fmt.Errorf("set IPV6_V6ONLY: %w", err)
		}
	}
	if err := unix.SetsockoptInt(u.socket, level, class, dscp<<2); err != nil {
		return fmt.Errorf("set dscp %d: %w", dscp, err)
	}
	// Ahead of the job's traffic in this host's own queue; 6 is the highest for everybody.
	if err := unix.SetsockoptInt(u.socket, unix.SOL_SOCKET, unix.SO_PRIORITY, 6); err != nil {
		return fmt.Errorf("set priority: %w", err)
	}
	if unix.SetsockoptInt(u.socket, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) == nil {
		return nil
	}
	// Without the privilege the kernel gives what its limit allows.
	if err := unix.SetsockoptInt(u.socket, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer); err != nil {
		return fmt.Errorf("set send buffer: %w", err)
	}
	return nil
}

// deafen keeps the socket's queue empty where a kernel program serves the frames.
func (u *udpTransport) deafen() error {
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	err := unix.SetsockoptSockFprog(u.socket, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(drop)), Filter: &drop[0]})
	if err != nil {
		return fmt.Errorf("attach the filter that drops everything to the udp socket: %w", err)
	}
	return nil
}

// sockaddr is the address as the socket's family writes it; nil if it cannot.
func (u *udpTransport) sockaddr(a netip.AddrPort) unix.Sockaddr {
	addr := a.Addr().Unmap()
	if !a.IsValid() || addr.Is4() != u.four {
		return nil
	}
	if u.four {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: addr.As4()}
	}
	sa := &unix.SockaddrInet6{Port: int(a.Port()), Addr: addr.As16()}
	if addr.IsLinkLocalUnicast() {
		sa.ZoneId = u.scope
	}
	return sa
}

func (u *udpTransport) SetGroup(group uint16) error { return nil }
func (u *udpTransport) LeaveGroup() error           { return nil }

func (u *udpTransport) SetPeers(level uint8, r *control.Roster) {
	peers := &u.peers[level]
	clear(peers[:])
	for i := range r.Seats {
		if s := &r.Seats[i]; len(s.Rails) > u.rail {
			peers[s.Slot] = u.sockaddr(s.Rails[u.rail].UDP)
		}
	}
}

func (u *udpTransport) Send(level uint8, frame []byte, to control.Bitmap) error {
	peers := &u.peers[level]
	var first error
	for s := to.First(); s < control.Slots; s = to.Next(s + 1) {
		err := errNoAddress
		if peers[s] != nil {
			err = u.write(frame, peers[s])
		}
		if err != nil && first == nil {
			first = sendError(s, err)
		}
	}
	return first
}

// write never waits: a full queue is an error like others.
func (u *udpTransport) write(frame []byte, to unix.Sockaddr) error {
	return unix.Sendto(u.socket, frame, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, to)
}

func (u *udpTransport) Close() error { return os.NewSyscallError("close", unix.Close(u.socket)) }
