package dataplane

import (
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"rollcall/control"
)

// stamper writes the agent's two fields of every register. It is a program because rc_group is
// frozen: everybody may map it, and nobody but programs may write it. A descriptor
// opened for reading would not do, since the kernel does not map one of a BPF map.
type stamper struct {
	program *ebpf.Program
	packet  [14]byte // a run needs an Ethernet header
}

// skb is the beginning of struct __sk_buff, which carries the health in its mark.
type skb struct {
	_    [2]uint32 // length, packet type
	mark uint32
}

func newStamper(register *ebpf.Map) (*stamper, error) {
	var r control.Register
	code := asm.Instructions{
		asm.LoadMem(asm.R6, asm.R1, int16(unsafe.Offsetof(skb{}.mark)), asm.Word),
		asm.FnKtimeGetBootNs.Call(),
		asm.Mov.Reg(asm.R7, asm.R0),
	}
	for place := range int64(control.Places) {
		code = append(code,
			asm.LoadMapPtr(asm.R1, register.FD()),
			asm.StoreImm(asm.RFP, -4, place, asm.Word),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "out"),
			asm.StoreMem(asm.R0, int16(unsafe.Offsetof(r.Health)), asm.R6, asm.Word),
			asm.StoreMem(asm.R0, int16(unsafe.Offsetof(r.AgentAt)), asm.R7, asm.DWord),
		)
	}
	code = append(code, asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return())
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "rc_stamp", Type: ebpf.SchedCLS, License: "Dual BSD/GPL",
		Instructions: code,
	})
	if err != nil {
		return nil, fmt.Errorf("load the program that stamps the register: %w", err)
	}
	return &stamper{program: p}, nil
}

// Stamp implements Plane.
func (k *Kernel) Stamp(health uint16) {
	// It fails only when the plane is closed.
	k.stamper.program.Run(&ebpf.RunOptions{Data: k.stamper.packet[:], Context: skb{mark: uint32(health)}})
	k.watch()
	for _, r := range k.rails {
		r.peers.follow(Now())
	}
	k.keepPace()
}
