package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// host is struct rc_host of bpf/maps.h: where this host is reached by one rail.
type host struct {
	mac        [6]byte
	groupMAC   [6]byte
	transports uint32
	ip4        [4]byte
	ip6        [16]byte
}

const (
	transportEther = 1
	transportUDP4  = 2
	transportUDP6  = 4
)

// spec reads the programs and maps that this build carries and fits them to the options.
// Programs that share a program array must agree on frags, so all XDP ones get the same.
func (k *Kernel) spec(frags bool) (*ebpf.CollectionSpec, error) {
	spec, err := loadRollcall()
	if err != nil {
		return nil, fmt.Errorf("read the built-in kernel programs: %w", err)
	}
	for _, name := range []string{progXDPDoor, progXDPEnter, progXDPServe} {
		p := spec.Programs[name]
		p.Flags &^= unix.BPF_F_XDP_HAS_FRAGS
		if frags {
			p.Flags |= unix.BPF_F_XDP_HAS_FRAGS
		}
	}
	delete(spec.Maps, "rc_view") // views are published in memory that readers may be given
	for name, value := range map[string]any{"rc_port": k.opt.Port, "rc_ethertype": k.opt.EtherType} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("set %s of the kernel programs: %w", name, err)
		}
	}
	return spec, nil
}

// takesFrags tries whether the kernel has XDP programs for frames in several buffers,
// which large MTUs need.
func takesFrags() bool {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.XDP,
		Flags:        unix.BPF_F_XDP_HAS_FRAGS,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 2), asm.Return()},
		License:      "Dual BSD/GPL",
	})
	if err != nil {
		return false
	}
	p.Close()
	return true
}

// load loads programs and maps, taking over the maps given, and fills what no pin keeps.
func (k *Kernel) load(frags bool, keep map[string]*ebpf.Map) error {
	spec, err := k.spec(frags)
	if err != nil {
		return err
	}
	k.coll, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: keep})
	if err != nil {
		return fmt.Errorf("load the kernel programs: %w", err)
	}
	if err := k.putKeys(k.opt.Keys, true); err != nil {
		return err
	}
	for _, r := range k.rails {
		r.host = hostOf(r.link, &k.opt, r.number)
		if err := k.putHost(r); err != nil {
			return err
		}
	}
	k.channel.program = k.coll.Programs[progCommand]
	return nil
}

func (k *Kernel) putHost(r *kernelRail) error {
	if err := k.coll.Maps[mapHost].Put(uint32(r.number), bytesOf(&r.host)); err != nil {
		return fmt.Errorf("give the own addresses to the kernel: %w", err)
	}
	return nil
}

// hostOf says what the programs are to answer to by a rail: only the transports in use.
func hostOf(link Link, opt *Options, rail int) host {
	h := host{mac: link.MAC}
	if opt.Transport == TransportEther {
		h.transports = transportEther
	}
	if !opt.usesUDP() {
		return h
	}
	switch addr := opt.Rails[rail].Address.Unmap(); {
	case addr.Is4():
		h.transports |= transportUDP4
		h.ip4 = addr.As4()
	case addr.Is6():
		h.transports |= transportUDP6
		h.ip6 = addr.As16()
	}
	return h
}

// answerFor lets the programs take what is sent to a group's multicast address.
func (k *Kernel) answerFor(group uint16) error {
	if k.opt.Transport != TransportEther {
		return nil
	}
	for _, r := range k.rails {
		r.host.groupMAC = groupMAC(k.opt.ClusterID, 0, group, r.number)
		if err := k.putHost(r); err != nil {
			return err
		}
		if err := r.peers.join(r.host.groupMAC); err != nil {
			return err
		}
	}
	return nil
}

// enter makes the doors lead to the programs loaded.
func (k *Kernel) enter() error {
	for _, to := range []struct{ array, program string }{ // what is called, before who calls
		{mapXDPLogic, progXDPServe}, {mapXDPAgent, progXDPServe}, {mapXDPProgs, progXDPEnter},
		{mapTCLogic, progTCServe}, {mapTCAgent, progTCServe}, {mapTCProgs, progTCEnter},
	} {
		if err := k.coll.Maps[to.array].Put(uint32(0), k.coll.Programs[to.program]); err != nil {
			return fmt.Errorf("put %s in its place: %w", to.program, err)
		}
	}
	return nil
}

// hint tells what to do about the usual reasons that a kernel refuses something.
func hint(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return fmt.Errorf("%w: run as root, or with CAP_BPF and CAP_NET_ADMIN and a pin directory of one's own", err)
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("%w: the kernel is older than 5.15 or built without it; choose attach %q", err, AttachSocket)
	}
	return err
}
