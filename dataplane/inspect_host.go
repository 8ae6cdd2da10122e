package dataplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Feature is something that the kernel plane needs of the kernel.
type Feature struct {
	Name  string
	Since string // Linux version that has it first
	Err   error  // nil: it is there; else ErrMissing or what kept the probe from running
}

// ErrMissing says that the kernel does not have a feature.
var ErrMissing = ebpf.ErrNotSupported

// Features probes the running kernel. It needs CAP_BPF and CAP_NET_ADMIN, or root.
func Features() []Feature {
	return []Feature{
		{"XDP programs", "4.8", features.HaveProgramType(ebpf.XDP)},
		{"TC programs", "4.1", features.HaveProgramType(ebpf.SchedCLS)},
		{"program arrays", "4.2", features.HaveMapType(ebpf.ProgramArray)},
		{"ring buffers", "5.8", features.HaveMapType(ebpf.RingBuf)},
		{"mapped arrays", "5.5", features.HaveMapFlag(features.BPF_F_MMAPABLE)},
		{"boot-time clock", "5.8", features.HaveProgramHelper(ebpf.XDP, asm.FnKtimeGetBootNs)},
		{"timers", "5.15", features.HaveProgramHelper(ebpf.XDP, asm.FnTimerInit)},
	}
}

// Device is what matters of a network interface before anything is attached to it.
type Device struct {
	Name     string
	Up       bool
	Carrier  bool
	Ethernet bool
	MTU      int
	Driver   string // kind of virtual device, or the kernel module's name
	XDP      string // name and number of the program on its XDP hook; empty: the hook is free
}

// InspectDevice looks at a network interface of this network namespace.
func InspectDevice(name string) (*Device, error) {
	l, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil, fmt.Errorf("no interface %s here: ip -br link lists those there are", name)
	}
	if err != nil {
		return nil, fmt.Errorf("inspect interface %s: %w", name, err)
	}
	a := l.Attrs()
	d := &Device{
		Name: name, MTU: a.MTU, Driver: l.Type(),
		Up:       a.RawFlags&unix.IFF_UP != 0,
		Carrier:  a.RawFlags&unix.IFF_LOWER_UP != 0,
		Ethernet: a.EncapType == "ether",
	}
	if module, err := os.Readlink(filepath.Join("/sys/class/net", name, "device/driver")); err == nil {
		d.Driver = filepath.Base(module)
	}
	if a.Xdp != nil && a.Xdp.Attached {
		d.XDP = programName(a.Xdp.ProgId)
	}
	return d, nil
}

// programName names a loaded program, by number alone where it may not be looked at.
func programName(id uint32) string {
	p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
	if err != nil {
		return fmt.Sprintf("program %d", id)
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return fmt.Sprintf("program %d", id)
	}
	return fmt.Sprintf("%s (program %d)", info.Name, id)
}

// OnBPFFS reports whether path, or the nearest directory above it that exists, is on a
// mounted BPF filesystem.
func OnBPFFS(path string) (bool, error) {
	for {
		var s unix.Statfs_t
		err := unix.Statfs(path, &s)
		if err == nil {
			return s.Type == unix.BPF_FS_MAGIC, nil
		}
		if parent := filepath.Dir(path); errors.Is(err, unix.ENOENT) && parent != path {
			path = parent
			continue
		}
		return false, fmt.Errorf("look at %s: %w", path, err)
	}
}
