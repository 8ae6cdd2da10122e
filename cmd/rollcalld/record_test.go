package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/control"
)

func TestRecordOutlivesTheDaemon(t *testing.T) {
	dir := t.TempDir()
	if r, err := loadRecord(dir); err != nil || r.Instance != 0 {
		t.Fatalf("without a record: %+v, %v", r, err)
	}
	for i := range uint32(3) {
		want := control.InstanceRecord{Instance: i, Epoch: 9, Voters: []control.Voter{{Name: "cn001", RPC: "10.0.0.1:7746"}}, Closed: true}
		if err := saveRecord(dir, &want); err != nil {
			t.Fatal(err)
		}
		got, err := loadRecord(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record (-saved +loaded):\n%s", diff)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("left behind %v, %v", files, err)
	}
}

func TestDamagedRecordIsNoRecord(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "{", `{"instance":-1}`, `{"wizard":1}`, "{} {}", strings.Repeat(" ", stateMax+1)} {
		if err := os.WriteFile(filepath.Join(dir, recordFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadRecord(dir); err == nil || !strings.Contains(err.Error(), "restore "+dir) {
			t.Errorf("%.20q: got %v, want an error that names the remedy", text, err)
		}
	}
}

func TestSaveRecordReplaces(t *testing.T) {
	dir := t.TempDir()
	if err := saveRecord(dir, &control.InstanceRecord{Instance: 4}); err != nil {
		t.Fatal(err)
	}
	if err := saveRecord(dir, &control.InstanceRecord{Instance: 5}); err != nil {
		t.Fatal(err)
	}
	if r, err := loadRecord(dir); err != nil || r.Instance != 5 {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := saveRecord(filepath.Join(dir, "none"), &control.InstanceRecord{}); err == nil {
		t.Error("saved into a directory that is not there")
	}
}

func TestRostersAreKept(t *testing.T) {
	dir := t.TempDir()
	none := [control.Places][]*control.Roster{}
	if diff := cmp.Diff(none, loadRosters(dir)); diff != "" {
		t.Error("a roster out of nothing")
	}
	want := &control.Roster{Seats: []control.Seat{{Slot: 3, Peer: control.Peer{Name: "cn001", Incarnation: 5, RPC: "10.0.0.1:7746"}}}}
	held := none
	held[0], held[3] = []*control.Roster{want, {}}, []*control.Roster{want}
	if err := saveRosters(dir, &held); err != nil {
		t.Fatal(err)
	}
	if got := loadRosters(dir); len(got[0]) != 2 || len(got[3]) != 1 || got[3][0].Version() != want.Version() {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{
		`[{"place":0,"rosters":[{"seats":[{"slot":9999}]}]}]`, `[{"place":8,"rosters":[]}]`, `[{"place":1,"rosters":[null]}]`, `[{"place":0,"rosters":[{},{},{},{},{}]}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, rostersFile), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(none, loadRosters(dir)); diff != "" {
			t.Errorf("took %s", bad)
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"instance":1,"epoch":2,"voters":[{"name":"a","rpc":"b:1"}],"closed":true}`))
	f.Add([]byte(`[{"place":3,"rosters":[{"seats":[{"slot":1,"name":"a","incarnation":1,"rpc":"b:1","rails":[{"udp":"10.0.0.1:1","mac":[1,2,3,4,5,6]}]}]}]}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := parseRecord(b); err == nil && len(r.Voters) > control.FoundersMax {
			t.Errorf("took a record of %d voters", len(r.Voters))
		}
		if held, err := parseRosters(b); err == nil {
			for _, l := range held {
				for _, r := range l {
					if err := r.Validate(); err != nil {
						t.Errorf("took an invalid roster: %v", err)
					}
				}
			}
		}
	})
}
