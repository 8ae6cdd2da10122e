package memory

import (
	"fmt"
	"reflect"
	"unsafe"

	"rollcall/control"
	"rollcall/view"
)

// Plan is how to hash values of one type.
type Plan []op

// PlanFor compiles the plan of a type.
func PlanFor[T any](r *Rules) Plan { return r.plan(reflect.TypeFor[T](), 0, nil) }

// op hashes one field.
type op struct {
	what   hashing
	offset uintptr
	size   uintptr      // of an integer, or of a slice's element
	elem   Plan         // of a slice, a map or a pointer
	of     reflect.Type // the map's
}

type hashing uint8

const (
	hashWord hashing = iota
	hashString
	hashSlice
	hashMap
	hashPointer
	hashRoster
	hashView
	hashGroup
	hashClusterView
)

// plan lists how to hash a value of a type that lies at an offset.
func (r *Rules) plan(t reflect.Type, at uintptr, to Plan) Plan {
	if what, ok := frozen[t]; ok {
		return append(to, op{what: what, offset: at})
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Int, reflect.Int64:
		return append(to, op{what: hashWord, offset: at, size: t.Size()})
	case reflect.String:
		return append(to, op{what: hashString, offset: at})
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); !r.aside(t, f.Name) {
				to = r.plan(f.Type, at+f.Offset, to)
			}
		}
		return to
	case reflect.Array:
		for _, i := range r.indices(t.Len()) {
			to = r.plan(t.Elem(), at+uintptr(i)*t.Elem().Size(), to)
		}
		return to
	case reflect.Slice:
		return append(to, op{what: hashSlice, offset: at, size: t.Elem().Size(), elem: r.plan(t.Elem(), 0, nil)})
	case reflect.Map:
		return append(to, op{what: hashMap, offset: at, elem: r.plan(t.Elem(), 0, nil), of: t})
	case reflect.Pointer:
		return append(to, op{what: hashPointer, offset: at, elem: r.plan(t.Elem(), 0, nil)})
	}
	panic(fmt.Sprintf("no way to hash a %v", t))
}

// Hash is a running hash.
type Hash struct{ Sum uint64 }

// Word adds a number.
func (h *Hash) Word(x uint64) {
	h.Sum ^= x
	h.Sum *= 0x9e3779b97f4a7c15
	h.Sum ^= h.Sum >> 29
}

// Text adds a string.
func (h *Hash) Text(s string) {
	h.Word(uint64(len(s)))
	for i := range len(s) {
		h.Word(uint64(s[i]))
	}
}

// Add adds the value at p, of the plan's type.
func (h *Hash) Add(plan Plan, p unsafe.Pointer) {
	for i := range plan {
		o := &plan[i]
		q := unsafe.Add(p, o.offset)
		switch o.what {
		case hashWord:
			switch o.size {
			case 1:
				h.Word(uint64(*(*uint8)(q)))
			case 2:
				h.Word(uint64(*(*uint16)(q)))
			case 4:
				h.Word(uint64(*(*uint32)(q)))
			default:
				h.Word(*(*uint64)(q))
			}
		case hashString:
			h.Text(*(*string)(q))
		case hashSlice:
			s := (*struct {
				data unsafe.Pointer
				len  int
				cap  int
			})(q)
			h.Word(uint64(s.len))
			for i := range s.len {
				h.Add(o.elem, unsafe.Add(s.data, uintptr(i)*o.size))
			}
		case hashMap:
			h.Word(o.sum(reflect.NewAt(o.of, q).Elem()))
		case hashPointer:
			if x := *(*unsafe.Pointer)(q); x == nil {
				h.Word(0)
			} else {
				h.Word(1)
				h.Add(o.elem, x)
			}
		case hashRoster:
			h.Roster(*(**control.Roster)(q))
		case hashView:
			if v := *(**view.View)(q); v == nil {
				h.Word(0)
			} else {
				h.Word(v.Epoch<<32 | uint64(v.Instance))
				h.Text(v.Leader)
			}
		case hashGroup:
			h.group(*(**view.Group)(q))
		case hashClusterView:
			if v := *(**view.ClusterView)(q); v == nil {
				h.Word(0)
			} else {
				h.Word(uint64(v.Instance))
				h.Text(v.Leader)
				h.group(v.Top)
			}
		}
	}
}

// sum is that of a map, whose entries have no order.
func (o *op) sum(m reflect.Value) (sum uint64) {
	value := reflect.New(o.of.Elem())
	for i := m.MapRange(); i.Next(); {
		x := Hash{}
		if k := i.Key(); k.Kind() == reflect.String {
			x.Text(k.String())
		} else {
			x.Sum = k.Uint()
		}
		value.Elem().SetIterValue(i)
		x.Add(o.elem, value.UnsafePointer())
		sum += x.Sum
	}
	return sum
}

// Roster adds who has which slot, and how a group is led; names and addresses follow from the
// incarnation.
func (h *Hash) Roster(r *control.Roster) {
	if r == nil {
		h.Word(0)
		return
	}
	for i := range r.Seats {
		s := &r.Seats[i]
		h.Word(uint64(s.Slot)<<48 | s.Incarnation)
		if s.Below != 0 {
			h.Word(uint64(s.Below))
		}
	}
	h.Word(1)
}

func (h *Hash) group(g *view.Group) {
	if g == nil {
		h.Word(0)
		return
	}
	h.Word(g.Digest)
	h.Word(g.Seq<<32 | uint64(g.Generation)<<16 | uint64(g.Number))
}
