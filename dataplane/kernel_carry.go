package dataplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"rollcall/control"
)

// carry moves the registers from maps of another layout to those of this build. What a field
// means belongs to its name, so it goes by the names in the type information of both.
//
// From the moment that the doors lead nowhere until they lead to this build's programs the
// node answers nothing: for about as long as the kernel takes to see all running programs
// end, some 20 ms, which rounds of 10 ms and more forgive. A crash on the way leaves maps
// of both layouts, and carrying again puts that right.
func (k *Kernel) carry(old map[string]*ebpf.Map, d door) error {
	dir := k.about.PinDir
	doors := map[string]*ebpf.Map{mapXDPProgs: old[mapXDPProgs], mapTCProgs: old[mapTCProgs]}
	if err := k.load(d.Frags == 1, doors); err != nil {
		return err
	}
	wait, err := newGrace()
	if err != nil {
		return err
	}
	defer wait.close()
	from, to := old[mapGroup], k.coll.Maps[mapGroup]
	registers, err := carried(from, to)
	if err != nil { // while nothing has been touched
		return err
	}
	for _, r := range registers {
		if err := k.opt.Keys.mayReplace((*control.Register)(unsafe.Pointer(&r[0]))); err != nil {
			return err
		}
	}
	if err := removeClock(dir); err != nil { // it beats by the old register
		return err
	}
	for name, m := range doors {
		if err := m.Delete(uint32(0)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("stop the old programs behind %s: %w", name, err)
		}
	}
	if err := wait.wait(); err != nil {
		return err
	}
	if registers, err = carried(from, to); err != nil {
		return err
	}
	for p, r := range registers {
		if err := to.Put(uint32(p), r); err != nil {
			return fmt.Errorf("write register %d in the new layout: %w", p, err)
		}
	}
	if err := to.Freeze(); err != nil {
		return fmt.Errorf("keep everybody else from writing the register: %w", err)
	}
	for _, name := range pinned {
		if doors[name] != nil {
			continue
		}
		next := filepath.Join(dir, name+"_next")
		if err := os.RemoveAll(next); err != nil {
			return fmt.Errorf("remove what an unfinished start left: %w", err)
		}
		if err := k.coll.Maps[name].Pin(next); err != nil {
			return fmt.Errorf("pin %s: %w", name, err)
		}
		if err := os.Rename(next, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("put the pin of %s in place: %w", name, err)
		}
	}
	spec, err := k.spec(d.Frags == 1)
	if err != nil {
		return err
	}
	d.Layout = layoutOf(spec)
	return writeDoor(k.door, 0, d)
}

// carried reads the registers and gives them in the layout of the other map.
func carried(from, to *ebpf.Map) ([][]byte, error) {
	source, err := valueType(from)
	if err != nil {
		return nil, err
	}
	target, err := valueType(to)
	if err != nil {
		return nil, err
	}
	var registers [][]byte
	for p := range min(from.MaxEntries(), to.MaxEntries()) {
		read, written := make([]byte, from.ValueSize()), make([]byte, to.ValueSize())
		if err := from.Lookup(p, read); err != nil {
			return nil, fmt.Errorf("read register %d in the old layout: %w", p, err)
		}
		if err := carryStruct(target, source, written, read); err != nil {
			return nil, fmt.Errorf("carry register %d over from another layout: %w", p, err)
		}
		registers = append(registers, written)
	}
	return registers, nil
}

// valueType finds the type of a register in the information that its map was made with.
func valueType(m *ebpf.Map) (*btf.Struct, error) {
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("open the type information of %s: %w", mapGroup, err)
	}
	defer h.Close()
	spec, err := h.Spec(nil)
	if err != nil {
		return nil, fmt.Errorf("read the type information of %s: %w", mapGroup, err)
	}
	var s *btf.Struct
	if err := spec.TypeByName(mapGroup, &s); err != nil {
		return nil, fmt.Errorf("read the type information of %s: %w", mapGroup, err)
	}
	return s, nil
}

// carryStruct copies every field that both structs have. A field that grew or shrank cannot
// be carried: its meaning has changed.
func carryStruct(to, from *btf.Struct, written, read []byte) error {
	for _, t := range to.Members {
		for _, f := range from.Members {
			if f.Name != t.Name {
				continue
			}
			dst, err := field(t, written)
			if err != nil {
				return err
			}
			src, err := field(f, read)
			if err != nil {
				return err
			}
			inner, ok := btf.UnderlyingType(t.Type).(*btf.Struct)
			if was, too := btf.UnderlyingType(f.Type).(*btf.Struct); ok && too {
				if err := carryStruct(inner, was, dst, src); err != nil {
					return fmt.Errorf("%s: %w", t.Name, err)
				}
				continue
			}
			if len(dst) != len(src) {
				return fmt.Errorf("field %s had %d bytes and has %d: run `rollcall detach` and rejoin as a new incarnation", t.Name, len(src), len(dst))
			}
			copy(dst, src)
		}
	}
	return nil
}

// field is the part of a value that holds a member.
func field(m btf.Member, value []byte) ([]byte, error) {
	size, err := btf.Sizeof(m.Type)
	if err != nil {
		return nil, fmt.Errorf("size of field %s: %w", m.Name, err)
	}
	at := int(m.Offset.Bytes())
	if m.BitfieldSize != 0 || at+size > len(value) {
		return nil, fmt.Errorf("field %s is not within the value", m.Name)
	}
	return value[at : at+size], nil
}
