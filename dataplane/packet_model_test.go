package dataplane

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"

	"rollcall/control"
)

// A second implementation of what stands around the rules: bpf/parse.h and bpf/serve.h in
// plain Go, for the tests to compare with.

// verdict is what becomes of a packet.
type verdict int

const (
	passed verdict = iota
	dropped
	sent
)

// carrier is how a frame travels.
type carrier int

const (
	overEther carrier = iota
	overUDP4
	overUDP6
)

var carriers = []carrier{overEther, overUDP4, overUDP6}

func (t carrier) String() string { return [...]string{"ether", "udp4", "udp6"}[t] }

// at is where a frame begins in its packet.
func (t carrier) at() int { return [...]int{14, 42, 62}[t] }

var (
	peerMAC = [6]byte{2, 0, 0, 0, 0, 9}
	peerIP4 = [4]byte{10, 1, 2, 9}
	peerIP6 = [16]byte{0xfd, 0x52, 15: 9}
)

// packet carries a payload from the peer to the tests' host, by the first rail.
func packet(t carrier, payload []byte) []byte { return packetBy(0, t, payload) }

func packetBy(rail int, t carrier, payload []byte) []byte {
	own := &hosts[rail]
	b := append(append([]byte(nil), own.mac[:]...), peerMAC[:]...)
	udp := binary.BigEndian.AppendUint16(nil, DefaultPort)
	udp = binary.BigEndian.AppendUint16(udp, DefaultPort)
	udp = binary.BigEndian.AppendUint16(udp, uint16(8+len(payload)))
	udp = append(append(udp, 0, 0), payload...)
	switch t {
	case overUDP4:
		b = binary.BigEndian.AppendUint16(b, 0x0800)
		ip := []byte{0x45, 0xc0, 0, 0, 0, 1, 0x40, 0, 64, 17, 0, 0}
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(udp)))
		ip = append(append(ip, peerIP4[:]...), own.ip4[:]...)
		binary.BigEndian.PutUint16(ip[10:], ^sum(ip))
		return append(append(b, ip...), udp...)
	case overUDP6:
		b = binary.BigEndian.AppendUint16(b, 0x86dd)
		ip := []byte{0x6c, 0, 0, 0, 0, 0, 17, 64}
		binary.BigEndian.PutUint16(ip[4:], uint16(len(udp)))
		ip = append(append(ip, peerIP6[:]...), own.ip6[:]...)
		binary.BigEndian.PutUint16(udp[6:], udp6Sum(ip, udp))
		return append(append(b, ip...), udp...)
	}
	b = binary.BigEndian.AppendUint16(b, DefaultEtherType)
	return append(b, payload...)
}

// sum is the ones' complement sum of RFC 1071.
func sum(parts ...[]byte) uint16 {
	total := uint64(0)
	for _, b := range parts {
		for i := 0; i+1 < len(b); i += 2 {
			total += uint64(binary.BigEndian.Uint16(b[i:]))
		}
		if len(b)%2 == 1 {
			total += uint64(b[len(b)-1]) << 8
		}
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

func udp6Sum(ip, udp []byte) uint16 {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(udp)))
	if s := ^sum(ip[8:40], length, []byte{0, 17}, udp[:6], udp[8:]); s != 0 {
		return s
	}
	return 0xffff
}

// model is what the kernel program should do and hold.
type model struct {
	registers [control.Places]control.Register
	tallies   [control.Levels]control.Tally
	relays    [control.Levels]control.Relays
	stats     [control.Reasons]uint64
	orphaned  uint32    // 1: no agent lives
	event     testEvent // what the last frame woke the agent with; zero: nothing
}

// found is how a packet looks to the doors.
type found struct {
	carrier carrier
	ours    bool
	tagged  bool
	whole   bool
}

func find(b []byte) (f found) {
	if len(b) < 14 {
		return f
	}
	at := 12
	for range 2 {
		if kind := binary.BigEndian.Uint16(b[at:]); kind != 0x8100 && kind != 0x88a8 {
			break
		}
		if len(b) < at+6 {
			return f
		}
		f.tagged = true
		at += 4
	}
	kind, b := binary.BigEndian.Uint16(b[at:]), b[at+2:]
	switch {
	case kind == DefaultEtherType:
		f.carrier, f.ours = overEther, true
		f.whole = len(b) == FrameLen
	case kind == 0x0800 && len(b) >= 28:
		udp := b[20:]
		f.carrier = overUDP4
		f.ours = b[0] == 0x45 && b[9] == 17 && b[6]&^0x40 == 0 && b[7] == 0 && binary.BigEndian.Uint16(udp[2:]) == DefaultPort
		f.whole = binary.BigEndian.Uint16(b[2:]) == 316 && binary.BigEndian.Uint16(udp[4:]) == 296 && len(b) >= 316
	case kind == 0x86dd && len(b) >= 48:
		udp := b[40:]
		f.carrier = overUDP6
		f.ours = b[0]>>4 == 6 && b[6] == 17 && binary.BigEndian.Uint16(udp[2:]) == DefaultPort
		f.whole = binary.BigEndian.Uint16(b[4:]) == 296 && binary.BigEndian.Uint16(udp[4:]) == 296 && len(b) >= 336
	}
	return f
}

