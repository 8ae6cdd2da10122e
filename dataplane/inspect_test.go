package dataplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"

	"rollcall/control"
	"rollcall/view"
)

// pinInspectMaps pins the maps that Inspect reads, holding what a member's would.
func pinInspectMaps(t *testing.T, pinDir, cluster string) map[string]*ebpf.Map {
	t.Helper()
	spec, err := loadRollcall()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(pinDir, cluster)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(pinDir) })
	maps := make(map[string]*ebpf.Map)
	for _, name := range []string{mapGroup, mapMember, mapStats} {
		m, err := ebpf.NewMap(spec.Maps[name])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		if err := m.Pin(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		maps[name] = m
	}
	return maps
}

func put[T any](t *testing.T, m *ebpf.Map, key uint32, value *T) {
	t.Helper()
	if err := m.Put(key, bytesOf(value)); err != nil {
		t.Fatal(err)
	}
}

func TestInspectReadsPinnedMaps(t *testing.T) {
	requireKernel(t)
	pinDir := "/sys/fs/bpf/rollcall-test-inspect"
	if on, err := OnBPFFS(pinDir); err != nil || !on {
		t.Skip("needs a bpffs at /sys/fs/bpf: make test mounts it")
	}
	maps := pinInspectMaps(t, pinDir, "tofu")
	// slot 200 campaigns
	r := control.Register{State: control.RegisterMember, Instance: 3, Group: 4, Slot: 1, Promised: control.NewBallot(6, 9, 200), BeatBallot: control.NewBallot(5, 6, 1)}
	r.Committed = control.Commit{Ballot: r.BeatBallot, Seq: 17, Members: control.Of(1, 200)}
	put(t, maps[mapGroup], 0, &r)
	for slot, name := range map[uint32]string{1: "cn001", 200: "cn200"} {
		m := control.Member{Expected: uint64(slot) + 1000, State: uint32(view.Alive)}
		copy(m.Name[:], name)
		put(t, maps[mapMember], slot, &m)
	}
	count := uint64(42)
	put(t, maps[mapStats], uint32(control.ReasonBadTag), &count)

	if clusters, err := Clusters(pinDir); err != nil || !cmp.Equal(clusters, []string{"tofu"}) {
		t.Errorf("clusters %v, error %v", clusters, err)
	}
	p, err := Inspect(pinDir, "tofu")
	if err != nil {
		t.Fatal(err)
	}
	if p.Register != r || p.Frames[control.ReasonBadTag] != 42 || p.Frames[control.ReasonBeatTaken] != 0 {
		t.Errorf("register %+v, frames %v", p.Register, p.Frames)
	}
	want := &view.View{
		Cluster: "tofu", Instance: 3, Group: 4, Generation: 5, Epoch: 17, Leader: "cn001",
		Members: []view.Identity{
			{Name: "cn001", Group: 4, Slot: 1, Incarnation: 1001},
			{Name: "cn200", Group: 4, Slot: 200, Incarnation: 1200},
		},
	}
	if diff := cmp.Diff(want, p.View()); diff != "" {
		t.Error(diff)
	}

	r.Version = 7 // the kernel is writing, for ever
	put(t, maps[mapGroup], 0, &r)
	if _, err := Inspect(pinDir, "tofu"); err == nil || !strings.Contains(err.Error(), "changes too fast") {
		t.Errorf("half-written register: error %v", err)
	}
}

func TestInspectNamesWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	if _, err := Inspect(dir, "tofu"); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "tofu", mapGroup)) {
		t.Errorf("no pins: error %v", err)
	}
	if _, err := Clusters(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a missing pin_dir is no error")
	}
	if clusters, err := Clusters(dir); err != nil || clusters != nil {
		t.Errorf("an empty pin_dir: %v, error %v", clusters, err)
	}
	if on, err := OnBPFFS(filepath.Join(dir, "not", "yet")); err != nil || on {
		t.Errorf("a directory to be made on another file system: %v, error %v", on, err)
	}
}

func TestInspectDevice(t *testing.T) {
	d, err := InspectDevice("lo")
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "lo" || d.MTU == 0 {
		t.Errorf("loopback: %+v", d)
	}
	if _, err := InspectDevice("nosuch0"); err == nil || !strings.Contains(err.Error(), "nosuch0") {
		t.Errorf("missing interface: error %v", err)
	}
}

func TestFeatures(t *testing.T) {
	requireKernel(t)
	for _, f := range Features() {
		if f.Err != nil {
			t.Errorf("%s, which this kernel's programs load with: %v", f.Name, f.Err)
		}
	}
}
