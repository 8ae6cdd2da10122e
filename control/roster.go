package control

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"sort"
)

// Endpoint is where one rail of a node is reached by frames.
type Endpoint struct {
	UDP netip.AddrPort `json:"udp"` // zero on Ethernet-only rails
	MAC [6]byte        `json:"mac"`
}

// Peer is one node as the agents know each other.
type Peer struct {
	Name        string     `json:"name"`
	Incarnation uint64     `json:"incarnation"`
	RPC         string     `json:"rpc"` // host:port of its agent
	Rails       []Endpoint `json:"rails"`
}

// Seat is a peer in its slot. Below is, above level 0 and of the leader of a group, the ballot
// by which it leads there, or of one that is to form the group by decree, its generation alone.
// What a roster says of a group's generation is thus agreed before anybody acts on it.
type Seat struct {
	Slot uint16 `json:"slot"`
	Peer
	Below Ballot `json:"below,omitempty"`
}

// Roster names the slots of a group. The entry of a slot changes only while the slot is in
// no view that is decided or proposed, so every roster that holds a proposed view's
// newest members also names its old ones rightly.
type Roster struct {
	Seats []Seat `json:"seats"` // by slot, ascending
}

// Version is a hash of the roster's content: two leaders can never give two rosters the
// same version. It is never zero.
func (r *Roster) Version() uint64 {
	h := sha256.New()
	var b []byte
	for i := range r.Seats {
		s := &r.Seats[i]
		b = binary.BigEndian.AppendUint16(b[:0], s.Slot)
		b = binary.BigEndian.AppendUint64(b, s.Incarnation)
		b = appendString(b, s.Name)
		b = appendString(b, s.RPC)
		for _, e := range s.Rails {
			b = appendString(b, e.UDP.String())
			b = append(b, e.MAC[:]...)
		}
		if s.Below != 0 {
			b = binary.BigEndian.AppendUint64(appendString(b, "below"), uint64(s.Below))
		}
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
		h.Write(b)
	}
	v := binary.BigEndian.Uint64(h.Sum(nil))
	return max(v, 1)
}

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

// At returns the seat of a slot, or nil.
func (r *Roster) At(slot uint16) *Seat {
	i := sort.Search(len(r.Seats), func(i int) bool { return r.Seats[i].Slot >= slot })
	if i == len(r.Seats) || r.Seats[i].Slot != slot {
		return nil
	}
	return &r.Seats[i]
}

// Named returns the seat of a node, or nil.
func (r *Roster) Named(name string) *Seat {
	for i := range r.Seats {
		if r.Seats[i].Name == name {
			return &r.Seats[i]
		}
	}
	return nil
}

// Held returns the seat of that very incarnation of a node, or nil.
func (r *Roster) Held(p *Peer) *Seat {
	for i := range r.Seats {
		if s := &r.Seats[i]; s.Name == p.Name && s.Incarnation == p.Incarnation {
			return s
		}
	}
	return nil
}

// With returns a copy of the roster in which the seat's slot belongs to its peer.
func (r *Roster) With(seat Seat) *Roster {
	n := &Roster{Seats: make([]Seat, 0, len(r.Seats)+1)}
	put := false
	for _, s := range r.Seats {
		if !put && s.Slot >= seat.Slot {
			n.Seats = append(n.Seats, seat)
			put = true
		}
		if s.Slot != seat.Slot {
			n.Seats = append(n.Seats, s)
		}
	}
	if !put {
		n.Seats = append(n.Seats, seat)
	}
	return n
}
