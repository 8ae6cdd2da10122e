package explore

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"rollcall/control"
	"rollcall/view"
)

// The state of a control.Node is its own affair, and package control offers no way to copy or
// compare it. So both are done here by the types of its fields, through memory: what a type
// holds is compiled once into steps. A kind of field that these do not know is a panic,
// so that nothing new can be overlooked.

// cloneNode copies a node. Slices, maps and arrays behind pointers are copied as well; what their
// elements point to (rosters, views, messages) never changes.
func cloneNode(n *control.Node) *control.Node {
	c := new(control.Node)
	*c = *n
	for _, f := range nodeHeld {
		held := reflect.NewAt(f.Type, unsafe.Add(unsafe.Pointer(c), f.Offset)).Elem()
		if !held.IsNil() {
			held.Set(copyOf(held))
		}
	}
	return c
}

func copyOf(v reflect.Value) reflect.Value {
	switch t := v.Type(); t.Kind() {
	case reflect.Slice:
		own := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(own, v)
		return own
	case reflect.Map:
		own := reflect.MakeMapWithSize(t, v.Len())
		for i := v.MapRange(); i.Next(); {
			own.SetMapIndex(i.Key(), i.Value())
		}
		return own
	default:
		own := reflect.New(t.Elem())
		own.Elem().Set(v.Elem())
		return own
	}
}

// nodeIdle are the fields of a Node that mean nothing between two steps, or never change, or are of
// use above level 0 only.
var nodeIdle = []string{
	"cfg", "now", "reg", "tally", "wake", "out", "deadline",
	"below", "claim", "elsewhere", "claims", "leaderHere", "invited", "upper",
}

// asides are fields that no rule of agreement looks at: measurements, and leases, whose rules the
// simulator tests. Worlds that differ in them alone count as one.
var asides = []string{"RTTNS", "SilenceUS", "Echoed", "LeaseUntil", "UpperUntil"}

var (
	nodePlan, nodeHeld = planNode()
	registerPlan       = plan(reflect.TypeFor[control.Register](), 0, nil)
	askingPlan         = plan(reflect.TypeFor[control.Asking](), 0, nil)
	heardPlan          = plan(reflect.TypeFor[control.Heard](), 0, nil)
	memberPlan         = plan(reflect.TypeFor[control.Member](), 0, nil)
	recordPlan         = plan(reflect.TypeFor[control.InstanceRecord](), 0, nil)
	framePlan          = plan(reflect.TypeFor[control.Frame](), 0, nil)
	messagePlan        = plan(reflect.TypeFor[control.Message](), 0, nil)
	decisionPlan       = plan(reflect.TypeFor[decision](), 0, nil)
	proposalPlan       = plan(reflect.TypeFor[proposal](), 0, nil)
	contentPlan        = plan(reflect.TypeFor[content](), 0, nil)
)

func planNode() (ops []op, held []reflect.StructField) {
	t := reflect.TypeFor[control.Node]()
	for i := range t.NumField() {
		if f := t.Field(i); !slices.Contains(nodeIdle, f.Name) {
			ops = plan(f.Type, f.Offset, ops)
			held = heldFields(f.Type, f.Offset, held)
		}
	}
	return ops, held
}

// heldFields lists what a struct and the structs in it hold outside of themselves and change there,
// with offsets from its start.
func heldFields(t reflect.Type, at uintptr, to []reflect.StructField) []reflect.StructField {
	switch {
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map, t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Array:
		return append(to, reflect.StructField{Type: t, Offset: at})
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			to = heldFields(f.Type, at+f.Offset, to)
		}
	}
	return to
}

// op hashes one field.
type op struct {
	what   hashing
	offset uintptr
	size   uintptr      // of an integer, or of a slice's element
	elem   []op         // of a slice, a map or a pointer
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
)

// plan lists how to hash a value of a type that lies at an offset.
func plan(t reflect.Type, at uintptr, to []op) []op {
	switch t {
	case reflect.TypeFor[*control.Roster]():
		return append(to, op{what: hashRoster, offset: at})
	case reflect.TypeFor[*view.View]():
		return append(to, op{what: hashView, offset: at})
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Int, reflect.Int64:
		return append(to, op{what: hashWord, offset: at, size: t.Size()})
	case reflect.String:
		return append(to, op{what: hashString, offset: at})
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.Name != "_" && !slices.Contains(asides, f.Name) {
				to = plan(f.Type, at+f.Offset, to)
			}
		}
		return to
	case reflect.Array:
		n := t.Len()
		if n == control.Slots { // nobody has the others
			n = slots
		}
		for i := range n {
			to = plan(t.Elem(), at+uintptr(i)*t.Elem().Size(), to)
		}
		return to
	case reflect.Slice:
		return append(to, op{what: hashSlice, offset: at, size: t.Elem().Size(), elem: plan(t.Elem(), 0, nil)})
	case reflect.Map:
		return append(to, op{what: hashMap, offset: at, elem: plan(t.Elem(), 0, nil), of: t})
	case reflect.Pointer:
		return append(to, op{what: hashPointer, offset: at, elem: plan(t.Elem(), 0, nil)})
	}
	panic(fmt.Sprintf("no way to hash a %v", t))
}

// hash is a running hash.
type hash struct{ sum uint64 }

