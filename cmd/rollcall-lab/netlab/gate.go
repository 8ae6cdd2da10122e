package netlab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
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

// An entry of the table is a port's gate, and above it the side of the network that the port
// is on: frames do not pass from one side to another.
const (
	gateMask  = 0xff
	sideShift = 8
)

// Offsets in the contexts that the kernel hands to programs.
const (
	xdpIngressIfindex = 12 // struct xdp_md
	skbIngressIfindex = 36 // struct __sk_buff: where a forwarded frame came in
	skbIfindex        = 40
)

const (
	xdpDrop = 1
	xdpPass = 2
	tcOK    = 0
	tcShot  = 2
)

// gates are the gates of all ports, and the programs that keep them.
type gates struct {
	table *ebpf.Map // port's interface index: Gate
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
			Name: "rclab_gates", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: firstPort + MaxNodes + 1,
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

func loadGate(kind ebpf.ProgramType, code asm.Instructions) (*ebpf.Program, error) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "rclab_gate", Type: kind, License: "Apache-2.0", Instructions: code})
	if err != nil {
		return nil, fmt.Errorf("load gate program (%s): %w", kind, err)
	}
	return p, nil
}

// entry looks up the port that R2 names in the table, and goes on at the label missing
// without one. The entry is then in R1.
func entry(table *ebpf.Map, missing string) asm.Instructions {
	return asm.Instructions{
		asm.StoreMem(asm.RFP, -4, asm.R2, asm.Word),
		asm.LoadMapPtr(asm.R1, table.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, missing),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.Word),
	}
}

// outProgram drops what a node sends while its gate says so.
func outProgram(table *ebpf.Map) asm.Instructions {
	code := asm.Instructions{asm.LoadMem(asm.R2, asm.R1, xdpIngressIfindex, asm.Word)}
	code = append(code, entry(table, "pass")...)
	return append(code,
		asm.And.Imm(asm.R1, int32(ClosedOut)),
		asm.JEq.Imm(asm.R1, 0, "pass"),
		asm.Mov.Imm(asm.R0, xdpDrop),
		asm.Return(),
		asm.Mov.Imm(asm.R0, xdpPass).WithSymbol("pass"),
		asm.Return(),
	)
}

// inProgram drops what a node would receive while its gate says so, or when it comes from
// another side.
func inProgram(table *ebpf.Map) asm.Instructions {
	code := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R2, asm.R6, skbIfindex, asm.Word),
	}
	code = append(code, entry(table, "pass")...)
	code = append(code,
		asm.Mov.Reg(asm.R7, asm.R1),
		asm.And.Imm(asm.R1, int32(ClosedIn)),
		asm.JNE.Imm(asm.R1, 0, "drop"),
		asm.LoadMem(asm.R2, asm.R6, skbIngressIfindex, asm.Word),
	)
	code = append(code, entry(table, "pass")...)
	return append(code,
		asm.RSh.Imm(asm.R1, sideShift),
		asm.RSh.Imm(asm.R7, sideShift),
		asm.JEq.Reg(asm.R1, asm.R7, "pass"),
		asm.Mov.Imm(asm.R0, tcShot).WithSymbol("drop"),
		asm.Return(),
		asm.Mov.Imm(asm.R0, tcOK).WithSymbol("pass"),
		asm.Return(),
	)
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

// entry reads a port's gate and side.
func (g *gates) entry(port int) (to Gate, side uint32, err error) {
	var v uint32
	if err := g.table.Lookup(uint32(port), &v); err != nil {
		return 0, 0, fmt.Errorf("read gate: %w", err)
	}
	return Gate(v & gateMask), v >> sideShift, nil
}

func (g *gates) set(port int, to Gate, side uint32) error {
	if err := g.table.Put(uint32(port), side<<sideShift|uint32(to)); err != nil {
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
