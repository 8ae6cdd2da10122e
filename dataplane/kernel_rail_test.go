package dataplane

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestKernelDoorsOfRails: every rail has a door; the next agent takes off those of interfaces that
// are no rails any more, and hangs in what is missing, whatever the order; detaching ends all.
func TestKernelDoorsOfRails(t *testing.T) {
	for _, attach := range []string{AttachNative, AttachTC} {
		t.Run(attach, func(t *testing.T) {
			newWire(t)
			second, third := railAt(t, 1), railAt(t, 2)
			first := Rail{Interface: testInterface}
			opt := testOptions(pinDir(t))
			opt.Attach = attach
			var incarnation uint64
			for _, rails := range [][]Rail{{first}, {first, second}, {second, first}, {third, second}, {second}, {first, second, third}} {
				opt.Rails = rails
				k := openKernel(t, opt)
				s := station{Kernel: k}
				if incarnation == 0 {
					incarnation = s.incarnation()
				}
				if got := s.incarnation(); got != incarnation {
					t.Errorf("rails %v: incarnation %x, was %x", rails, got, incarnation)
				}
				d := k.Describe()
				for i, r := range rails {
					if about := d.Rails[i]; about.Interface != r.Interface || about.Attach != attach {
						t.Errorf("rails %v: rail %d is described as %+v", rails, i, about)
					}
				}
				for _, r := range []Rail{first, second, third} {
					want := 0
					for _, own := range rails {
						if own == r {
							want = 1
						}
					}
					if got := doorsAt(t, r.Interface); got != want {
						t.Errorf("rails %v: %d doors at %s, want %d", rails, got, r.Interface, want)
					}
				}
				if err := k.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := Detach(opt.PinDir, opt.Cluster); err != nil {
				t.Fatal(err)
			}
			for _, r := range []Rail{first, second, third} {
				if got := doorsAt(t, r.Interface); got != 0 {
					t.Errorf("%d doors at %s after detaching", got, r.Interface)
				}
			}
		})
	}
}

// TestKernelWidensRecord: what a version that knew one rail recorded is taken over, and its door
// stays where it hangs.
func TestKernelWidensRecord(t *testing.T) {
	newWire(t)
	opt := testOptions(pinDir(t))
	opt.Attach = AttachTC
	k := openKernel(t, opt)
	d, err := readDoor(k.door, 0)
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
	narrow, err := ebpf.NewMap(&ebpf.MapSpec{Name: mapDoor, Type: ebpf.Array, KeySize: 4, ValueSize: uint32(len(bytesOf(&d))), MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer narrow.Close()
	path := filepath.Join(pinPath(opt.PinDir, opt.Cluster), mapDoor)
	for _, err := range []error{writeDoor(narrow, 0, d), os.Remove(path), narrow.Pin(path)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	opt.Rails = append(opt.Rails, railAt(t, 1))
	k = openKernel(t, opt)
	if !k.Describe().Adopted || doorsAt(t, testInterface) != 1 || doorsAt(t, opt.Rails[1].Interface) != 1 {
		t.Errorf("taken over: %+v", k.Describe())
	}
	k.Close()
	if err := Detach(opt.PinDir, opt.Cluster); err != nil {
		t.Fatal(err)
	}
	if n := doorsAt(t, testInterface) + doorsAt(t, opt.Rails[1].Interface); n != 0 {
		t.Errorf("%d doors after detaching", n)
	}
}

// railAt makes an interface in this thread's namespace that is to be a rail.
func railAt(t *testing.T, number byte) Rail {
	t.Helper()
	name := fmt.Sprintf("rail%d", number)
	if err := addVeth(name); err != nil {
		t.Fatal(err)
	}
	if err := addAddress(name, fmt.Sprintf("10.88.%d.1/24", number)); err != nil {
		t.Fatal(err)
	}
	return Rail{Interface: name}
}

// doorsAt counts the programs that hang at an interface, by XDP or TC.
func doorsAt(t *testing.T, name string) (n int) {
	t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	if x := l.Attrs().Xdp; x != nil && x.Attached {
		n++
	}
	list, err := netlink.FilterList(l, netlink.HANDLE_MIN_INGRESS)
	if err != nil && err != unix.EINVAL && err != unix.ENOENT {
		t.Fatal(err)
	}
	return n + len(list)
}

// TestKernelClockOfOneLength: a clock's frame has room for headers of one version of IP.
func TestKernelClockOfOneLength(t *testing.T) {
	newWire(t)
	opt := testOptions(pinDir(t))
	six := railAt(t, 1)
	if err := addAddress(six.Interface, "fd88::1/64"); err != nil {
		t.Fatal(err)
	}
	six.Address = netip.MustParseAddr("fd88::1")
	opt.Rails, opt.Attach, opt.Pacer = append(opt.Rails, six), AttachTC, PacerAuto
	k := openKernel(t, opt)
	if p := k.Describe().Pacing; p.Pacer != PacerThread || !strings.Contains(p.Refused, "versions of IP") {
		t.Errorf("pacing %+v", p)
	}
	k.Close()
	opt.Pacer = PacerKernel
	if k, err := OpenKernel(opt); err == nil {
		k.Close()
		t.Error("the kernel's clock was demanded, and left out")
	} else if !strings.Contains(err.Error(), "versions of IP") {
		t.Error(err)
	}
	if err := Detach(opt.PinDir, opt.Cluster); err != nil {
		t.Fatal(err)
	}
}
