package dataplane

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// peers keeps one rail's part of rc_peer up to date: for every slot the header that leads a frame there,
// so that programs can send. It asks the kernel for routes when a roster comes and when routes
// change, and for a neighbour's hardware address where it is not known. An address
// that is no longer known stays: it is most probably still right.
type peers struct {
	to      *ebpf.Map
	opt     *Options
	rail    int
	own     netip.Addr // this node's address on the rail
	link    Link
	group   [6]byte                               // multicast address of the own group; zero: none, or not over Ethernet
	slots   [control.Levels * control.Slots]reach // level * 256 + slot
	changes *watcher
	stale   bool // routes changed, or changes were lost
	checked control.Time
	renewed control.Time // when routes were read, or neighbours asked for, last
}

// reach is how a slot is reached.
type reach struct {
	at      control.Endpoint
	named   bool
	self    bool
	out     Link       // device that frames leave by
	hop     netip.Addr // whose hardware address they need; invalid: the slot's own, or nobody's
	mac     [6]byte    // zero: not known
	why     error      // it is not reached by programs
	written *peer      // what the map holds; nil: not known
}

// checkPeers is how often at most what the kernel learnt is looked at. It wakes nobody:
// neighbours come and go all the time.
const checkPeers = 100 * time.Millisecond

// renewPeers is how often at most routes are read, and unknown neighbours asked for.
const renewPeers = time.Second

func newPeers(m *ebpf.Map, opt *Options, r *kernelRail) (*peers, error) {
	w, err := newWatcher(unix.RTMGRP_NEIGH | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE)
	if err != nil {
		return nil, err
	}
	return &peers{to: m, opt: opt, rail: r.number, own: opt.Rails[r.number].Address, link: r.link, changes: w}, nil
}

// name says who has which slot of a level.
func (p *peers) name(level uint8, r *control.Roster) error {
	own := p.slots[int(level)*control.Slots:][:control.Slots]
	slots := make([]reach, control.Slots)
	for slot := range own {
		slots[slot].written = own[slot].written
	}
	for i := range r.Seats {
		s := &r.Seats[i]
		if len(s.Rails) <= p.rail {
			continue
		}
		at := s.Rails[p.rail]
		slots[s.Slot].at, slots[s.Slot].named = at, true
		if was := &own[s.Slot]; was.named && was.at == at {
			slots[s.Slot].mac = was.mac
		}
	}
	copy(own, slots)
	return p.reroute()
}

// relink says that the interface was made anew.
func (p *peers) relink(link Link) error {
	p.link = link
	return p.reroute()
}

// join says what address leads to all members of the group.
func (p *peers) join(group [6]byte) error {
	p.group = group
	return p.write()
}

// reroute finds out for every slot where frames leave, and for whom.
func (p *peers) reroute() error {
	for slot := range p.slots {
		if s := &p.slots[slot]; s.named {
			p.route(s, p.ether(slot))
		}
	}
	if err := p.learn(); err != nil {
		return err
	}
	p.ask()
	return p.write()
}

// ether reports whether frames to a slot go over Ethernet, as those to the own group may.
func (p *peers) ether(slot int) bool {
	return p.opt.Transport == TransportEther && slot < control.Slots
}

func (p *peers) route(s *reach, ether bool) {
	s.self, s.hop, s.out, s.why = false, netip.Addr{}, p.link, nil
	if ether {
		s.self, s.mac = s.at.MAC == p.link.MAC, s.at.MAC
		return
	}
	addr := s.at.UDP.Addr().Unmap()
	if s.self = addr == p.own; s.self {
		return
	}
	if !addr.IsValid() || addr.Is4() != p.own.Is4() {
		s.why = errNoAddress
		return
	}
	how := &netlink.RouteGetOptions{SrcAddr: p.own.AsSlice()}
	if addr.IsLinkLocalUnicast() {
		how.OifIndex = p.link.Index
	}
	found, err := netlink.RouteGetWithOptions(addr.AsSlice(), how)
	if err != nil || len(found) == 0 {
		s.why = fmt.Errorf("no route to %s: %w", addr, err)
		return
	}
	s.hop = addr
	if gateway, ok := netip.AddrFromSlice(found[0].Gw); ok {
		s.hop = gateway.Unmap()
	}
	if found[0].LinkIndex == p.link.Index {
		if s.hop == addr && s.mac == [6]byte{} {
			s.mac = s.at.MAC // until the kernel's own word
		}
		return
	}
	l, err := netlink.LinkByIndex(found[0].LinkIndex)
	if err != nil {
		s.why = fmt.Errorf("route to %s: %w", addr, err)
		return
	}
	if s.out = describe(l); len(l.Attrs().HardwareAddr) != len(s.out.MAC) {
		s.why = fmt.Errorf("route to %s by %s, which is no Ethernet device", addr, s.out.Name)
	}
}

