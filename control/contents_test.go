package control

import (
	"slices"
	"testing"

	"rollcall/view"
)

// TestEpochTellsOfGroups: every node's record of an epoch says what became of which groups.
func TestEpochTellsOfGroups(t *testing.T) {
	group := func(number, generation uint16, seq uint64, names ...string) *view.Group {
		v := &view.View{Cluster: "story", Instance: 3, Group: number, Generation: generation, Epoch: seq}
		for s, name := range names {
			if name != "" {
				v.Members = append(v.Members, view.Identity{Name: name, Group: number, Slot: uint16(s), Incarnation: 9})
			}
		}
		return view.Leaf(v)
	}
	branch := func(number uint16, seq uint64, groups ...*view.Group) *view.Group {
		return view.Compose("story", 3, 1, number, 1, seq, groups)
	}
	top := func(seq uint64, branches ...*view.Group) *view.Group {
		return view.Compose("story", 3, 2, 0, 1, seq, branches)
	}
	own, far := group(0, 1, 4, "a", "b"), PerBranch
	for _, c := range []struct {
		from, to        *view.Group
		joined, removed []string
		why             string
	}{
		{branch(0, 7, own, group(5, 1, 4, "k", "l")), branch(0, 8, own, group(5, 1, 5, "k")), nil, []string{"l"}, "group 5 removed members"},
		{branch(0, 7, own, group(5, 1, 4, "k")), branch(0, 8, own, group(5, 1, 5, "k", "l")), []string{"l"}, nil, "group 5 let members in"},
		{branch(0, 7, own, group(5, 1, 4, "k", "l")), branch(0, 8, own, group(5, 1, 5, "k", "", "m")), []string{"m"}, []string{"l"}, "group 5 removed members; group 5 let members in"},
		{branch(0, 7, own, group(5, 1, 4, "k", "l")), branch(0, 8, own, group(5, 2, 6, "k")), nil, []string{"l"}, "group 5 formed anew"},
		{branch(0, 7, own, group(5, 1, 4, "k"), group(6, 1, 4, "o"), group(8, 1, 4, "q")), branch(0, 8, own), nil, []string{"k", "o", "q"}, "group [5-6,8] out"},
		{branch(0, 7, own), branch(0, 8, own, group(5, 1, 4, "k")), []string{"k"}, nil, "group 5 in"},
		{branch(0, 7, own, group(5, 1, 4, "k")), branch(0, 8, own, group(6, 1, 4, "o")), []string{"o"}, []string{"k"}, "group 5 out; group 6 in"},
		{branch(0, 7, own), branch(0, 8, own), nil, nil, ""},
		{
			top(7, branch(0, 3, own), branch(1, 3, group(uint16(far), 1, 4, "x", "y")), branch(2, 3, group(uint16(2*far), 1, 4, "z"))),
			top(8, branch(0, 3, own), branch(1, 4, group(uint16(far), 1, 5, "x"))), nil, []string{"y", "z"}, "group 496 out; group 248 removed members",
		},
		{nil, branch(0, 8, own), []string{"a", "b"}, nil, ""},
	} {
		h := host2("a")
		h.cfg.Top = c.to.Level
		h.in.Registers[0].Incarnation = 9
		if c.from != nil {
			h.learn(3, c.from)
			h.inform()
		}
		h.out = HostOutput{}
		h.learn(3, c.to)
		h.inform()
		if len(h.out.Events) != 1 {
			t.Fatalf("events %+v", h.out.Events)
		}
		if e := h.out.Events[0]; !slices.Equal(e.Joined, c.joined) || !slices.Equal(e.Removed, c.removed) || e.Why != c.why {
			t.Errorf("joined %v, removed %v, %q; want %v, %v, %q", e.Joined, e.Removed, e.Why, c.joined, c.removed, c.why)
		}
	}
}