// railOf is the rail that the packet is addressed to, -1 where there is none.
func railOf(b []byte, t carrier) int {
	return slices.IndexFunc(hosts[:], func(own host) bool {
		switch mac := bytes.Equal(b[:6], own.mac[:]); t {
		case overUDP4:
			return mac && bytes.Equal(b[30:34], own.ip4[:])
		case overUDP6:
			return mac && bytes.Equal(b[38:54], own.ip6[:])
		default:
			return mac || bytes.Equal(b[:6], own.groupMAC[:])
		}
	})
}

// turn makes of a packet the one that carries the reply back.
func turn(rail int, b []byte, t carrier, reply []byte) []byte {
	out := slices.Clone(b)
	copy(out[t.at():], reply)
	copy(out, b[6:12])
	copy(out[6:], hosts[rail].mac[:])
	swap := func(at, length int) {
		copy(out[at:], b[at+length:at+2*length])
		copy(out[at+length:], b[at:at+length])
	}
	switch t {
	case overUDP4:
		swap(26, 4)
		swap(34, 2)
		out[40], out[41] = 0, 0
	case overUDP6:
		swap(22, 16)
		swap(54, 2)
		binary.BigEndian.PutUint16(out[60:], udp6Sum(out[14:54], out[54:54+296]))
	}
	return out
}

// untagged is the packet without its one tag, where that names no VLAN but a priority.
func untagged(b []byte) []byte {
	tag := func(at int) bool {
		kind := binary.BigEndian.Uint16(b[at:])
		return kind == 0x8100 || kind == 0x88a8
	}
	if tag(12) && b[14]&0x0f == 0 && b[15] == 0 && !tag(16) {
		return slices.Delete(slices.Clone(b), 12, 16)
	}
	return b
}

// serve takes one packet; the bytes are what it becomes.
func (m *model) serve(now control.Time, b []byte) (verdict, []byte) {
	m.event = testEvent{}
	f := find(b)
	if !f.ours {
		return passed, b
	}
	b = untagged(b)
	f = find(b)
	count := func(why control.Reason) { m.stats[why]++ }
	rail := -1
	if !f.tagged {
		rail = railOf(b, f.carrier)
	}
	switch {
	case f.tagged:
		count(control.ReasonVLANTagged)
		return passed, b
	case rail < 0:
		count(control.ReasonBadDestination)
		return passed, b
	case !f.whole:
		count(control.ReasonBadLength)
		return dropped, b
	}
	frame := b[f.carrier.at():][:FrameLen]
	o, reply := m.apply(now, rail, frame)
	if o.PassOn {
		if b, ok := passOn(rail, f.carrier, b[f.carrier.at():]); ok {
			count(o.Reason)
			return sent, b
		}
		o = control.Outcome{Reason: control.ReasonNoWay}
	}
	count(o.Reason)
	if !o.Reply {
		return dropped, b
	}
	return sent, turn(rail, b, f.carrier, reply)
}

// wayBy is what leads to a slot by a rail in these tests, if anything does; the transport goes by the slot.
func wayBy(rail int, slot uint16) (p peer, ok bool) {
	own := &hosts[rail]
	from := netip.AddrPortFrom(netip.AddrFrom4(own.ip4), DefaultPort)
	to := netip.AddrPortFrom(netip.AddrFrom4(peerIP4), DefaultPort)
	from6 := netip.AddrPortFrom(netip.AddrFrom16(own.ip6), DefaultPort)
	to6 := netip.AddrPortFrom(netip.AddrFrom16(peerIP6), DefaultPort)
	mac := peerMAC
	mac[3], mac[4] = byte(rail), byte(slot)
	switch slot % 4 {
	case 0:
		return byEther(1, own.mac, mac, DefaultEtherType), true
	case 1:
		return byUDP(1, own.mac, mac, from, to, 48), true
	case 2:
		return byUDP(1, own.mac, mac, from6, to6, 48), true
	}
	return peer{}, false
}

// passOn is the packet that carries a frame, and what is behind it, on to the slot it names.
func passOn(rail int, t carrier, payload []byte) ([]byte, bool) {
	p, ok := wayBy(rail, binary.BigEndian.Uint16(payload[atTo:]))
	if !ok || int(p.length) != t.at() {
		return nil, false
	}
	b := append(p.header[:p.length:p.length], payload...)
	if t == overUDP6 {
		binary.BigEndian.PutUint16(b[60:], udp6Sum(b[14:54], b[54:54+8+FrameLen]))
	}
	return b, true
}

func (m *model) apply(now control.Time, rail int, frame []byte) (control.Outcome, []byte) {
	if f, why := ParseFrame(frame, &twinKeys); why == control.ReasonNone && f.Level < control.Levels {
		if !m.registers[control.PlaceOf(f.Level, f.Via)].Passes(&f) {
			m.registers[control.PlaceOf(f.Level, f.To)].Orphaned = m.orphaned
		}
	}
	p, o, reply := serve(now, rail, &m.registers, &m.tallies, &m.relays, &twinKeys, frame, nil)
	if o.Wake != 0 {
		f, _ := ParseFrame(frame, &twinKeys)
		m.event = testEvent{wake: o.Wake, place: uint32(p), at: now, ballot: f.Ballot, seq: m.registers[p].Committed.Seq}
		if !isAsk(f.Kind) && o.Reason != control.ReasonHigherInstance {
			m.event.seq = m.tallies[f.Level].Seq
		}
	}
	return o, reply
}
