package dataplane

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// Names of the pins that hold a door where it is.
const (
	pinXDPLink = "rc_xdp_link"
	pinTCDoor  = progTCDoor
)

// filterName is what `tc filter show` calls our filter.
const filterName = "rollcall"

// pinOf names the pin of a rail's door.
func pinOf(name string, rail int) string {
	if rail == 0 {
		return name
	}
	return fmt.Sprintf("%s_%d", name, rail)
}

// attach hangs in a door at each rail's interface, after it took off those at interfaces that are of
// no rail any more, or of another one.
func (k *Kernel) attach(dir string) error {
	for rail := range control.RailsMax {
		d, err := readDoor(k.door, rail)
		if err != nil {
			return err
		}
		if d.Attach == attachedNot || rail < len(k.rails) && int(d.Ifindex) == k.rails[rail].link.Index {
			continue
		}
		if err := errors.Join(removeDoor(dir, rail, &d), writeDoor(k.door, rail, d)); err != nil {
			return err
		}
	}
	for _, r := range k.rails {
		if err := k.attachRail(dir, r); err != nil {
			return err
		}
	}
	return nil
}

// attachRail hangs in the door of a rail: the first way that works of those the options allow. A door
// that hangs already stays as it is, since hanging it in anew resets the queues of many devices.
func (k *Kernel) attachRail(dir string, r *kernelRail) error {
	d, err := readDoor(k.door, r.number)
	if err != nil {
		return err
	}
	ways := map[string][]attachment{
		AttachAuto:    {attachedNative, attachedTC},
		AttachNative:  {attachedNative},
		AttachTC:      {attachedTC},
		AttachGeneric: {attachedGeneric},
	}[k.opt.Attach]
	if ways == nil {
		return fmt.Errorf("attach %q: give auto, native, tc, generic or socket", k.opt.Attach)
	}
	if slices.Contains(ways, d.Attach) && doorHangs(dir, r.number, d, r.link.Index) {
		k.attached(r, d.Attach)
		return nil
	}
	var refused []error
	for _, way := range ways {
		err := k.hang(dir, r, &d, way)
		if err == nil {
			k.attached(r, way)
			return nil
		}
		err = fmt.Errorf("%s: %w", way, err)
		refused = append(refused, err)
		k.describe(func(about *Description) { about.Refused = append(about.Refused, r.says(err)) })
	}
	return fmt.Errorf("attach to interface %s: %w", r.link.Name, errors.Join(refused...))
}

// attached describes the door that hangs. Native XDP that was asked for is hung in even where its
// replies may be lost.
func (k *Kernel) attached(r *kernelRail, way attachment) {
	k.describe(func(about *Description) {
		about.Rails[r.number].Attach, about.Warning = way.String(), ""
		about.Attach = about.Rails[0].Attach
		for i, rail := range about.Rails {
			if rail.Attach != AttachNative {
				continue
			}
			if err := vethReplies(k.rails[i].link.Name); err != nil {
				about.Warning = err.Error()
			}
		}
	})
}

// hang attaches in one way. The record is written first, so that whatever a crash leaves
// hanging is found.
func (k *Kernel) hang(dir string, r *kernelRail, d *door, way attachment) error {
	if d.Attach != attachedNot {
		if err := removeDoor(dir, r.number, d); err != nil {
			return err
		}
	}
	if way == attachedNative && k.opt.Attach == AttachAuto {
		if err := vethReplies(r.link.Name); err != nil {
			return err
		}
	}
	d.Ifindex, d.Attach = uint32(r.link.Index), way
	if err := writeDoor(k.door, r.number, *d); err != nil {
		return err
	}
	var err error
	switch way {
	case attachedNative:
		err = k.hangXDP(dir, r, link.XDPDriverMode)
	case attachedGeneric:
		err = k.hangXDP(dir, r, link.XDPGenericMode)
	case attachedTC:
		err = k.hangTC(dir, r, d)
	}
	if err != nil {
		err = errors.Join(err, removeQdisc(d))
		d.Attach = attachedNot
	}
	return errors.Join(err, writeDoor(k.door, r.number, *d))
}

