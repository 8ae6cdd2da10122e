// Package memory copies and compares values of package control by what lies in their memory. The
// state of a node or a host is its own affair, and package control offers no way to copy or compare
// it; explorers need both.
//
// What a type holds is compiled once, into a Plan to hash it and a Copier. A kind of field that
// these do not know is a panic, so that nothing new can be overlooked.
package memory

import (
	"reflect"
	"slices"

	"rollcall/control"
	"rollcall/view"
)

// Rules say what of a type's memory counts.
type Rules struct {
	// Aside are fields that are left out of hashes, and of copies of what they hold, each by its
	// name or, of one type only, as Type.name.
	Aside []string
	// Slots are those that anybody has: of arrays with an element a slot, or a group of a branch, the
	// others are left out of hashes.
	Slots []int
	// Own are types of which a copy has its own, where a field points to one.
	Own []string
}

func (r *Rules) aside(t reflect.Type, field string) bool {
	return field == "_" || slices.Contains(r.Aside, field) || slices.Contains(r.Aside, t.Name()+"."+field)
}

// frozen are pointers to what never changes, so that copies share it, and how to hash them.
var frozen = map[reflect.Type]hashing{
	reflect.TypeFor[*control.Roster]():   hashRoster,
	reflect.TypeFor[*view.View]():        hashView,
	reflect.TypeFor[*view.Group]():       hashGroup,
	reflect.TypeFor[*view.ClusterView](): hashClusterView,
}

// indices lists the elements of an array that count.
func (r *Rules) indices(length int) []int {
	var l []int
	if length == control.Slots || length == control.PerBranch {
		for _, i := range r.Slots {
			if i < length {
				l = append(l, i)
			}
		}
		return l
	}
	for i := range length {
		l = append(l, i)
	}
	return l
}
