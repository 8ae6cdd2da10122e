package dataplane

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// peer is struct rc_peer of bpf/peer.h: what leads a frame to a slot.
type peer struct {
	ifindex   uint32
	transport uint32
	length    uint32
	sum       uint32
	header    [64]byte
}

const (
	ip4Header = 20
	ip6Header = 40
	udpHeader = 8
	hopLimit  = 64
)

// byEther leads a frame to a hardware address.
func byEther(ifindex int, from, to [6]byte, etherType uint16) peer {
	p := peer{ifindex: uint32(ifindex), transport: transportEther, length: etherHeader}
	b := append(p.header[:0], to[:]...)
	b = append(b, from[:]...)
	binary.BigEndian.AppendUint16(b, etherType)
	return p
}

// byUDP leads a frame to an address and port, by way of a hardware address.
func byUDP(ifindex int, fromMAC, toMAC [6]byte, from, to netip.AddrPort, dscp int) peer {
	if from.Addr().Is4() {
		p := byEther(ifindex, fromMAC, toMAC, unix.ETH_P_IP)
		p.transport, p.length = transportUDP4, etherHeader+ip4Header+udpHeader
		b := p.header[etherHeader:]
		b[0], b[1] = 0x45, byte(dscp<<2)
		binary.BigEndian.PutUint16(b[2:], ip4Header+udpHeader+FrameLen)
		b[6], b[8], b[9] = 0x40, hopLimit, unix.IPPROTO_UDP // 0x40: do not fragment
		put4(b[12:], from.Addr())
		put4(b[16:], to.Addr())
		binary.NativeEndian.PutUint16(b[10:], ^fold(sumOf(b[:ip4Header])))
		putUDP(b[ip4Header:], from, to)
		return p
	}
	p := byEther(ifindex, fromMAC, toMAC, unix.ETH_P_IPV6)
	p.transport, p.length = transportUDP6, etherHeader+ip6Header+udpHeader
	b := p.header[etherHeader:]
	binary.BigEndian.PutUint32(b, 6<<28|uint32(dscp)<<22)
	binary.BigEndian.PutUint16(b[4:], udpHeader+FrameLen)
	b[6], b[7] = unix.IPPROTO_UDP, hopLimit
	put6(b[8:], from.Addr())
	put6(b[24:], to.Addr())
	putUDP(b[ip6Header:], from, to)
	pseudo := binary.BigEndian.AppendUint32(nil, udpHeader+FrameLen)
	pseudo = binary.BigEndian.AppendUint32(pseudo, unix.IPPROTO_UDP)
	p.sum = uint32(fold(sumOf(b[8:ip6Header+udpHeader]) + sumOf(pseudo)))
	return p
}

func putUDP(b []byte, from, to netip.AddrPort) {
	binary.BigEndian.PutUint16(b, from.Port())
	binary.BigEndian.PutUint16(b[2:], to.Port())
	binary.BigEndian.PutUint16(b[4:], udpHeader+FrameLen)
}

func put4(b []byte, a netip.Addr) { four := a.As4(); copy(b, four[:]) }
func put6(b []byte, a netip.Addr) { six := a.As16(); copy(b, six[:]) }

// sumOf adds up 16-bit words as they lie in memory, which is how the kernel does.
func sumOf(b []byte) (s uint32) {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(binary.NativeEndian.Uint16(b))
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}
