package netlab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Gate says which way a node's link is closed.
type Gate uint32

// The gates.
const (
	Open      Gate = 0
	ClosedIn  Gate = 1 // nothing reaches the node
	ClosedOut Gate = 2 // nothing that the node sends arrives
	Closed    Gate = ClosedIn | ClosedOut
)

// String says what is closed, as status tables show it.
func (g Gate) String() string {
	switch g {
	case Open:
		return "open"
	case ClosedIn:
		return "closed in"
	case ClosedOut:
		return "closed out"
	}
	return "closed"
}

// Link is how a node's link fares, both as users see it and as the programs read it from
// their table.
type Link struct {
	Gate      Gate
	Side      uint32 // frames do not pass from one side of the network to another
	LossTo    uint32 // per mille of the frames to the node that are lost, by chance
	LossFrom  uint32 // per mille of those from the node
	Flip      uint64 // ns that the link is closed, then open, in turn; 0: it stays as it is
	FlipBegan uint64 // ns of CLOCK_BOOTTIME: closed first from then on
}

// Whole is a loss of every frame.
const Whole = 1000

// String says what is wrong with the link, as status tables show it.
func (l Link) String() string {
	var wrong []string
	if l.Gate != Open {
		wrong = append(wrong, l.Gate.String())
	}
	if l.Side != 0 {
		wrong = append(wrong, fmt.Sprintf("side %d", l.Side))
	}
	if l.LossTo != 0 {
		wrong = append(wrong, fmt.Sprintf("loses %g%% to it", float64(l.LossTo)/10))
	}
	if l.LossFrom != 0 {
		wrong = append(wrong, fmt.Sprintf("loses %g%% from it", float64(l.LossFrom)/10))
	}
	if l.Flip != 0 {
		wrong = append(wrong, fmt.Sprintf("flips every %v", time.Duration(l.Flip)))
	}
	if len(wrong) == 0 {
		return Open.String()
	}
	return strings.Join(wrong, ", ")
}

// gates are the gates of all ports, and the programs that keep them.
type gates struct {
	table *ebpf.Map // port's interface index: Link
	out   *ebpf.Program
	in    *ebpf.Program
}

func gatePath(lab string) string { return filepath.Join(pinRoot(lab), "gates") }

// loadGates finds the lab's gates, or makes and pins them.
func loadGates(lab string) (*gates, error) {
	if err := os.MkdirAll(pinRoot(lab), 0o750); err != nil {
		return nil, fmt.Errorf("make pin directory: %w", err)
	}
	table, err := ebpf.LoadPinnedMap(gatePath(lab), nil)
	if errors.Is(err, os.ErrNotExist) {
		table, err = ebpf.NewMap(&ebpf.MapSpec{
			Name: "rclab_gates", Type: ebpf.Array, KeySize: 4, ValueSize: uint32(unsafe.Sizeof(Link{})), MaxEntries: maxIndex + 1,
		})
		if err == nil {
			err = table.Pin(gatePath(lab))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open gates of lab %s: %w", lab, err)
	}
	g := &gates{table: table}
	g.out, err = loadGate(ebpf.XDP, outProgram(table))
	if err == nil {
		g.in, err = loadGate(ebpf.SchedCLS, inProgram(table))
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// attach puts the gate on a port; the caller is in the bridge's namespace. It ends with the port.
func (g *gates) attach(port netlink.Link) error {
	const native = 1 << 2 // XDP_FLAGS_DRV_MODE
	if err := netlink.LinkSetXdpFdWithFlags(port, g.out.FD(), native); err != nil {
		return fmt.Errorf("attach XDP gate: %w", err)
	}
	index := port.Attrs().Index
	err := netlink.QdiscAdd(&netlink.GenericQdisc{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT},
		QdiscType:  "clsact",
	})
	if err != nil {
		return fmt.Errorf("add clsact qdisc: %w", err)
	}
	err = netlink.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: index, Parent: netlink.HANDLE_MIN_EGRESS, Handle: 1, Protocol: unix.ETH_P_ALL, Priority: 1,
		},
		Fd: g.in.FD(), Name: "rclab_gate", DirectAction: true,
	})
	if err != nil {
		return fmt.Errorf("attach TC gate: %w", err)
	}
	return nil
}

func (g *gates) read(port int) (l Link, err error) {
	if err := g.table.Lookup(uint32(port), &l); err != nil {
		return l, fmt.Errorf("read gate: %w", err)
	}
	return l, nil
}

func (g *gates) write(port int, l Link) error {
	if err := g.table.Put(uint32(port), &l); err != nil {
		return fmt.Errorf("set gate: %w", err)
	}
	return nil
}

func (g *gates) close() {
	g.table.Close()
	if g.out != nil {
		g.out.Close()
	}
	if g.in != nil {
		g.in.Close()
	}
}
