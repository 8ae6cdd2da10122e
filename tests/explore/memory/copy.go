package memory

import (
	"reflect"
	"slices"
	"unsafe"
)

// Copier copies values of one type. Slices, maps, and what pointers lead to that are arrays or of
// the types that Rules.Own names, are copied as well, once each; what the elements of slices and maps
// point to never changes.
type Copier[T any] struct {
	rules *Rules
	held  map[reflect.Type][]reflect.StructField
}

// NewCopier compiles what a type holds.
func NewCopier[T any](r *Rules) *Copier[T] {
	c := &Copier[T]{rules: r, held: map[reflect.Type][]reflect.StructField{}}
	c.compile(reflect.TypeFor[T]())
	return c
}

// Copy gives a value that neither changes with the original nor the original with it.
func (c *Copier[T]) Copy(v *T) *T {
	to := new(T)
	*to = *v
	twins := map[unsafe.Pointer]reflect.Value{}
	c.own(reflect.TypeFor[T](), unsafe.Pointer(to), twins)
	return to
}

func (c *Copier[T]) compile(t reflect.Type) {
	if _, ok := c.held[t]; ok {
		return
	}
	c.held[t] = nil // until it is known: types refer to each other
	c.held[t] = c.find(t, 0, nil)
}

// find lists what a type holds outside of itself and changes there, with offsets from its start.
func (c *Copier[T]) find(t reflect.Type, at uintptr, to []reflect.StructField) []reflect.StructField {
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return append(to, reflect.StructField{Type: t, Offset: at})
	case reflect.Pointer:
		e := t.Elem()
		own := slices.Contains(c.rules.Own, e.Name())
		if own {
			c.compile(e)
		}
		if own || e.Kind() == reflect.Array {
			return append(to, reflect.StructField{Type: t, Offset: at})
		}
	case reflect.Array:
		for i := range t.Len() {
			to = c.find(t.Elem(), at+uintptr(i)*t.Elem().Size(), to)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); !c.rules.aside(t, f.Name) {
				to = c.find(f.Type, at+f.Offset, to)
			}
		}
	}
	return to
}

// own gives the value at p, of a type, its own of all that it holds.
func (c *Copier[T]) own(t reflect.Type, p unsafe.Pointer, twins map[unsafe.Pointer]reflect.Value) {
	for _, f := range c.held[t] {
		v := reflect.NewAt(f.Type, unsafe.Add(p, f.Offset)).Elem()
		switch {
		case v.IsNil():
		case f.Type.Kind() != reflect.Pointer:
			v.Set(elements(v))
		default:
			old := v.UnsafePointer()
			twin, ok := twins[old]
			if !ok {
				twin = reflect.New(f.Type.Elem())
				twin.Elem().Set(v.Elem())
				twins[old] = twin
				c.own(f.Type.Elem(), twin.UnsafePointer(), twins)
			}
			v.Set(twin)
		}
	}
}

// elements copies a slice or a map.
func elements(v reflect.Value) reflect.Value {
	t := v.Type()
	if t.Kind() == reflect.Slice {
		own := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(own, v)
		return own
	}
	own := reflect.MakeMapWithSize(t, v.Len())
	for i := v.MapRange(); i.Next(); {
		own.SetMapIndex(i.Key(), i.Value())
	}
	return own
}
