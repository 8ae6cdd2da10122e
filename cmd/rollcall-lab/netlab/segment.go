package netlab

import (
	"net/netip"
	"strconv"
)

// Limits of a network of several segments. The last address of a segment is the router's.
const (
	MaxSegments    = 248
	MaxSegmentSize = 253
)

// segment is a bridge, the nodes on it and, where there are several, its link to the router.
type segment struct {
	number int // 0, 1, …
	of     int // how many there are
}

// segments counts the bridges of a network.
func (c *Config) segments() int {
	if c.PerSegment == 0 {
		return 1
	}
	return (len(c.Nodes) + c.PerSegment - 1) / c.PerSegment
}

func (c *Config) segment(number int) segment { return segment{number, c.segments()} }

// segmentOf gives the segment of the i'th node and its place there, from 0.
func (c *Config) segmentOf(i int) (s segment, place int) {
	if c.PerSegment == 0 {
		return c.segment(0), i
	}
	return c.segment(i / c.PerSegment), i % c.PerSegment
}

// The interface indexes of bridges and of their ends of the links to the router, behind those
// of the ports.
func (s segment) bridge() int {
	if s.number == 0 {
		return bridgeIndex
	}
	return firstPort + MaxNodes + s.number
}

func (s segment) uplink() int { return firstPort + MaxNodes + MaxSegments + s.number }

// maxIndex is the highest interface index that a gate may have.
const maxIndex = firstPort + MaxNodes + 2*MaxSegments + (MaxRails-1)*railIndexes

func (s segment) bridgeName() string {
	if s.of == 1 {
		return bridgeName
	}
	return bridgeName + strconv.Itoa(s.number)
}

func (s segment) uplinkName() string { return "uplink" + strconv.Itoa(s.number) }

// routerPort is the name of the router's end.
func (s segment) routerPort() string { return "port" + strconv.Itoa(s.number) }

// address gives the IPv4 and IPv6 address of a place in a segment of several.
func (s segment) address(place int) (four, six netip.Prefix) {
	host := byte(place + 1)
	four = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, byte(s.number), host}), 24)
	six = netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 7: byte(s.number), 15: host}), 64)
	return four, six
}

// router gives the addresses of the router in the segment.
func (s segment) router() (four, six netip.Prefix) { return s.address(MaxSegmentSize) }
