package netlab

import (
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
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

// Offsets in a Link.
const (
	linkGate      = int16(unsafe.Offsetof(Link{}.Gate))
	linkSide      = int16(unsafe.Offsetof(Link{}.Side))
	linkLossTo    = int16(unsafe.Offsetof(Link{}.LossTo))
	linkLossFrom  = int16(unsafe.Offsetof(Link{}.LossFrom))
	linkFlip      = int16(unsafe.Offsetof(Link{}.Flip))
	linkFlipBegan = int16(unsafe.Offsetof(Link{}.FlipBegan))
)

func loadGate(kind ebpf.ProgramType, code asm.Instructions) (*ebpf.Program, error) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "rclab_gate", Type: kind, License: "Apache-2.0", Instructions: code})
	if err != nil {
		return nil, fmt.Errorf("load gate program (%s): %w", kind, err)
	}
	return p, nil
}

// lookup leaves in R0 the Link of the port that R2 names, and goes on at the label missing
// without one.
func lookup(table *ebpf.Map, missing string) asm.Instructions {
	return asm.Instructions{
		asm.StoreMem(asm.RFP, -4, asm.R2, asm.Word),
		asm.LoadMapPtr(asm.R1, table.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, missing),
	}
}

// faults goes on at the label drop when the Link in R8 is closed that way, flipped, or loses
// this frame. It clobbers R7.
func faults(closed Gate, loss int16) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R1, asm.R8, linkGate, asm.Word),
		asm.And.Imm(asm.R1, int32(closed)),
		asm.JNE.Imm(asm.R1, 0, "drop"),

		asm.LoadMem(asm.R7, asm.R8, linkFlip, asm.DWord),
		asm.JEq.Imm(asm.R7, 0, "steady"),
		asm.FnKtimeGetBootNs.Call(),
		asm.LoadMem(asm.R1, asm.R8, linkFlipBegan, asm.DWord),
		asm.Sub.Reg(asm.R0, asm.R1),
		asm.Div.Reg(asm.R0, asm.R7),
		asm.And.Imm(asm.R0, 1),
		asm.JEq.Imm(asm.R0, 0, "drop"),

		asm.LoadMem(asm.R7, asm.R8, loss, asm.Word).WithSymbol("steady"),
		asm.JEq.Imm(asm.R7, 0, "lossless"),
		asm.FnGetPrandomU32.Call(),
		asm.Mod.Imm(asm.R0, Whole),
		asm.JLT.Reg(asm.R0, asm.R7, "drop"),

		asm.Mov.Imm(asm.R0, 0).WithSymbol("lossless"),
	}
}

// outProgram drops what a node sends while its link says so.
func outProgram(table *ebpf.Map) asm.Instructions {
	code := asm.Instructions{asm.LoadMem(asm.R2, asm.R1, xdpIngressIfindex, asm.Word)}
	code = append(code, lookup(table, "pass")...)
	code = append(code, asm.Mov.Reg(asm.R8, asm.R0))
	code = append(code, faults(ClosedOut, linkLossFrom)...)
	return append(code,
		asm.Mov.Imm(asm.R0, xdpPass).WithSymbol("pass"),
		asm.Return(),
		asm.Mov.Imm(asm.R0, xdpDrop).WithSymbol("drop"),
		asm.Return(),
	)
}

// inProgram drops what a node would receive while its link says so, or when it comes from
// another side.
func inProgram(table *ebpf.Map) asm.Instructions {
	code := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R2, asm.R6, skbIfindex, asm.Word),
	}
	code = append(code, lookup(table, "pass")...)
	code = append(code, asm.Mov.Reg(asm.R8, asm.R0))
	code = append(code, faults(ClosedIn, linkLossTo)...)
	code = append(code, asm.LoadMem(asm.R2, asm.R6, skbIngressIfindex, asm.Word))
	code = append(code, lookup(table, "pass")...)
	return append(code,
		asm.LoadMem(asm.R1, asm.R0, linkSide, asm.Word),
		asm.LoadMem(asm.R2, asm.R8, linkSide, asm.Word),
		asm.JNE.Reg(asm.R1, asm.R2, "drop"),
		asm.Mov.Imm(asm.R0, tcOK).WithSymbol("pass"),
		asm.Return(),
		asm.Mov.Imm(asm.R0, tcShot).WithSymbol("drop"),
		asm.Return(),
	)
}
