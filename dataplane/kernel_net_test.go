package dataplane

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// needKernel skips a test that needs privileges which are not there; where
// ROLLCALL_REQUIRE_BPF=1 promises them, it fails.
func needKernel(t testing.TB, why string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("ROLLCALL_REQUIRE_BPF") == "1" {
		t.Fatalf("%s: %v", why, err)
	}
	t.Skipf("%s: %v", why, err)
}

// pinDir mounts a BPF file system of the test's own and names a directory to be made in it.
func pinDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	needKernel(t, "mount a BPF file system (needs root)", unix.Mount("bpf", dir, "bpf", 0, "mode=0700"))
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir + "/rollcall"
}

const testInterface = "rc0"

// wire is two network namespaces joined by a veth pair, an end called rc0 in each.
type wire struct {
	ends  [2]netns.NsHandle
	addrs [2]netip.Addr
}

// newWire makes a wire. From here on the test stays on one thread, which dies with it.
func newWire(t testing.TB) *wire {
	t.Helper()
	runtime.LockOSThread()
	home, err := netns.Get()
	needKernel(t, "open the own network namespace", err)
	w := &wire{addrs: [2]netip.Addr{netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.0.2")}}
	for i := range w.ends {
		w.ends[i], err = netns.New()
		needKernel(t, "make a network namespace (needs root)", err)
	}
	t.Cleanup(func() {
		for i := range w.ends {
			w.ends[i].Close()
		}
		netns.Set(home)
		home.Close()
	})
	w.plug(t)
	return w
}

// plug makes the veth pair and gives both ends their addresses.
func (w *wire) plug(t testing.TB) {
	t.Helper()
	w.enter(t, 0)
	v := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: testInterface},
		PeerName:  testInterface, PeerNamespace: netlink.NsFd(w.ends[1]),
	}
	if err := netlink.LinkAdd(v); err != nil {
		t.Fatal("make veth pair:", err)
	}
	for i := range w.ends {
		w.enter(t, i)
		l, err := netlink.LinkByName(testInterface)
		if err != nil {
			t.Fatal(err)
		}
		a := &netlink.Addr{IPNet: &net.IPNet{IP: w.addrs[i].AsSlice(), Mask: net.CIDRMask(24, 32)}}
		six := &netlink.Addr{
			IPNet: &net.IPNet{IP: w.six(i).AsSlice(), Mask: net.CIDRMask(64, 128)}, Flags: unix.IFA_F_NODAD,
		}
		for _, a := range []*netlink.Addr{a, six} {
			if err := netlink.AddrAdd(l, a); err != nil {
				t.Fatal(err)
			}
		}
		if err := netlink.LinkSetUp(l); err != nil {
			t.Fatal(err)
		}
	}
	w.enter(t, 0)
}

// six is the IPv6 address of an end.
func (w *wire) six(i int) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfd, 0x77, 15: byte(i + 1)})
}

// enter moves the test's thread to one end.
func (w *wire) enter(t testing.TB, i int) {
	t.Helper()
	if err := netns.Set(w.ends[i]); err != nil {
		t.Fatal("enter namespace:", err)
	}
}

// pass attaches a native XDP program that lets everything through to the interface of the
// end that the thread is in.
func pass(t testing.TB) *ebpf.Program {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "pass_all", Type: ebpf.XDP, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 2), asm.Return()},
	})
	needKernel(t, "load a program", err)
	t.Cleanup(func() { p.Close() })
	l, err := netlink.LinkByName(testInterface)
	if err != nil {
		t.Fatal(err)
	}
	held, err := link.AttachXDP(link.XDPOptions{Program: p, Interface: l.Attrs().Index, Flags: link.XDPDriverMode})
	needKernel(t, "attach a program", err)
	t.Cleanup(func() { held.Close() })
	return p
}

// testOptions are options for the end that the thread is in.
func testOptions(pins string) Options {
	keys := &Keys{}
	keys.Slots[0] = [16]byte{1, 2, 3, 4}
	return Options{Cluster: "test", Rails: []Rail{{Interface: testInterface}}, Keys: keys, PinDir: pins, Pacer: PacerThread, ViewSize: 64 << 10, DSCP: DefaultDSCP}
}

// openKernel opens a plane that the test closes, and detaches, at its end.
func openKernel(t testing.TB, opt Options) *Kernel {
	t.Helper()
	k, err := OpenKernel(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}
