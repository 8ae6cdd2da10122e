package netlab

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// patience bounds how long a test waits for what must happen.
const patience = 10 * time.Second

const testEtherType = 0x88b6

// build makes a network of n nodes that ends with the test.
func build(t *testing.T, nodes int, ipv6 bool) *Network {
	t.Helper()
	c := Config{Lab: fmt.Sprintf("t%d", os.Getpid()), IPv6: ipv6}
	for i := range nodes {
		c.Nodes = append(c.Nodes, fmt.Sprintf("n%02d", i+1))
	}
	return buildFrom(t, c)
}

func buildFrom(t *testing.T, c Config) *Network {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "needs root to make network namespaces")
	}
	n, err := Create(c)
	if err != nil {
		missing(t, err.Error())
	}
	t.Cleanup(func() {
		n.Close()
		if err := Remove(c.Lab); err != nil {
			t.Error(err)
		}
		names, err := namespacesOf(c.Lab)
		if err != nil || len(names) > 0 {
			t.Errorf("namespaces left after Remove: %v, %v", names, err)
		}
		if _, err := os.Stat(pinRoot(c.Lab)); !os.IsNotExist(err) {
			t.Errorf("pins left after Remove: %v", err)
		}
	})
	return n
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("ROLLCALL_REQUIRE_BPF") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// wire is a packet socket on a node's interface.
type wire struct {
	node Node
	fd   int
}

func open(t *testing.T, n *Network, name string) *wire {
	t.Helper()
	node, err := n.Node(name)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{node: node}
	const proto = testEtherType<<8&0xff00 | testEtherType>>8
	err = n.Inside(name, func() error {
		eth, err := net.InterfaceByName(Interface)
		if err != nil {
			return err
		}
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, proto); err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: eth.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(w.fd) })
	return w
}

// send sends a frame with a number in it.
func (w *wire) send(t *testing.T, to net.HardwareAddr, number uint32) {
	t.Helper()
	f := append([]byte(to), w.node.MAC...)
	f = binary.BigEndian.AppendUint16(f, testEtherType)
	f = binary.BigEndian.AppendUint32(f, number)
	f = append(f, make([]byte, 64)...)
	if err := unix.Send(w.fd, f, 0); err != nil {
		t.Fatal(err)
	}
}

// next returns the number in the next frame received from elsewhere; false after the time.
func (w *wire) next(t *testing.T, within time.Duration) (uint32, bool) {
	t.Helper()
	tv := unix.NsecToTimeval(within.Nanoseconds())
	if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2048)
	for {
		size, from, err := unix.Recvfrom(w.fd, b, 0)
		if err == unix.EAGAIN {
			return 0, false
		}
		if err != nil {
			t.Fatal(err)
		}
		if l, ok := from.(*unix.SockaddrLinklayer); ok && l.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		return binary.BigEndian.Uint32(b[14:size]), true
	}
}

