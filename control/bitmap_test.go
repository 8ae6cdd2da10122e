package control

import (
	"testing"

	"pgregory.net/rapid"
)

// slotSets draws sets of slots, small and large.
func slotSets() *rapid.Generator[Bitmap] {
	return rapid.Custom(func(t *rapid.T) Bitmap {
		return Of(rapid.SliceOfN(rapid.Uint16Range(0, Slots-1), 0, rapid.SampledFrom([]int{3, 20, 300}).Draw(t, "most")).Draw(t, "slots")...)
	})
}

// twin is a Bitmap that cannot be wrong.
func twin(b Bitmap) map[int]bool {
	m := map[int]bool{}
	for s := range Slots {
		if b[s/64]>>(s%64)&1 == 1 {
			m[s] = true
		}
	}
	return m
}

func TestBitmapAgainstSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Bitmap
		m := map[int]bool{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			s := rapid.Uint16Range(0, Slots-1).Draw(t, "slot")
			if rapid.Bool().Draw(t, "set") {
				b.Set(s)
				m[int(s)] = true
			} else {
				b.Clear(s)
				delete(m, int(s))
			}
		}
		if b.Len() != len(m) || b.Empty() != (len(m) == 0) {
			t.Fatalf("length %d, empty %v, want %d", b.Len(), b.Empty(), len(m))
		}
		for s := range Slots + 100 {
			if b.Has(uint16(s)) != m[s] {
				t.Fatalf("slot %d: %v, want %v", s, b.Has(uint16(s)), m[s])
			}
		}
		want := uint16(Slots)
		for s := Slots - 1; s >= 0; s-- {
			if m[s] {
				want = uint16(s)
			}
			if got := b.Next(uint16(s)); got != want {
				t.Fatalf("first from %d on: %d, want %d", s, got, want)
			}
		}
		if b.First() != want || b.Next(Slots) != Slots {
			t.Fatalf("first %d, want %d; after the end %d", b.First(), want, b.Next(Slots))
		}
	})
}

func TestBitmapSetAlgebra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := slotSets().Draw(t, "a"), slotSets().Draw(t, "b")
		and, or, minus := twin(a.And(b)), twin(a.Or(b)), twin(a.Minus(b))
		x, y := twin(a), twin(b)
		for s := range Slots {
			if and[s] != (x[s] && y[s]) || or[s] != (x[s] || y[s]) || minus[s] != (x[s] && !y[s]) {
				t.Fatalf("slot %d: and %v or %v minus %v of %v and %v", s, and[s], or[s], minus[s], x[s], y[s])
			}
		}
	})
}
