package main

import (
	"net/netip"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// rails are the interfaces, with the addresses that were asked for.
func rails(cfg *config.Config) []dataplane.Rail {
	list := make([]dataplane.Rail, len(cfg.Interfaces))
	for i, name := range cfg.Interfaces {
		list[i].Interface = name
		if i < len(cfg.Addresses) {
			list[i].Address = cfg.Addresses[i]
		}
	}
	return list
}

// agentAddresses are where other agents may call: the address that was given, or one on each rail.
func (p *plan) agentAddresses() []string {
	list := []string{p.control.Self.RPC}
	if p.cfg.RPC.Addr().IsValid() {
		return list
	}
	for _, own := range p.control.Self.Rails[1:] {
		if own.UDP.IsValid() {
			list = append(list, netip.AddrPortFrom(own.UDP.Addr(), p.cfg.RPC.Port()).String())
		}
	}
	return list
}

func addressesOf(rails []dataplane.OnRail) (list []string) {
	for _, r := range rails {
		list = append(list, r.Address)
	}
	return list
}

// rails is how the interfaces fare.
func (s *source) rails(about []dataplane.OnRail) []publish.Rail {
	list := make([]publish.Rail, len(about))
	seen := s.seen.Load()
	for i, r := range about {
		list[i] = publish.Rail{Interface: r.Interface, Address: r.Address, Attach: r.Attach}
		if seen == nil || seen.status.Group.Roster == nil {
			continue
		}
		lost := &seen.status.Group.LostRails[i]
		for _, seat := range seen.status.Group.Roster.Seats {
			if lost.Has(seat.Slot) {
				list[i].LostTo = append(list[i].LostTo, seat.Name)
			}
		}
	}
	return list
}

// lostRails names the rails that a slot of the own group lost.
func (s *source) lostRails(own *control.Status, slot uint16) (list []string) {
	for rail, name := range s.cfg.Interfaces {
		if own.LostRails[rail].Has(slot) {
			list = append(list, name)
		}
	}
	return list
}
