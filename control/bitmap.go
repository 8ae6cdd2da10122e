package control

import "math/bits"

// Slots is the largest number of members a group has.
const Slots = 256

// Bitmap is a set of slots; slot s is bit s%64 of word s/64. It has the layout of
// struct rc_bitmap in bpf/wire.h.
type Bitmap [Slots / 64]uint64

// Of returns the set of the given slots.
func Of(slots ...uint16) (b Bitmap) {
	for _, s := range slots {
		b.Set(s)
	}
	return b
}

// Has reports whether slot s is in the set; slots of 256 and more never are.
func (b Bitmap) Has(s uint16) bool { return s < Slots && b[s/64]>>(s%64)&1 == 1 }

// Set adds slot s, which is below Slots.
func (b *Bitmap) Set(s uint16) { b[s/64] |= 1 << (s % 64) }

// Clear takes slot s out.
func (b *Bitmap) Clear(s uint16) { b[s/64] &^= 1 << (s % 64) }

// Empty reports whether no slot is in the set.
func (b Bitmap) Empty() bool { return b == Bitmap{} }

// Len counts the slots in the set.
func (b Bitmap) Len() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// And returns the slots in both sets.
func (b Bitmap) And(o Bitmap) Bitmap {
	for i := range b {
		b[i] &= o[i]
	}
	return b
}

// Or returns the slots in either set.
func (b Bitmap) Or(o Bitmap) Bitmap {
	for i := range b {
		b[i] |= o[i]
	}
	return b
}

// Minus returns the slots of b that are not in o.
func (b Bitmap) Minus(o Bitmap) Bitmap {
	for i := range b {
		b[i] &^= o[i]
	}
	return b
}

// First returns the lowest slot in the set, or Slots for the empty set.
func (b Bitmap) First() uint16 { return b.Next(0) }

// Next returns the lowest slot of the set that is at or after s, or Slots. The idiom
// to visit a set in order is
//
//	for s := b.First(); s < Slots; s = b.Next(s + 1) { … }
func (b Bitmap) Next(s uint16) uint16 {
	for s < Slots {
		if w := b[s/64] >> (s % 64); w != 0 {
			return s + uint16(bits.TrailingZeros64(w))
		}
		s = (s/64 + 1) * 64
	}
	return Slots
}
