package dataplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"rollcall/control"
)

// TestKernelCarry starts on the pins of a version whose register had another layout: it is
// the same incarnation with the same promises, and the kernel answers again.
func TestKernelCarry(t *testing.T) {
	w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach = AttachTC })
	w.enter(t, 0)
	leader, member := pair[0], pair[1]
	leader.beat(t, roster)
	leader.waitFor(t, control.WakeQuorum)
	before, _ := member.look(both)
	if err := member.Close(); err != nil {
		t.Fatal(err)
	}
	older := olderRegister(t)
	pinOlder(t, member.about.PinDir, older, before)

	w.enter(t, 1)
	again := &station{Kernel: openKernel(t, member.opt), slot: 1}
	after, _ := again.look(both)
	want := *before
	want.Stale = control.Bitmap{} // the older version had no such field
	if *after != want {
		t.Errorf("carried register:\n%+v, want\n%+v", *after, want)
	}
	if err := again.Name(0, roster); err != nil {
		t.Fatal(err)
	}
	w.enter(t, 0)
	leader.beat(t, roster)
	again.waitFor(t, control.WakeSilent) // the timer was carried too: the beat came, no other did
	if r, _ := again.look(both); r.BeatRound != 2 {
		t.Errorf("after the carry the member took no beat: %v", nonzero(again.Stats()))
	}
	again.Close()
	w.enter(t, 1)
	third := openKernel(t, member.opt)
	if r := &third.pages.registers[0]; r.Incarnation != want.Incarnation || r.BeatRound != 2 {
		t.Errorf("adopted after the carry: %+v", r)
	}
}

// TestKernelCarryRefuses leaves everything as it was when a field has changed its size: the
// old programs go on answering.
func TestKernelCarryRefuses(t *testing.T) {
	w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach = AttachTC })
	leader, member := pair[0], pair[1]
	before, _ := member.look(both)
	if err := member.Close(); err != nil {
		t.Fatal(err)
	}
	older := olderRegister(t)
	for i := range older.Members {
		if older.Members[i].Name == "promised" {
			older.Members[i].Type = &btf.Int{Name: "unsigned int", Size: 4}
		}
	}
	pinOlder(t, member.about.PinDir, older, before)
	w.enter(t, 1)
	if _, err := OpenKernel(member.opt); err == nil || !strings.Contains(err.Error(), "field promised had 4 bytes and has 8") {
		t.Fatalf("carried a field that grew: %v", err)
	}
	w.enter(t, 0)
	leader.beat(t, roster)
	leader.waitFor(t, control.WakeQuorum)
}

// olderRegister is the register's type with a field more at its front and without stale.
func olderRegister(t *testing.T) *btf.Struct {
	t.Helper()
	spec, err := loadRollcall()
	if err != nil {
		t.Fatal(err)
	}
	now := spec.Maps[mapGroup].Value.(*btf.Struct)
	older := &btf.Struct{Name: now.Name, Size: now.Size + 8}
	older.Members = append(older.Members, btf.Member{Name: "forgotten", Type: &btf.Int{Name: "unsigned long long", Size: 8}})
	for _, m := range now.Members {
		if m.Name != "stale" {
			m.Offset += 64
			older.Members = append(older.Members, m)
		}
	}
	return older
}

// pinOlder replaces the pinned register by one of the older type, and says so in the record.
func pinOlder(t *testing.T, dir string, typ *btf.Struct, r *control.Register) {
	t.Helper()
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: mapGroup, Type: ebpf.Array, KeySize: 4, ValueSize: typ.Size, MaxEntries: 8,
		Key: &btf.Int{Name: "unsigned int", Size: 4}, Value: typ,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	value := append(make([]byte, 8), bytesOf(r)...)
	if err := m.Put(uint32(0), value); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, mapGroup)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := m.Pin(path); err != nil {
		t.Fatal(err)
	}
	record, err := ebpf.LoadPinnedMap(filepath.Join(dir, mapDoor), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer record.Close()
	d, err := readDoor(record, 0)
	if err != nil {
		t.Fatal(err)
	}
	d.Layout++
	if err := writeDoor(record, 0, d); err != nil {
		t.Fatal(err)
	}
}
