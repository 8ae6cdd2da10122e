package view

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// leaf is a group of level 0 with members in the given slots.
func leaf(number uint16, seq uint64, slots ...uint16) *Group {
	v := &View{Cluster: "tofu", Instance: 1, Group: number, Generation: 1, Epoch: seq}
	for _, s := range slots {
		v.Members = append(v.Members, Identity{Name: fmt.Sprintf("g%dn%d", number, s), Group: number, Slot: s, Incarnation: 7})
	}
	return Leaf(v)
}

func above(level uint8, number uint16, seq uint64, below ...*Group) *Group {
	return Compose("tofu", 1, level, number, 1, seq, below)
}

// anyGroup draws contents of two or three levels, of few members, so that two of them have
// much in common.
func anyGroup(level uint8, number uint16) *rapid.Generator[*Group] {
	return rapid.Custom(func(t *rapid.T) *Group {
		seq := rapid.Uint64Range(1, 3).Draw(t, "seq")
		if level == 0 {
			var slots []uint16
			for s := range uint16(4) {
				if rapid.Bool().Draw(t, "member") {
					slots = append(slots, s)
				}
			}
			return leaf(number, seq, slots...)
		}
		var below []*Group
		for i := range uint16(3) {
			if rapid.Bool().Draw(t, "group") {
				below = append(below, anyGroup(level-1, number*PerBranch+i).Draw(t, "below"))
			}
		}
		return above(level, number, seq, below...)
	})
}

// TestDeltaLeadsThere: from any content to any other of the same group, through bytes.
func TestDeltaLeadsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := rapid.Uint8Range(0, 2).Draw(t, "level")
		to := anyGroup(level, 0).Draw(t, "to")
		var from *Group
		if rapid.Bool().Draw(t, "from something") {
			from = anyGroup(level, 0).Draw(t, "from")
		}
		d := Between("tofu", 1, from, to)
		b, err := d.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		read, err := ParseDelta(b)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(d, read) {
			t.Fatal(cmp.Diff(d, read))
		}
		got, err := read.Apply(from)
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest != to.Digest || got.hash("tofu", 1) != to.Digest || got.Len() != to.Len() {
			t.Fatalf("from %+v by %+v came %+v, not %+v", from, d, got, to)
		}
	})
}

// TestDeltaNeedsItsBase: applied to anything else it fails, and never gives another content.
func TestDeltaNeedsItsBase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := anyGroup(1, 0).Draw(t, "from"), anyGroup(1, 0).Draw(t, "to")
		base := anyGroup(1, 0).Draw(t, "base")
		got, err := Between("tofu", 1, from, to).Apply(base)
		if base.Digest != from.Digest && err == nil {
			t.Fatalf("applied to %+v it gave %+v", base, got)
		}
		if _, err := Between("tofu", 1, from, to).Apply(nil); err == nil {
			t.Fatal("applied to nothing")
		}
		forged := Between("tofu", 1, nil, to)
		forged.Seq++
		if _, err := forged.Apply(nil); err == nil {
			t.Fatal("a delta with another number than its content was hashed with was applied")
		}
	})
}

// TestEpochsShare: what did not change is the same memory in the next epoch.
func TestEpochsShare(t *testing.T) {
	a, b := leaf(0, 5, 0, 1), leaf(1, 9, 0, 1, 2)
	before := above(1, 0, 7, a, b)
	after := above(1, 0, 8, a, leaf(1, 10, 0, 2))
	d := Between("tofu", 1, before, after)
	if len(d.Below) != 1 || d.Below[0].Number != 1 || len(d.Below[0].Gone) != 1 || len(d.Below[0].Joined) != 0 {
		t.Fatalf("one member went, told as %+v", d)
	}
	got, err := d.Apply(before)
	if err != nil {
		t.Fatal(err)
	}
	if got.Below[0] != a || got.Of(1).Member(1) != nil || got.Of(1).Member(2) == nil {
		t.Fatalf("%+v", got)
	}
}

// TestFullCluster is 248 groups of 256: the whole of it takes few megabytes, and a change few
// bytes, in a cluster of any size.
func TestFullCluster(t *testing.T) {
	var slots []uint16
	for s := range uint16(256) {
		slots = append(slots, s)
	}
	var groups []*Group
	for g := range uint16(PerBranch) {
		groups = append(groups, leaf(g, 1, slots...))
	}
	top := above(1, 0, 1, groups...)
	if top.Len() != 63488 {
		t.Fatal(top.Len())
	}
	whole, err := Between("tofu", 1, nil, top).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := append([]*Group(nil), groups...)
	changed[100] = leaf(100, 2, slots[1:]...)
	delta, err := Between("tofu", 1, top, above(1, 0, 2, changed...)).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("whole %d bytes, a change %d", len(whole), len(delta))
	if perMember := len(whole) / top.Len(); perMember > 32 {
		t.Errorf("%d bytes a member", perMember)
	}
	if len(delta) > 3*(changeMin+16) {
		t.Errorf("a removal takes %d bytes", len(delta))
	}
	v := ClusterView{Cluster: "tofu", Instance: 1, Top: top}
	if g := v.Group(100); g != groups[100] {
		t.Errorf("group 100 is %+v", g)
	}
	if f := v.Flat(); len(f.Members) != 63488 || f.Members[300] != groups[1].Members[44] {
		t.Errorf("flat: %d members", len(f.Members))
	}
}

func TestGroupOfThreeLevels(t *testing.T) {
	a, b := leaf(3, 1, 0), leaf(PerBranch+5, 1, 0)
	v := ClusterView{Top: above(2, 0, 1, above(1, 0, 1, a), above(1, 1, 1, b))}
	if v.Group(3) != a || v.Group(PerBranch+5) != b || v.Group(5) != nil || v.Group(PerBranch+3) != nil || v.Group(2*PerBranch) != nil {
		t.Error("groups are not found by their numbers")
	}
	one := leaf(0, 4, 2)
	if v := (ClusterView{Top: one}); v.Group(0) != one || v.Group(1) != nil || v.Flat().Hash() != 0 && v.Epoch() != 4 {
		t.Error("a cluster of one group")
	}
}

// TestLeafIsTheView: where there is one group, nothing changes for those who know its hash.
func TestLeafIsTheView(t *testing.T) {
	v := sample()
	if g := Leaf(v); g.Digest != v.Hash() || g.hash(v.Cluster, v.Instance) != v.Hash() {
		t.Error("a group's digest is not the hash of its view")
	}
}

func FuzzParseDelta(f *testing.F) {
	top := above(2, 0, 4, above(1, 0, 3, leaf(0, 1, 0, 1), leaf(1, 2, 3)), above(1, 1, 1, leaf(PerBranch, 1, 0)))
	for _, d := range []*Delta{
		Between("tofu", 1, nil, top), Between("tofu", 1, top, above(2, 0, 5, above(1, 1, 2, leaf(PerBranch, 1, 0)))),
		Between("tofu", 1, nil, leaf(0, 1)),
	} {
		b, err := d.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDelta(b)
		if err != nil {
			return
		}
		again, err := d.AppendBinary(nil)
		if err != nil || string(again) != string(b) {
			t.Fatalf("%x reads as %+v, which is written as %x: %v", b, d, again, err)
		}
		_, _ = d.Apply(nil)
		_, _ = d.Apply(top)
	})
}