func (h *hash) word(x uint64) {
	h.sum ^= x
	h.sum *= 0x9e3779b97f4a7c15
	h.sum ^= h.sum >> 29
}

func (h *hash) text(s string) {
	h.word(uint64(len(s)))
	for i := range len(s) {
		h.word(uint64(s[i]))
	}
}

// add hashes the value at p.
func (h *hash) add(ops []op, p unsafe.Pointer) {
	for i := range ops {
		o := &ops[i]
		q := unsafe.Add(p, o.offset)
		switch o.what {
		case hashWord:
			switch o.size {
			case 1:
				h.word(uint64(*(*uint8)(q)))
			case 2:
				h.word(uint64(*(*uint16)(q)))
			case 4:
				h.word(uint64(*(*uint32)(q)))
			default:
				h.word(*(*uint64)(q))
			}
		case hashString:
			h.text(*(*string)(q))
		case hashSlice:
			s := (*struct {
				data unsafe.Pointer
				len  int
				cap  int
			})(q)
			h.word(uint64(s.len))
			for i := range s.len {
				h.add(o.elem, unsafe.Add(s.data, uintptr(i)*o.size))
			}
		case hashMap:
			h.word(o.sum(reflect.NewAt(o.of, q).Elem()))
		case hashPointer:
			if x := *(*unsafe.Pointer)(q); x == nil {
				h.word(0)
			} else {
				h.word(1)
				h.add(o.elem, x)
			}
		case hashRoster:
			h.roster(*(**control.Roster)(q))
		case hashView:
			if v := *(**view.View)(q); v == nil {
				h.word(0)
			} else {
				h.word(v.Epoch<<32 | uint64(v.Instance))
				h.text(v.Leader)
			}
		}
	}
}

// sum is that of a map, whose entries have no order.
func (o *op) sum(m reflect.Value) (sum uint64) {
	value := reflect.New(o.of.Elem())
	for i := m.MapRange(); i.Next(); {
		x := hash{i.Key().Uint()}
		value.Elem().SetIterValue(i)
		x.add(o.elem, value.UnsafePointer())
		sum += x.sum
	}
	return sum
}

// roster hashes who has which slot; names and addresses follow from the host.
func (h *hash) roster(r *control.Roster) {
	if r == nil {
		h.word(0)
		return
	}
	for i := range r.Seats {
		h.word(uint64(r.Seats[i].Slot)<<48 | r.Seats[i].Incarnation)
	}
	h.word(1)
}

// digest is equal for hosts to which the same can happen.
func (h *host) digest() uint64 {
	if h.sum != 0 {
		return h.sum
	}
	x := hash{1}
	x.word(uint64(h.id))
	x.word(uint64(h.clock))
	x.word(h.drawn)
	x.word(uint64(h.last.instance)<<32 | h.last.epoch)
	x.add(recordPlan, unsafe.Pointer(&h.record))
	if h.up {
		x.word(uint64(h.wakes))
		x.word(uint64(h.sent))
		x.add(registerPlan, unsafe.Pointer(&h.reg))
		x.add(askingPlan, unsafe.Pointer(&h.asking))
		for s := range h.heard {
			if h.heard[s] != (control.Heard{}) {
				x.word(uint64(s))
				x.add(heardPlan, unsafe.Pointer(&h.heard[s]))
			}
		}
		for s := range h.members {
			if h.members[s] != (control.Member{}) {
				x.word(uint64(s))
				x.add(memberPlan, unsafe.Pointer(&h.members[s]))
			}
		}
		for _, r := range h.rosters {
			x.roster(r)
		}
		x.add(nodePlan, unsafe.Pointer(h.node))
	}
	h.sum = max(x.sum, 1)
	return h.sum
}

func (p *packet) digest() uint64 {
	x := hash{2}
	x.word(uint64(p.from)<<8 | uint64(p.to))
	x.add(framePlan, unsafe.Pointer(p.frame))
	return x.sum
}

func (l *letter) digest() uint64 {
	x := hash{3}
	x.word(uint64(l.to))
	x.add(messagePlan, unsafe.Pointer(l.message))
	return x.sum
}

// digest is equal for ledgers that took note of the same, in whatever order.
func (l *ledger) digest() uint64 {
	sum := uint64(0)
	for i := range l.decided {
		x := hash{4}
		x.add(decisionPlan, unsafe.Pointer(&l.decided[i]))
		sum += x.sum
	}
	for i := range l.proposals {
		x := hash{5}
		x.add(proposalPlan, unsafe.Pointer(&l.proposals[i]))
		sum += x.sum
	}
	for i := range l.contents {
		x := hash{6}
		x.add(contentPlan, unsafe.Pointer(&l.contents[i]))
		sum += x.sum
	}
	x := hash{sum}
	x.word(uint64(l.forgot))
	if l.violation != nil {
		x.text(l.violation.Error())
	}
	return x.sum
}

// digest is equal for worlds in which the same can happen.
func (w *World) digest() uint64 {
	var all hash
	for _, h := range w.hosts {
		all.word(h.digest())
	}
	sum := uint64(0) // what is on its way has no order
	for i := range w.frames {
		sum += w.frames[i].digest()
	}
	for i := range w.letters {
		sum += w.letters[i].digest()
	}
	all.word(sum)
	all.word(w.ledger.digest())
	return all.sum
}