func (k *Kernel) hangXDP(dir string, r *kernelRail, mode link.XDPAttachFlags) error {
	l, err := link.AttachXDP(link.XDPOptions{
		Program: k.coll.Programs[progXDPDoor], Interface: r.link.Index, Flags: mode,
	})
	switch {
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EEXIST):
		return fmt.Errorf("the XDP hook is taken by %s: take that off with `ip link set dev %s xdp off`, or choose attach %q",
			programOn(r.link.Name), r.link.Name, AttachTC)
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("the device or its driver has no such hook: %v", err)
	case err != nil:
		return err
	}
	defer l.Close()
	if err := l.Pin(filepath.Join(dir, pinOf(pinXDPLink, r.number))); err != nil {
		return fmt.Errorf("pin the link: %w", err)
	}
	return nil
}

// programOn names the XDP program of an interface.
func programOn(ifname string) string {
	l, err := netlink.LinkByName(ifname)
	if err != nil || l.Attrs().Xdp == nil || !l.Attrs().Xdp.Attached {
		return "a program that cannot be seen"
	}
	return programName(l.Attrs().Xdp.ProgId)
}

func (k *Kernel) hangTC(dir string, r *kernelRail, d *door) error {
	err := netlink.QdiscAdd(clsact(r.link.Index))
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add qdisc clsact: %w", err)
	}
	if err == nil {
		d.Clsact = 1
	}
	others, err := filters(r.link.Index, netlink.HANDLE_MIN_INGRESS)
	if err != nil {
		return err
	}
	for _, f := range others {
		if b, ok := f.(*netlink.BpfFilter); ok && b.Name == filterName {
			return fmt.Errorf("the TC hook is taken by the door of another rollcalld, %s: run `rollcall detach` with its configuration, or `tc filter del dev %s ingress pref %d`",
				programName(uint32(b.Id)), r.link.Name, b.Priority)
		}
	}
	program, err := k.coll.Programs[progTCDoor].Clone() // which has a pin of its own
	if err != nil {
		return fmt.Errorf("open the TC door: %w", err)
	}
	defer program.Close()
	if err := program.Pin(filepath.Join(dir, pinOf(pinTCDoor, r.number))); err != nil {
		return fmt.Errorf("pin the TC door: %w", err)
	}
	f := &netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: r.link.Index, Parent: netlink.HANDLE_MIN_INGRESS,
			Handle: 1, Protocol: unix.ETH_P_ALL, Priority: 1,
		},
		Fd: program.FD(), Name: filterName, DirectAction: true,
	}
	if err := netlink.FilterAdd(f); err != nil {
		f.Priority, f.Handle = 0, 0 // the first place is taken: the kernel finds one
		if err := netlink.FilterAdd(f); err != nil {
			program.Unpin()
			return fmt.Errorf("add TC filter: %w", err)
		}
	}
	return nil
}

func clsact(ifindex int) netlink.Qdisc {
	return &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: ifindex, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
}

// filters lists the filters at one side of an interface; none where there is no qdisc.
func filters(ifindex int, side uint32) ([]netlink.Filter, error) {
	list, err := netlink.FilterList(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: ifindex}}, side)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list TC filters: %w", err)
	}
	return list, nil
}

// doorHangs reports whether the recorded door is still on the interface. A device that
// was made anew has lost it.
func doorHangs(dir string, rail int, d door, ifindex int) bool {
	if int(d.Ifindex) != ifindex {
		return false
	}
	if d.Attach == attachedTC {
		f, _ := ownFilter(dir, rail, ifindex)
		return f != nil
	}
	l, err := link.LoadPinnedLink(filepath.Join(dir, pinOf(pinXDPLink, rail)), nil)
	if err != nil {
		return false
	}
	defer l.Close()
	info, err := l.Info()
	return err == nil && info.XDP() != nil && int(info.XDP().Ifindex) == ifindex
}

// ownFilter finds the filter that runs the pinned TC door.
func ownFilter(dir string, rail, ifindex int) (netlink.Filter, error) {
	p, err := ebpf.LoadPinnedProgram(filepath.Join(dir, pinOf(pinTCDoor, rail)), nil)
	if err != nil {
		return nil, fmt.Errorf("open the pinned TC door: %w", err)
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return nil, fmt.Errorf("read the pinned TC door: %w", err)
	}
	id, _ := info.ID()
	list, err := filters(ifindex, netlink.HANDLE_MIN_INGRESS)
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		if b, ok := f.(*netlink.BpfFilter); ok && b.Id == int(id) {
			return f, nil
		}
	}
	return nil, nil
}
