package main

import (
	"slices"
	"time"
)

// sample is a set of measured times.
type sample []time.Duration

// at gives the value that the fraction q of the sample does not exceed; 1 gives the largest.
func (s sample) at(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	i := int(q * float64(len(sorted)))
	if float64(i) < q*float64(len(sorted)) {
		i++
	}
	return sorted[min(max(i-1, 0), len(sorted)-1)]
}