// bounce attaches a native XDP program to a node that sends every test frame back.
func bounce(t *testing.T, n *Network, name string) {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.XDP, License: "Apache-2.0", Instructions: asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, 0, asm.Word), // data
		asm.LoadMem(asm.R3, asm.R1, 4, asm.Word), // data_end
		asm.Mov.Reg(asm.R4, asm.R2),
		asm.Add.Imm(asm.R4, 14),
		asm.JGT.Reg(asm.R4, asm.R3, "pass"),
		asm.LoadMem(asm.R5, asm.R2, 12, asm.Half),
		asm.JNE.Imm(asm.R5, testEtherType<<8&0xff00|testEtherType>>8, "pass"),
		asm.LoadMem(asm.R5, asm.R2, 0, asm.Word), // swap the addresses
		asm.LoadMem(asm.R6, asm.R2, 6, asm.Word),
		asm.StoreMem(asm.R2, 0, asm.R6, asm.Word),
		asm.StoreMem(asm.R2, 6, asm.R5, asm.Word),
		asm.LoadMem(asm.R5, asm.R2, 4, asm.Half),
		asm.LoadMem(asm.R6, asm.R2, 10, asm.Half),
		asm.StoreMem(asm.R2, 4, asm.R6, asm.Half),
		asm.StoreMem(asm.R2, 10, asm.R5, asm.Half),
		asm.Mov.Imm(asm.R0, 3), // XDP_TX
		asm.Return(),
		asm.Mov.Imm(asm.R0, xdpPass).WithSymbol("pass"),
		asm.Return(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	err = n.Inside(name, func() error {
		eth, err := netlink.LinkByName(Interface)
		if err != nil {
			return err
		}
		return netlink.LinkSetXdpFdWithFlags(eth, p.FD(), 1<<2)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// exchange bounces numbered frames off a node until one comes back; frames may be lost
// while a port comes up.
func exchange(t *testing.T, w *wire, to net.HardwareAddr, number uint32) bool {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		w.send(t, to, number)
		for {
			got, ok := w.next(t, 100*time.Millisecond)
			if !ok {
				break
			}
			if got == number {
				return true
			}
		}
	}
	return false
}

func TestNativeXDPAnswersAcrossTheBridge(t *testing.T) {
	n := build(t, 4, false)
	w := open(t, n, "n01")
	for i, node := range n.Nodes()[1:] {
		bounce(t, n, node.Name)
		if !exchange(t, w, node.MAC, uint32(i+1)) {
			t.Errorf("no answer from the XDP program of %s", node.Name)
		}
	}
}

// That a frame was dropped shows when one that was sent later, through the open gate, has come.
func TestGatesCloseOneWay(t *testing.T) {
	n := build(t, 3, false)
	a, b, c := open(t, n, "n01"), open(t, n, "n02"), open(t, n, "n03")
	number := uint32(0)
	passes := func(gate Gate, from, to *wire) bool {
		t.Helper()
		if err := n.SetGate(gate, "n02"); err != nil {
			t.Fatal(err)
		}
		if l, err := n.Link("n02"); err != nil || l.Gate != gate {
			t.Errorf("link reads %v, %v, want %v", l, err, gate)
		}
		number++
		tried := number
		from.send(t, to.node.MAC, tried)
		if err := n.SetGate(Open, "n02"); err != nil {
			t.Fatal(err)
		}
		passed := false
		for end := time.Now().Add(patience); time.Now().Before(end); {
			number++
			from.send(t, to.node.MAC, number)
			for {
				got, ok := to.next(t, 100*time.Millisecond)
				if !ok {
					break // lost while a port came up
				}
				if got == tried {
					passed = true
				}
				if got == number {
					return passed
				}
			}
		}
		t.Fatalf("%s does not reach %s through the open gate", from.node.Name, to.node.Name)
		return false
	}
	passes(Open, a, b) // wait until the ports forward
	passes(Open, b, a)
	passes(Open, a, c)
	for _, tc := range []struct {
		gate           Gate
		hears, isHeard bool
	}{
		{Open, true, true},
		{Closed, false, false},
		{ClosedIn, false, true},
		{ClosedOut, true, false},
	} {
		if got := passes(tc.gate, a, b); got != tc.hears {
			t.Errorf("gate %v: the node hears %v, want %v", tc.gate, got, tc.hears)
		}
		if got := passes(tc.gate, b, a); got != tc.isHeard {
			t.Errorf("gate %v: the node is heard %v, want %v", tc.gate, got, tc.isHeard)
		}
		if !passes(tc.gate, a, c) {
			t.Errorf("gate %v: another node's link is disturbed", tc.gate)
		}
	}
}

func TestSidesKeepApart(t *testing.T) {
	n := build(t, 4, false)
	var wires []*wire
	for _, name := range n.Names() {
		wires = append(wires, open(t, n, name))
	}
	number := uint32(0)
	passes := func(from, to *wire) bool { // by a frame that comes later, as above
		t.Helper()
		number++
		tried := number
		from.send(t, to.node.MAC, tried)
		side, err := n.Link(from.node.Name)
		if err != nil {
			t.Fatal(err)
		}
		other, err := n.Link(to.node.Name)
		if err == nil {
			err = n.Split(uint8(side.Side), to.node.Name)
		}
		if err != nil {
			t.Fatal(err)
		}
		passed := false
		for end := time.Now().Add(patience); time.Now().Before(end); {
			number++
			from.send(t, to.node.MAC, number)
			for {
				got, ok := to.next(t, 100*time.Millisecond)
				if !ok {
					break
				}
				passed = passed || got == tried
				if got == number {
					if err := n.Split(uint8(other.Side), to.node.Name); err != nil {
						t.Fatal(err)
					}
					return passed
				}
			}
		}
		t.Fatalf("%s does not reach %s on one side", from.node.Name, to.node.Name)
		return false
	}
	for _, w := range wires[1:] { // wait until the ports forward
		passes(wires[0], w)
	}
	passes(wires[1], wires[0])
	if err := n.Split(7, "n03", "n04"); err != nil {
		t.Fatal(err)
	}
	for i, from := range wires {
		for j, to := range wires {
			if i == j {
				continue
			}
			if got, want := passes(from, to), i/2 == j/2; got != want {
				t.Errorf("%s reaches %s: %v, want %v", from.node.Name, to.node.Name, got, want)
			}
		}
	}
	if err := n.SetGate(Closed, "n03"); err != nil {
		t.Fatal(err)
	}
	if l, err := n.Link("n03"); err != nil || l.Gate != Closed || l.Side != 7 {
		t.Errorf("link reads %v, %v", l, err)
	}
}

func TestPluggedAgainTheLinkIsNew(t *testing.T) {
	n := build(t, 2, true)
	w := open(t, n, "n01")
	node, _ := n.Node("n02")
	bounce(t, n, "n02")
	if !exchange(t, w, node.MAC, 1) {
		t.Fatal("no answer before")
	}
	for range 3 {
		if err := n.Unplug("n02"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(namespaceDir, node.Namespace)); !os.IsNotExist(err) {
			t.Fatalf("namespace of an unplugged node: %v", err)
		}
		if err := n.Plug("n02"); err != nil {
			t.Fatal(err)
		}
	}
	err := n.Inside("n02", func() error {
		eth, err := netlink.LinkByName(Interface)
		if err == nil && eth.Attrs().Xdp != nil && eth.Attrs().Xdp.Attached {
			err = fmt.Errorf("the old XDP program is still there")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	bounce(t, n, "n02")
	if !exchange(t, w, node.MAC, 2) {
		t.Error("no answer after")
	}
}

func TestProcessesTalkTCP(t *testing.T) {
	n := build(t, 2, true)
	server, _ := n.Node("n02")
	for _, ip := range []net.IP{server.IPv4.AsSlice(), server.IPv6.AsSlice()} {
		address := net.JoinHostPort(ip.String(), "7746")
		var l net.Listener
		err := n.Inside("n02", func() (err error) {
			l, err = net.Listen("tcp", address)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			if c, err := l.Accept(); err == nil {
				io.Copy(c, c)
				c.Close()
			}
		}()
		var c net.Conn
		err = n.Inside("n01", func() (err error) {
			// The plain system call: a dialer's goroutines would leave the thread.
			c, err = dial(ip)
			return err
		})
		if err != nil {
			t.Fatalf("dial %s: %v", address, err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		sent := bytes.Repeat([]byte("rollcall"), 1<<14)
		go c.Write(sent)
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("echo over %s: %v", address, err)
		}
	}
}

func dial(ip net.IP) (net.Conn, error) {
	family, sa := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: 7746, Addr: [16]byte(ip.To16())})
	if v4 := ip.To4(); v4 != nil {
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: 7746, Addr: [4]byte(v4)}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "tcp")
	defer f.Close()
	if err := unix.Connect(fd, sa); err != nil {
		return nil, err
	}
	return net.FileConn(f)
}

func TestCaptureSeesEachFrameOnce(t *testing.T) {
	n := build(t, 3, false)
	a, b := open(t, n, "n01"), open(t, n, "n02")
	bounce(t, n, "n02")
	if !exchange(t, a, b.node.MAC, 1) {
		t.Fatal("no answer")
	}
	var mu sync.Mutex
	seen := make(map[string]int)
	done := make(chan struct{})
	stop, err := n.Capture(func(p Packet) {
		if len(p.Data) < 18 || binary.BigEndian.Uint16(p.Data[12:]) != testEtherType {
			return
		}
		number := binary.BigEndian.Uint32(p.Data[14:])
		mu.Lock()
		defer mu.Unlock()
		if p.At == 0 {
			t.Error("a frame without a time")
		}
		if seen[fmt.Sprint(p.Node, number)]++; number == 99 && p.Node == "n02" {
			close(done)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for number := uint32(10); number < 20; number++ {
		a.send(t, b.node.MAC, number)
	}
	a.send(t, b.node.MAC, 99)
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the last frame was not captured")
	}
	lost, err := stop()
	if err != nil || lost != 0 {
		t.Errorf("stop: %d lost, %v", lost, err)
	}
	for number := 10; number < 20; number++ {
		for _, node := range []string{"n01", "n02"} {
			if got := seen[fmt.Sprint(node, number)]; got != 1 {
				t.Errorf("frame %d of %s captured %d times", number, node, got)
			}
		}
	}
}

func TestSixtyFourNodes(t *testing.T) {
	began := time.Now()
	n := build(t, 64, false)
	t.Logf("built in %v", time.Since(began))
	list, err := namespacesOf(n.Lab())
	if err != nil || len(list) != 65 {
		t.Fatalf("%d namespaces, %v; want 65", len(list), err)
	}
	last := n.Nodes()[63]
	bounce(t, n, last.Name)
	if !exchange(t, open(t, n, "n01"), last.MAC, 1) {
		t.Error("no answer from the last node")
	}
}

func TestCreateTwiceIsRefusedAndHarmless(t *testing.T) {
	n := build(t, 2, false)
	if _, err := Create(n.config); err == nil || !strings.Contains(err.Error(), "take it down first") {
		t.Errorf("second Create: %v", err)
	}
	w := open(t, n, "n01")
	node, _ := n.Node("n02")
	bounce(t, n, "n02")
	if !exchange(t, w, node.MAC, 1) {
		t.Error("the first network is disturbed")
	}
}

func TestIPNetnsFindsTheNamespaces(t *testing.T) {
	ip, err := exec.LookPath("ip")
	if err != nil {
		t.Skip("no ip command here (Debian: iproute2)")
	}
	n := build(t, 2, false)
	node, _ := n.Node("n01")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, ip, "netns", "exec", node.Namespace, ip, "-br", "address", "show", Interface).CombinedOutput()
	if err != nil || !strings.Contains(string(out), node.IPv4.String()+"/16") {
		t.Errorf("ip netns exec: %v\n%s", err, out)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []Config{
		{},
		{Lab: "a-b", Nodes: []string{"n1"}},
		{Lab: "a", Nodes: nil},
		{Lab: "a", Nodes: []string{"n1", "n1"}},
		{Lab: "a", Nodes: []string{"gates"}},
		{Lab: "a", Nodes: []string{"../x"}},
		{Lab: "../x", Nodes: []string{"n1"}},
		{Lab: "a", Nodes: make([]string, MaxNodes+1)},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%.80v: no error", c)
		}
	}
}