// learn takes the hardware addresses that the kernel knows.
func (p *peers) learn() error {
	if !p.opt.usesUDP() {
		return nil
	}
	family := netlink.FAMILY_V4
	if p.own.Is6() {
		family = netlink.FAMILY_V6
	}
	list, err := netlink.NeighList(0, family)
	if err != nil {
		return fmt.Errorf("read neighbours: %w", err)
	}
	type neighbour struct {
		link int
		addr netip.Addr
	}
	known := make(map[neighbour][6]byte, len(list))
	for i := range list {
		if addr, mac, ok := knownAs(&list[i]); ok {
			known[neighbour{list[i].LinkIndex, addr}] = mac
		}
	}
	for slot := range p.slots {
		s := &p.slots[slot]
		if mac, ok := known[neighbour{s.out.Index, s.hop}]; ok {
			s.mac = mac
		}
	}
	return nil
}

// knownAs returns a neighbour's two addresses; false where the kernel does not know one.
func knownAs(n *netlink.Neigh) (netip.Addr, [6]byte, bool) {
	const known = netlink.NUD_REACHABLE | netlink.NUD_STALE | netlink.NUD_DELAY | netlink.NUD_PROBE | netlink.NUD_PERMANENT
	addr, ok := netip.AddrFromSlice(n.IP)
	if !ok || n.State&known == 0 || len(n.HardwareAddr) != 6 {
		return netip.Addr{}, [6]byte{}, false
	}
	return addr.Unmap(), [6]byte(n.HardwareAddr), true
}

// ask has the kernel ask for the hardware addresses that are missing. The answers come as
// changes of neighbours.
func (p *peers) ask() {
	for slot := range p.slots {
		s := &p.slots[slot]
		if !s.hop.IsValid() || s.why != nil || s.mac != [6]byte{} {
			continue
		}
		// It fails where the kernel is asking already.
		netlink.NeighSet(&netlink.Neigh{
			LinkIndex: s.out.Index, IP: s.hop.AsSlice(), State: netlink.NUD_NONE, Flags: netlink.NTF_USE,
		})
	}
}

// follow takes in what the kernel learnt of neighbours and routes since the last time. What
// goes wrong is tried again.
func (p *peers) follow(now control.Time) {
	if now.Since(p.checked) < checkPeers {
		return
	}
	p.checked = now
	news := false
	lost := p.changes.each(func(kind uint16, body []byte) {
		switch kind {
		case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
			p.stale = true
		case unix.RTM_NEWNEIGH:
			if n, err := netlink.NeighDeserialize(body); err == nil {
				news = p.learnt(n) || news
			}
		}
	})
	p.stale = p.stale || lost
	if now.Since(p.renewed) >= renewPeers {
		p.renewed = now
		if p.stale {
			p.stale = p.reroute() != nil
			return
		}
		p.ask()
	}
	if news {
		p.stale = p.write() != nil || p.stale
	}
}

func (p *peers) learnt(n *netlink.Neigh) (news bool) {
	addr, mac, ok := knownAs(n)
	if !ok {
		return false
	}
	for slot := range p.slots {
		if s := &p.slots[slot]; s.hop == addr && s.out.Index == n.LinkIndex && s.mac != mac {
			s.mac, news = mac, true
		}
	}
	return news
}

// write gives the programs what has changed.
func (p *peers) write() error {
	for slot := range p.slots {
		s := &p.slots[slot]
		now := p.header(s, p.ether(slot))
		if s.written != nil && *s.written == now {
			continue
		}
		if err := p.to.Put(uint32(slot*control.RailsMax+p.rail), bytesOf(&now)); err != nil {
			return fmt.Errorf("tell the kernel how slot %d is reached: %w", slot, err)
		}
		s.written = &now
	}
	return nil
}

// header is what leads frames to the slot. That of the own slot, which nobody has to send to,
// leads to all of the group. Over UDP it may lack the hardware address: programs then have the kernel find that.
func (p *peers) header(s *reach, ether bool) peer {
	switch {
	case !s.named || s.why != nil:
		return peer{}
	case ether && s.self:
		if p.group == [6]byte{} {
			return peer{}
		}
		return byEther(p.link.Index, p.link.MAC, p.group, p.opt.EtherType)
	case s.self, ether && s.mac == [6]byte{}:
		return peer{}
	case ether:
		return byEther(p.link.Index, p.link.MAC, s.mac, p.opt.EtherType)
	}
	from := netip.AddrPortFrom(p.own, p.opt.Port)
	return byUDP(s.out.Index, s.out.MAC, s.mac, from, netip.AddrPortFrom(s.at.UDP.Addr().Unmap(), s.at.UDP.Port()), p.opt.DSCP)
}

func (p *peers) close() error { return p.changes.close() }
