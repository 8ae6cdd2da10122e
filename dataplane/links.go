package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// Link is what a plane needs to know of its interface.
type Link struct {
	Name    string
	Index   int
	Kind    string // of device, as `ip -details link` shows it: veth, bond, vlan, …; device: a real one
	MAC     [6]byte
	MTU     int
	Carrier bool // up, and somebody is at the other end
}

// FindLink reads the interface from the kernel. Its error is a MissingError where there is none.
func FindLink(name string) (Link, error) {
	l, err := netlink.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return Link{}, &MissingError{"interface " + name + " does not exist", "name one that `ip link` shows"}
	}
	if err != nil {
		return Link{}, fmt.Errorf("read interface %s: %w", name, err)
	}
	return describe(l), nil
}

func describe(l netlink.Link) Link {
	a := l.Attrs()
	out := Link{
		Name: a.Name, Index: a.Index, Kind: l.Type(), MTU: a.MTU,
		Carrier: a.RawFlags&unix.IFF_UP != 0 && a.RawFlags&unix.IFF_LOWER_UP != 0,
	}
	copy(out.MAC[:], a.HardwareAddr)
	return out
}

// LocalEndpoints is where the others reach this node by what opt says, by rail. The address is the
// one asked for or the first global one of the interface, IPv4 before IPv6; where nothing speaks UDP
// it may be missing. The error is a MissingError where an interface or an address may come yet.
func LocalEndpoints(opt Options) ([]control.Endpoint, error) {
	all := make([]control.Endpoint, len(opt.Rails))
	for i, r := range opt.Rails {
		link, err := FindLink(r.Interface)
		if err != nil {
			return nil, err
		}
		all[i].MAC = link.MAC
		addr, err := localAddress(link, r.Address)
		switch {
		case err == nil:
			all[i].UDP = netip.AddrPortFrom(addr, opt.Port)
		case opt.usesUDP() || r.Address.IsValid():
			return nil, err
		}
	}
	return all, apart(&opt, all)
}

// apart says which rails could not be told from each other by the address that a frame came to.
func apart(opt *Options, all []control.Endpoint) error {
	for i := range all {
		for j := range i {
			one, other := opt.Rails[j].Interface, opt.Rails[i].Interface
			switch {
			case one == other:
				return fmt.Errorf("interface %s is named twice: each rail is an interface of its own", one)
			case all[i].UDP.IsValid() && all[i].UDP == all[j].UDP:
				return fmt.Errorf("interfaces %s and %s have the same address %s: rails are told apart by it", one, other, all[i].UDP.Addr())
			case opt.Transport == TransportEther && all[i].MAC == all[j].MAC:
				return fmt.Errorf("interfaces %s and %s have the same hardware address: over Ethernet rails are told apart by it, choose transport %q", one, other, TransportUDP)
			}
		}
	}
	return nil
}

// localAddress finds the interface's address: want, where that is valid, else the first global one.
func localAddress(link Link, want netip.Addr) (netip.Addr, error) {
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := netlink.AddrList(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: link.Index}}, family)
		if err != nil {
			return netip.Addr{}, fmt.Errorf("read addresses of interface %s: %w", link.Name, err)
		}
		for _, a := range list {
			ip, _ := netip.AddrFromSlice(a.IP)
			ip = ip.Unmap()
			if a.Flags&unix.IFA_F_TENTATIVE != 0 { // nobody can bind to it yet
				continue
			}
			if want == ip || !want.IsValid() && a.Scope == unix.RT_SCOPE_UNIVERSE {
				return ip, nil
			}
		}
	}
	if want.IsValid() {
		return netip.Addr{}, &MissingError{fmt.Sprintf("interface %s has no address %s", link.Name, want), "give it one, or name another interface"}
	}
	return netip.Addr{}, &MissingError{fmt.Sprintf("interface %s has no global address", link.Name), "give it one, or choose transport \"" + TransportEther + "\""}
}

// vethReplies says why a native program on a veth device could not send its replies: veth
// drops them silently unless the other end runs a native program too. It returns nil
// for other devices, and where the other end is seen to run one.
func vethReplies(name string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("read interface %s: %w", name, err)
	}
	a := l.Attrs()
	if l.Type() != "veth" || a.ParentIndex == 0 {
		return nil
	}
	peer, err := linkAt(a.NetNsID, a.ParentIndex)
	if err != nil {
		return fmt.Errorf("replies from veth %s may be lost: its other end is out of sight: %w", name, err)
	}
	if x := peer.Attrs().Xdp; x == nil || !x.Attached || x.AttachMode != nl.XDP_ATTACHED_DRV {
		return fmt.Errorf("replies from veth %s would be lost: attach a native XDP program, one that passes will do, to its other end %s", name, peer.Attrs().Name)
	}
	return nil
}

// linkAt reads a link by index in another network namespace, which the kernel knows by the
// number nsid here; -1 is this namespace.
func linkAt(nsid, index int) (netlink.Link, error) {
	const targetNetNSID = 46 // IFLA_TARGET_NETNSID
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	if nsid >= 0 {
		req.AddData(nl.NewRtAttr(targetNetNSID, binary.NativeEndian.AppendUint32(nil, uint32(nsid))))
	}
	out, err := req.Execute(unix.NETLINK_ROUTE, 0)
	if err != nil {
		return nil, fmt.Errorf("read link %d: %w", index, err)
	}
	if len(out) != 1 {
		return nil, fmt.Errorf("read link %d: %d answers", index, len(out))
	}
	return netlink.LinkDeserialize(nil, out[0])
}
