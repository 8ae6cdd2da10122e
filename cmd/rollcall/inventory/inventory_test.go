package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"rollcall/cmd/internal/config"
)

// TestGolden plans groups as the files in testdata say: "slurm" and "hostlist" from nothing,
// with "keep" from the groups of the case before.
//
// go test ./cmd/rollcall/inventory -rewrite writes the output as it is now.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var groups []config.Group
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			size := 64
			d.MaybeScanArgs(t, "size", &size)
			read := ReadSlurm
			if d.Cmd == "hostlist" {
				read = ReadHostlist
			}
			racks, err := read(d.Input)
			var planned []config.Group
			var notes []string
			if err == nil && d.HasArg("keep") {
				planned, notes, err = Extend(groups, racks, size)
			} else if err == nil {
				planned, err = Plan(racks, size)
			}
			if err != nil {
				return fmt.Sprintf("error: %v\n", err)
			}
			groups = planned
			var b strings.Builder
			for _, note := range notes {
				fmt.Fprintf(&b, "note: %s\n", note)
			}
			return b.String() + Format(groups)
		})
	})
}

// TestKeep checks that whatever becomes of the network, a node that stays keeps its group, every
// node of the network is in exactly one, and no group is larger than it may be.
func TestKeep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) []Rack {
			racks := make([]Rack, rapid.IntRange(1, 6).Draw(t, label))
			for i := range racks {
				racks[i] = Rack{Name: fmt.Sprintf("s%d", i), Parent: fmt.Sprintf("spine%d", i/3)}
			}
			for n := range rapid.IntRange(1, 60).Draw(t, label+" nodes") {
				if r := rapid.IntRange(-1, len(racks)-1).Draw(t, "rack"); r >= 0 {
					racks[r].Nodes = append(racks[r].Nodes, fmt.Sprintf("n%d", n))
				}
			}
			return slices.DeleteFunc(racks, func(r Rack) bool { return len(r.Nodes) == 0 })
		}
		size := rapid.IntRange(1, 20).Draw(t, "size")
		old, err := Plan(draw("before"), size)
		if err != nil {
			t.Fatal(err)
		}
		racks := draw("after")
		groups, _, err := Extend(old, racks, size)
		if err != nil {
			t.Fatal(err)
		}
		before, after := groupOf(t, old), groupOf(t, groups)
		wanted := 0
		for _, r := range racks {
			wanted += len(r.Nodes)
			for _, node := range r.Nodes {
				id, placed := after[node]
				if was, there := before[node]; !placed || there && was != id {
					t.Fatalf("%s was in group %d (%v), is in %d (%v)", node, was, there, id, placed)
				}
			}
		}
		if len(after) != wanted {
			t.Fatalf("%d nodes in groups, %d in the network", len(after), wanted)
		}
		for _, g := range groups {
			if len(g.Nodes) > size || len(g.Nodes) == 0 {
				t.Fatalf("group %d has %d nodes, at most %d", g.ID, len(g.Nodes), size)
			}
		}
	})
}

func groupOf(t *rapid.T, groups []config.Group) map[string]uint16 {
	of := map[string]uint16{}
	ids := map[uint16]bool{}
	for _, g := range groups {
		if ids[g.ID] {
			t.Fatalf("two groups have number %d", g.ID)
		}
		ids[g.ID] = true
		for _, node := range g.Nodes {
			if _, twice := of[node]; twice {
				t.Fatalf("%s is in two groups", node)
			}
			of[node] = g.ID
		}
	}
	return of
}

// TestLargest plans as many nodes as two levels hold.
func TestLargest(t *testing.T) {
	racks, err := ReadHostlist("cn[1-63488]")
	if err != nil {
		t.Fatal(err)
	}
	groups, err := Plan(racks, 256)
	if err != nil || len(groups) != config.GroupsMax {
		t.Fatalf("%d groups, %v", len(groups), err)
	}
	head := "cluster = \"tofu\"\ninterfaces = [\"e\"]\nfounders = \"cn1\"\n"
	if err := config.Check("f", []byte(head+Format(groups))); err != nil {
		t.Error(err)
	}
	if racks, err = ReadHostlist("cn[1-63489]"); err != nil {
		t.Fatal(err)
	}
	if _, err := Plan(racks, 256); err == nil {
		t.Error("one node too many was planned")
	}
}

func FuzzReadSlurm(f *testing.F) {
	f.Add("SwitchName=s0 Nodes=a[1-3]\nSwitchName=s1 Nodes=b1 LinkSpeed=5\nSwitchName=top Switches=s[0-1]\n")
	f.Add("SwitchName=a Switches=b\nSwitchName=b Switches=a Nodes=n # ring\n")
	f.Add("BlockName=b1 Nodes=x[1-2],\\\ny1\nBlockSizes=2\n")
	f.Fuzz(func(t *testing.T, text string) {
		racks, err := ReadSlurm(text)
		if err != nil {
			return
		}
		groups, err := Plan(racks, 256)
		if err != nil {
			return
		}
		nodes := 0
		for _, r := range racks {
			nodes += len(r.Nodes)
		}
		for _, g := range groups {
			nodes -= len(g.Nodes)
		}
		if nodes != 0 || len(groups) == 0 {
			t.Errorf("%d nodes lost in %d groups", nodes, len(groups))
		}
	})
}
