package dataplane

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"rollcall/control"
	"rollcall/view"
)

// Pinned is what the kernel holds for one group, read from the pinned maps. No agent needs
// to be running.
type Pinned struct {
	Cluster  string // the directory's name
	At       control.Time
	Register control.Register
	Members  [control.Slots]control.Member
	Frames   [control.Reasons]uint64
}

// Clusters names the clusters that have pins under pinDir.
func Clusters(pinDir string) ([]string, error) {
	entries, err := os.ReadDir(pinDir)
	if err != nil {
		return nil, fmt.Errorf("list pinned clusters: %w; is pin_dir right, and its bpffs mounted in this mount namespace?", err)
	}
	var names []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(pinDir, e.Name(), mapGroup)); err == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Inspect reads the pinned maps of a cluster's level-0 group. It needs CAP_BPF, or root.
func Inspect(pinDir, cluster string) (*Pinned, error) {
	p := &Pinned{Cluster: cluster, At: Now()}
	dir := filepath.Join(pinDir, cluster)
	steps := []struct {
		name string
		read func(*ebpf.Map) error
	}{
		{mapGroup, func(m *ebpf.Map) error { return readVersioned(m, 0, &p.Register) }},
		{mapMember, func(m *ebpf.Map) error {
			for slot := range p.Members {
				if err := readVersioned(m, uint32(slot), &p.Members[slot]); err != nil {
					return err
				}
			}
			return nil
		}},
		{mapStats, func(m *ebpf.Map) error {
			for reason := range p.Frames {
				if err := m.Lookup(uint32(reason), &p.Frames[reason]); err != nil {
					return err
				}
			}
			return nil
		}},
	}
	for _, s := range steps {
		if err := readPin(filepath.Join(dir, s.name), s.read); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// View is the view that the register knows to be decided, or nil where there is none yet.
// The names are those of the newest roster that the agent wrote down.
func (p *Pinned) View() *view.View {
	r := &p.Register
	if r.Committed.Seq == 0 {
		return nil
	}
	v := &view.View{
		Cluster: p.Cluster, Instance: r.Instance, Group: r.Group,
		Generation: r.Committed.Ballot.Generation(), Epoch: r.Committed.Seq, Leader: p.Name(r.Leader()),
	}
	for s := r.Committed.Members.First(); s < control.Slots; s = r.Committed.Members.Next(s + 1) {
		v.Members = append(v.Members, view.Identity{
			Name: p.Name(s), Group: r.Group, Slot: s, Incarnation: p.Members[s].Expected,
		})
	}
	return v
}

// Name is what the slot's node is called; empty: nobody has it.
func (p *Pinned) Name(slot uint16) string {
	if slot >= control.Slots {
		return ""
	}
	name, _, _ := bytes.Cut(p.Members[slot].Name[:], []byte{0})
	return string(name)
}

func readPin(path string, read func(*ebpf.Map) error) error {
	m, err := ebpf.LoadPinnedMap(path, &ebpf.LoadPinOptions{ReadOnly: true})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open pinned map %s: no such pin: this node has no kernel state, or pin_dir is another", path)
	case errors.Is(err, unix.EPERM), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open pinned map %s: %w; run it as root", path, err)
	case err != nil:
		return fmt.Errorf("open pinned map %s: %w", path, err)
	}
	defer m.Close()
	if err := read(m); err != nil {
		return fmt.Errorf("read pinned map %s: %w", path, err)
	}
	return nil
}

// readTries bounds the attempts to read a value that the kernel changes meanwhile: a write
// lasts well under a microsecond.
const readTries = 1000

// readVersioned copies an entry that begins with a version, which is odd while the kernel
// writes. Two copies with the same even version prove that nothing was written between
// their beginnings, so the first is whole.
func readVersioned[T any](m *ebpf.Map, key uint32, to *T) error {
	if size := unsafe.Sizeof(*to); uintptr(m.ValueSize()) != size {
		return fmt.Errorf("an entry has %d bytes, expected %d: another version of rollcalld made it", m.ValueSize(), size)
	}
	// The values are made of words of 8 bytes, and []uint64 gives them their alignment.
	words := func() []uint64 { return make([]uint64, unsafe.Sizeof(*to)/8) }
	first, second := words(), words()
	raw := func(w []uint64) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), len(w)*8) }
	version := func(w []uint64) uint32 { return *(*uint32)(unsafe.Pointer(&w[0])) }
	for range readTries {
		if err := m.Lookup(key, raw(first)); err != nil {
			return fmt.Errorf("entry %d: %w", key, err)
		}
		if err := m.Lookup(key, raw(second)); err != nil {
			return fmt.Errorf("entry %d: %w", key, err)
		}
		if version(first)&1 == 0 && version(first) == version(second) {
			*to = *(*T)(unsafe.Pointer(&first[0]))
			return nil
		}
	}
	return fmt.Errorf("entry %d: changes too fast to be read", key)
}
