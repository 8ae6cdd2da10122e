package view

import (
	"cmp"
	"slices"
)

// Diff is what changed from one view to another, each list in the order of group and slot.
type Diff struct {
	Joined    []Identity // names that are new
	Removed   []Identity // names that are no longer there, as they were
	Restarted []Identity // names in both with another incarnation or place, as they are now
}

// Empty reports whether both views have the same members.
func (d *Diff) Empty() bool {
	return len(d.Joined) == 0 && len(d.Removed) == 0 && len(d.Restarted) == 0
}

// Compare tells the way from one view to another. Either may be nil, which has no members.
func Compare(from, to *View) Diff {
	var d Diff
	old, now := byName(from), byName(to)
	for len(old) > 0 || len(now) > 0 {
		switch {
		case len(now) == 0 || len(old) > 0 && old[0].Name < now[0].Name:
			d.Removed = append(d.Removed, old[0])
			old = old[1:]
		case len(old) == 0 || now[0].Name < old[0].Name:
			d.Joined = append(d.Joined, now[0])
			now = now[1:]
		default:
			if old[0] != now[0] {
				d.Restarted = append(d.Restarted, now[0])
			}
			old, now = old[1:], now[1:]
		}
	}
	for _, list := range [][]Identity{d.Joined, d.Removed, d.Restarted} {
		slices.SortFunc(list, bySlot)
	}
	return d
}

// Member returns the member of that name, or nil. It looks through all of them.
func (v *View) Member(name string) *Identity {
	for i := range v.Members {
		if v.Members[i].Name == name {
			return &v.Members[i]
		}
	}
	return nil
}

func byName(v *View) []Identity {
	if v == nil {
		return nil
	}
	list := slices.Clone(v.Members)
	slices.SortFunc(list, func(a, b Identity) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), bySlot(a, b))
	})
	return list
}

func bySlot(a, b Identity) int {
	return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Name, b.Name))
}
