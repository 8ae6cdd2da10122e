package dataplane

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"rollcall/control"
)

// mapDoor is pinned beside the maps of bpf/: what the next agent, and detach, must know.
const mapDoor = "rc_door"

// door is a value of mapDoor, which has one for each rail. The first has what is of all.
type door struct {
	Layout  uint64 // of the pinned maps; of all
	Ifindex uint32
	Attach  attachment
	Frags   uint32 // 1: the XDP programs take frames in several buffers; of all
	Clsact  uint32 // 1: the clsact qdisc is ours
}

// attachment numbers the ways to attach in the door's record.
type attachment uint32

const (
	attachedNot attachment = iota
	attachedNative
	attachedTC
	attachedGeneric
)

func (a attachment) String() string {
	return [...]string{"none", AttachNative, AttachTC, AttachGeneric}[a]
}

// newDoor makes the record's map, with type information for those who dump it.
func newDoor() (*ebpf.Map, error) {
	u32 := &btf.Int{Name: "unsigned int", Size: 4}
	u64 := &btf.Int{Name: "unsigned long long", Size: 8}
	how := &btf.Enum{Name: "rc_attach", Size: 4}
	for a := attachedNot; a <= attachedGeneric; a++ {
		how.Values = append(how.Values, btf.EnumValue{Name: "RC_ATTACH_" + a.String(), Value: uint64(a)})
	}
	value := &btf.Struct{Name: mapDoor, Size: uint32(unsafe.Sizeof(door{}))}
	for _, f := range []struct {
		name   string
		offset uintptr
		typ    btf.Type
	}{
		{"layout", unsafe.Offsetof(door{}.Layout), u64},
		{"ifindex", unsafe.Offsetof(door{}.Ifindex), u32},
		{"attach", unsafe.Offsetof(door{}.Attach), how},
		{"frags", unsafe.Offsetof(door{}.Frags), u32},
		{"clsact", unsafe.Offsetof(door{}.Clsact), u32},
	} {
		value.Members = append(value.Members, btf.Member{Name: f.name, Type: f.typ, Offset: btf.Bits(f.offset * 8)})
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: mapDoor, Type: ebpf.Array, KeySize: 4, ValueSize: value.Size, MaxEntries: control.RailsMax, Key: u32, Value: value,
	})
	if err != nil {
		return nil, fmt.Errorf("make map %s: %w", mapDoor, err)
	}
	return m, nil
}

// widened is the record with room for all rails: one of a version that knew only one rail is
// replaced, and so is its pin.
func widened(m *ebpf.Map, dir string) (*ebpf.Map, error) {
	if m.MaxEntries() == control.RailsMax {
		return m, nil
	}
	d, err := readDoor(m, 0)
	if err != nil {
		return m, err
	}
	wide, err := newDoor()
	if err != nil {
		return m, err
	}
	next := filepath.Join(dir, mapDoor+"_next")
	if err = writeDoor(wide, 0, d); err == nil {
		err = os.RemoveAll(next)
	}
	if err == nil {
		err = wide.Pin(next)
	}
	if err == nil {
		err = os.Rename(next, filepath.Join(dir, mapDoor))
	}
	if err != nil {
		wide.Close()
		return m, fmt.Errorf("make room in %s for more rails: %w", mapDoor, err)
	}
	m.Close()
	return wide, nil
}

func readDoor(m *ebpf.Map, rail int) (d door, err error) {
	if m.ValueSize() != uint32(unsafe.Sizeof(d)) {
		return d, fmt.Errorf("read %s: a value has %d bytes, expected %d", mapDoor, m.ValueSize(), unsafe.Sizeof(d))
	}
	if err := m.Lookup(uint32(rail), bytesOf(&d)); err != nil {
		return d, fmt.Errorf("read %s: %w", mapDoor, err)
	}
	if d.Attach > attachedGeneric {
		return d, fmt.Errorf("read %s: unknown attachment %d", mapDoor, d.Attach)
	}
	return d, nil
}

func writeDoor(m *ebpf.Map, rail int, d door) error {
	if err := m.Put(uint32(rail), bytesOf(&d)); err != nil {
		return fmt.Errorf("write %s: %w", mapDoor, err)
	}
	return nil
}

// layoutOf is a hash of everything that must be equal for programs to take over pinned
// maps: sizes, and of the values the names and places of all fields.
func layoutOf(spec *ebpf.CollectionSpec) uint64 {
	h := fnv.New64a()
	for _, name := range slices.Sorted(slices.Values(pinned)) {
		m := spec.Maps[name]
		fmt.Fprintln(h, name, m.Type, m.KeySize, m.ValueSize, m.MaxEntries, m.Flags)
		hashType(h, m.Value)
	}
	return h.Sum64()
}

func hashType(h hash.Hash, t btf.Type) {
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		fmt.Fprintln(h, "struct", t.Name, t.Size)
		for _, m := range t.Members {
			fmt.Fprintln(h, m.Name, m.Offset, m.BitfieldSize)
			hashType(h, m.Type)
		}
	case *btf.Array:
		fmt.Fprintln(h, "array", t.Nelems)
		hashType(h, t.Type)
	case *btf.Int:
		fmt.Fprintln(h, "int", t.Size)
	case *btf.Enum:
		fmt.Fprintln(h, "enum", t.Size)
		for _, v := range t.Values {
			binary.Write(h, binary.BigEndian, v.Value)
		}
	case nil:
	default:
		fmt.Fprintf(h, "%T %s\n", t, t.TypeName())
	}
}
