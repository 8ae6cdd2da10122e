package dataplane

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// namespace is a network namespace of the test's own, with its loopback up.
type namespace struct{ fd int }

// newNamespace makes one, or skips the test where that is not allowed.
func newNamespace(t testing.TB) *namespace {
	t.Helper()
	n := &namespace{fd: -1}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("open", err)
		}
		n.fd = fd
		return linkUp("lo")
	})
	if errors.Is(err, unix.EPERM) && os.Getenv("ROLLCALL_REQUIRE_BPF") != "1" {
		t.Skipf("network namespaces need root: %v", err)
	}
	if err != nil {
		t.Fatalf("make a network namespace: %v", err)
	}
	t.Cleanup(func() { unix.Close(n.fd) })
	return n
}

// do calls f on a thread that is in the namespace. Sockets stay where they were opened.
func (n *namespace) do(t testing.TB, f func() error) {
	t.Helper()
	err := onThread(func() error {
		if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("setns", err)
		}
		return f()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// onThread calls f on a thread that ends with it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// newSegment makes a bridge with a namespace at each of n ports, where the interface is
// called eth0.
func newSegment(t testing.TB, n int) (bridge *namespace, hosts []*namespace) {
	t.Helper()
	for range n {
		hosts = append(hosts, newNamespace(t))
	}
	return newBridge(t, hosts, "eth0"), hosts
}

// newBridge makes a bridge with a namespace at each port, where the interface has the name given.
func newBridge(t testing.TB, hosts []*namespace, name string) *namespace {
	t.Helper()
	bridge := newNamespace(t)
	bridge.do(t, func() error {
		br := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
		if err := errors.Join(netlink.LinkAdd(br), linkUp("br0")); err != nil {
			return err
		}
		for i, host := range hosts {
			port := netlink.LinkAttrs{Name: "port" + string(rune('a'+i)), MasterIndex: br.Index}
			veth := &netlink.Veth{LinkAttrs: port, PeerName: name, PeerNamespace: netlink.NsFd(host.fd)}
			if err := errors.Join(netlink.LinkAdd(veth), linkUp(port.Name)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, host := range hosts {
		host.do(t, func() error { return linkUp(name) })
	}
	bridge.do(t, func() error { return awaitCarrier(len(hosts)) })
	return bridge
}

// awaitCarrier returns when n ports of this thread's namespace have their carrier: a
// bridge forwards nothing before it was told, a moment after the other end came up.
func awaitCarrier(n int) error {
	updates, done := make(chan netlink.LinkUpdate, 64), make(chan struct{})
	defer close(done)
	if err := netlink.LinkSubscribeWithOptions(updates, done, netlink.LinkSubscribeOptions{ListExisting: true}); err != nil {
		return err
	}
	ready := map[string]bool{}
	for len(ready) < n {
		select {
		case u := <-updates:
			if a := u.Attrs(); strings.HasPrefix(a.Name, "port") && a.OperState == netlink.OperUp {
				ready[a.Name] = true
			}
		case <-time.After(patienceOfTests):
			return fmt.Errorf("%d of %d ports came up", len(ready), n)
		}
	}
	return nil
}

func linkUp(name string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(l)
}

// address gives an interface of this thread's namespace an address.
func addAddress(name, cidr string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(cidr)
	if err != nil {
		return err
	}
	a.Flags = unix.IFA_F_NODAD
	return netlink.AddrReplace(l, a)
}

// addVeth makes an interface whose other end is in the same namespace.
func addVeth(name string) error {
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "peer"}
	return errors.Join(netlink.LinkAdd(veth), linkUp(name), linkUp(veth.PeerName))
}

// firstEndpoint is where the others reach this node by its first rail.
func firstEndpoint(opt Options) (control.Endpoint, error) {
	all, err := LocalEndpoints(opt)
	if err != nil {
		return control.Endpoint{}, err
	}
	return all[0], nil
}
