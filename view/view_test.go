package view

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sample() *View {
	return &View{
		Cluster: "tofu", Instance: 2, Group: 3, Generation: 4, Epoch: 5, Leader: "cn002",
		Members: []Identity{{"cn001", 0, 1, 0xa}, {"cn002", 0, 2, 0xb}, {"cn003", 1, 0, 0xc}},
	}
}

// anyView draws views whose names are unique, as rosters make sure they are.
func anyView() *rapid.Generator[*View] {
	return rapid.Custom(func(t *rapid.T) *View {
		v := &View{
			Cluster:    rapid.StringMatching(`[a-z0-9-]{0,32}`).Draw(t, "cluster"),
			Instance:   rapid.Uint32().Draw(t, "instance"),
			Group:      rapid.Uint16().Draw(t, "group"),
			Generation: rapid.Uint16().Draw(t, "generation"),
			Epoch:      rapid.Uint64().Draw(t, "epoch"),
			Leader:     rapid.StringMatching(`[a-z0-9]{0,8}`).Draw(t, "leader"),
		}
		slots := rapid.SliceOfDistinct(rapid.Uint16Range(0, 40), rapid.ID[uint16]).Draw(t, "slots")
		slices.Sort(slots)
		names := rapid.Permutation([]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
			21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41}).Draw(t, "names")
		for i, s := range slots {
			v.Members = append(v.Members, Identity{
				Name: fmt.Sprint("n", names[i]), Group: s / 8, Slot: s % 8,
				Incarnation: rapid.Uint64Range(1, 3).Draw(t, "incarnation"),
			})
		}
		return v
	})
}

func TestHashIsOfEverythingAgreed(t *testing.T) {
	if h, want := sample().Hash(), uint64(0x45a2acfe5fdbc96b); h != want {
		t.Errorf("hash %#x, want %#x: daemons of two versions would disagree", h, want)
	}
	same := sample()
	same.Leader = "cn001"
	if same.Hash() != sample().Hash() {
		t.Error("the leader is not agreed and must not be hashed")
	}
	for i, change := range []func(*View){
		func(v *View) { v.Cluster = "tofu2" },
		func(v *View) { v.Instance++ },
		func(v *View) { v.Group++ },
		func(v *View) { v.Generation++ },
		func(v *View) { v.Epoch++ },
		func(v *View) { v.Members = v.Members[:2] },
		func(v *View) { v.Members[1].Name = "cn004" },
		func(v *View) { v.Members[1].Group++ },
		func(v *View) { v.Members[1].Slot++ },
		func(v *View) { v.Members[1].Incarnation++ },
	} {
		v := sample()
		change(v)
		if v.Hash() == sample().Hash() {
			t.Errorf("change %d keeps the hash", i)
		}
	}
}

func TestStateNames(t *testing.T) {
	for s := range States {
		b, _ := s.MarshalText()
		var back State
		if err := back.UnmarshalText(b); err != nil || back != s || len(b) == 0 {
			t.Errorf("%d: %q, %v", s, b, err)
		}
	}
	var s State
	if err := s.UnmarshalText([]byte("zombie")); err == nil {
		t.Error("no such state")
	}
}

func TestParseReadsWhatAppendBinaryWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyView().Draw(t, "view")
		b, err := v.AppendBinary([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		b, found := bytes.CutPrefix(b, []byte("before"))
		if !found {
			t.Fatal("what was there is gone")
		}
		back, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, back); diff != "" {
			t.Fatal(diff)
		}
		for n := range b {
			if _, err := Parse(b[:n]); err == nil {
				t.Fatalf("%d of %d bytes were enough", n, len(b))
			}
		}
		if _, err := Parse(append(b, 0)); err == nil {
			t.Fatal("a byte too many")
		}
	})
}

func TestEncodedFormStays(t *testing.T) {
	b, err := sample().AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "01" + "04746f6675" + "00000002" + "0003" + "0004" + "0000000000000005" + "05636e303032" + "00000003" +
		"05636e303031" + "0000" + "0001" + "000000000000000a" +
		"05636e303032" + "0000" + "0002" + "000000000000000b" +
		"05636e303033" + "0001" + "0000" + "000000000000000c"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestCodecRefuses(t *testing.T) {
	for name, change := range map[string]func(*View){
		"long cluster": func(v *View) { v.Cluster = strings.Repeat("x", 256) },
		"long leader":  func(v *View) { v.Leader = strings.Repeat("x", 256) },
		"long name":    func(v *View) { v.Members[0].Name = strings.Repeat("x", 256) },
		"disorder":     func(v *View) { v.Members[0], v.Members[1] = v.Members[1], v.Members[0] },
		"slot twice":   func(v *View) { v.Members[1].Slot = 1 },
		"too many":     func(v *View) { v.Members = make([]Identity, MembersMax+1) },
	} {
		v := sample()
		change(v)
		before := []byte{9}
		if b, err := v.AppendBinary(before); err == nil || !bytes.Equal(b, before) {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	b, _ := sample().AppendBinary(nil)
	b[0] = 9
	if _, err := Parse(b); err == nil || !strings.Contains(err.Error(), "format 9") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	b, _ := sample().AppendBinary(nil)
	f.Add(b)
	f.Add([]byte{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Parse(b)
		if err != nil {
			return
		}
		again, err := v.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x became %x, %v", b, again, err)
		}
	})
}

func TestCompare(t *testing.T) {
	from, to := sample(), sample()
	to.Members = []Identity{{"cn009", 0, 0, 1}, {"cn002", 0, 2, 0xbb}, {"cn003", 1, 0, 0xc}}
	want := Diff{
		Joined:    []Identity{{"cn009", 0, 0, 1}},
		Removed:   []Identity{{"cn001", 0, 1, 0xa}},
		Restarted: []Identity{{"cn002", 0, 2, 0xbb}},
	}
	if diff := cmp.Diff(want, Compare(from, to)); diff != "" {
		t.Error(diff)
	}
	if d := Compare(nil, from); len(d.Joined) != 3 || len(d.Removed) != 0 {
		t.Error(d)
	}
	if d := Compare(from, nil); len(d.Removed) != 3 || len(d.Joined) != 0 {
		t.Error(d)
	}
}

// TestCompareLeadsFromOneToTheOther: whoever applies a difference arrives.
func TestCompareLeadsFromOneToTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := anyView().Draw(t, "from"), anyView().Draw(t, "to")
		d := Compare(from, to)
		var got []Identity
		for _, m := range from.Members {
			named := func(o Identity) bool { return o.Name == m.Name }
			if !slices.ContainsFunc(d.Removed, named) && !slices.ContainsFunc(d.Restarted, named) {
				got = append(got, m)
			}
		}
		got = append(append(got, d.Joined...), d.Restarted...)
		slices.SortFunc(got, bySlot)
		if diff := cmp.Diff(to.Members, got); diff != "" {
			t.Fatal(diff)
		}
		if d.Empty() != slices.Equal(from.Members, to.Members) {
			t.Fatal("empty is wrong for", d)
		}
		back := Compare(to, from)
		if !slices.Equal(back.Joined, d.Removed) || !slices.Equal(back.Removed, d.Joined) {
			t.Fatal("the way back is not the way reversed")
		}
		for _, m := range d.Restarted {
			if was := from.Member(m.Name); was == nil || *was == m {
				t.Fatal(m, "did not restart")
			}
		}
	})
}
