package dataplane

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"rollcall/control"
)

// Transport is how signed asks leave by one rail, or by all. It belongs to one thread, never blocks, and never
// receives.
type Transport interface {
	// SetGroup says which group of level 0 this node belongs to. Over Ethernet it joins the
	// group's multicast address, which outlives the process, and leaves the one before.
	SetGroup(group uint16) error

	// LeaveGroup leaves what SetGroup joined.
	LeaveGroup() error

	// SetPeers says where each slot of a level is reached.
	SetPeers(level uint8, r *control.Roster)

	// Send sends a frame to every slot in to of a level: one by one, or, over Ethernet and when the
	// frame is addressed to control.ToAll, once to the group's multicast address. A slot
	// that cannot be sent to does not keep the others from their frame; the first error is
	// returned.
	Send(level uint8, frame []byte, to control.Bitmap) error

	// Close leaves the group joined: the kernel may go on answering in it.
	Close() error
}

// openRail opens the transport of one rail.
func openRail(opt *Options, rail int) (Transport, error) {
	if opt.Transport == TransportUDP {
		u, err := openDeafUDP(opt, rail)
		if err != nil {
			return nil, err
		}
		return u, nil
	}
	e, err := openEther(opt, rail)
	if err != nil {
		return nil, err
	}
	if !opt.Routed {
		return e, nil
	}
	u, err := openDeafUDP(opt, rail)
	if err != nil {
		e.Close()
		return nil, err
	}
	return &mixedTransport{e, u}, nil
}

func openDeafUDP(opt *Options, rail int) (*udpTransport, error) {
	u, err := openUDP(opt, rail)
	if err != nil {
		return nil, err
	}
	if err := u.deafen(); err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

// groupMAC is the multicast address of a group on one rail's Ethernet: locally administered, and away
// from the 33:33 of IPv6. Two clusters that hash alike hear each other's frames and drop them.
func groupMAC(cluster uint64, level uint8, group uint16, rail int) [6]byte {
	b := binary.BigEndian.AppendUint64([]byte("rollcall group "), cluster)
	b = append(b, level)
	b = binary.BigEndian.AppendUint16(b, group)
	h := sha256.Sum256(b)
	return [6]byte{0x07, h[0], h[1], h[2], h[3], h[4] + byte(rail)}
}

// toAll reports whether a signed frame is addressed to every member of its group.
func toAll(frame []byte) bool {
	return binary.BigEndian.Uint16(frame[atTo:]) == control.ToAll
}

// sendError tells which slot an ask could not be sent to.
func sendError(slot uint16, err error) error {
	return fmt.Errorf("send to slot %d: %w", slot, err)
}
