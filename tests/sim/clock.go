package sim

import (
	"math/bits"

	"rollcall/control"
)

// clock is a host's CLOCK_BOOTTIME: it began somewhere and runs a little fast or slow.
type clock struct {
	offset uint64 // reading at Instant 0
	rate   uint64 // nanoseconds in a million true ones
}

const truly = 1_000_000 // rate of a clock that is right

// at reads the clock.
func (c clock) at(t Instant) control.Time {
	return control.Time(c.offset + scale(uint64(t), c.rate, truly))
}

// when is the first instant at which the clock reads at least t.
func (c clock) when(t control.Time) Instant {
	if uint64(t) <= c.offset {
		return 0
	}
	local := uint64(t) - c.offset
	if local > uint64(never)/2 {
		return never
	}
	i := Instant(scale(local, truly, c.rate))
	for c.at(i) < t {
		i++
	}
	return i
}

// scale gives v*mul/div without overflow in between.
func scale(v, mul, div uint64) uint64 {
	hi, lo := bits.Mul64(v, mul)
	q, _ := bits.Div64(hi, lo, div)
	return q
}
