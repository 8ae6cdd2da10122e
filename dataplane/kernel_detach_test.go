package dataplane

import (
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestKernelDetach leaves the interface and the file system as they were.
func TestKernelDetach(t *testing.T) {
	for _, attach := range []string{AttachNative, AttachTC, AttachGeneric} {
		t.Run(attach, func(t *testing.T) {
			w, pair, _ := newPair(t, func(_ int, o *Options) { o.Attach, o.Transport = attach, TransportEther })
			w.enter(t, 1)
			s := pair[1]
			group := groupMAC(s.opt.ClusterID, 0, 0, 0)
			if !hears(t, group) {
				t.Error("the group's multicast address is not joined")
			}
			if err := Detach(s.opt.PinDir, s.opt.Cluster); err == nil {
				t.Error("detached under a running agent")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			done, err := DetachAll(s.opt.PinDir)
			if err != nil || len(done) != 1 || done[0] != "test" {
				t.Fatalf("detached %v: %v", done, err)
			}
			if _, err := os.Stat(s.opt.PinDir); err == nil {
				t.Error("the pin directory is still there")
			}
			if hears(t, group) {
				t.Error("the group's multicast address is still joined")
			}
			l, err := netlink.LinkByName(testInterface)
			if err != nil {
				t.Fatal(err)
			}
			if x := l.Attrs().Xdp; x != nil && x.Attached {
				t.Error("an XDP program is still attached")
			}
			qdiscs, err := netlink.QdiscList(l)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range qdiscs {
				if q.Type() == "clsact" {
					t.Error("the clsact qdisc is still there")
				}
			}
		})
	}
}

// TestKernelDetachKeepsOthers leaves alone a qdisc that was there before, and one that
// somebody else uses by now; a filter that has the first place keeps it.
func TestKernelDetachKeepsOthers(t *testing.T) {
	for _, first := range []bool{true, false} {
		newWire(t)
		next, err := ebpf.NewProgram(&ebpf.ProgramSpec{
			Name: "next", Type: ebpf.SchedCLS, License: "Dual BSD/GPL",
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
		})
		needKernel(t, "load a program", err)
		defer next.Close()
		l, err := netlink.LinkByName(testInterface)
		if err != nil {
			t.Fatal(err)
		}
		other := &netlink.BpfFilter{
			FilterAttrs: netlink.FilterAttrs{
				LinkIndex: l.Attrs().Index, Parent: netlink.HANDLE_MIN_INGRESS, Handle: 1, Priority: 1, Protocol: unix.ETH_P_ALL,
			},
			Fd: next.FD(), Name: "other", DirectAction: true,
		}
		if first {
			if err := netlink.QdiscAdd(clsact(l.Attrs().Index)); err != nil {
				t.Fatal(err)
			}
		}
		opt := testOptions(pinDir(t))
		opt.Attach = AttachTC
		if first {
			if err := netlink.FilterAdd(other); err != nil {
				t.Fatal(err)
			}
		}
		k := openKernel(t, opt)
		if !first {
			other.Priority = 2
			if err := netlink.FilterAdd(other); err != nil {
				t.Fatal(err)
			}
		}
		k.Close()
		if err := Detach(opt.PinDir, opt.Cluster); err != nil {
			t.Fatal(err)
		}
		left, err := netlink.FilterList(l, netlink.HANDLE_MIN_INGRESS)
		if err != nil || len(left) != 1 || left[0].(*netlink.BpfFilter).Name != "other" {
			t.Errorf("qdisc before us %v: filters left: %v %v", first, left, err)
		}
	}
}

// hears reports whether the interface takes a multicast address.
func hears(t *testing.T, mac [6]byte) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/thread-self/net/dev_mcast")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), hexOf(mac))
}

func hexOf(mac [6]byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, b := range mac {
		s.WriteByte(digits[b>>4])
		s.WriteByte(digits[b&15])
	}
	return s.String()
}
