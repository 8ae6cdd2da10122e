package search

import (
	"fmt"
	"math/rand/v2"
)

// Verify takes a random way of so many events, and reports where the world that a search composes of
// states of hosts is not the one that comes of doing the same in one world.
func Verify[H Host[P], P Parcel, L Ledger[L, S], S any](w World[H, P, L, S], l Limits, rng *rand.Rand, events int) error {
	s := newSearch(w, l[Look] == 0)
	real := w.Story(s.prompt, nil)
	at := s.first(w, l)
	for n := range events {
		var next []state
		var moves []uint32
		s.successors(at, func(to state, by step) bool {
			next, moves = append(next, to), append(moves, by.move)
			return true
		})
		if len(next) == 0 {
			return nil
		}
		i := rng.IntN(len(next))
		at = next[i]
		s.again(real, moves[i])
		if is := s.first(real, at.left); is != at {
			m := &s.moves[moves[i]]
			return fmt.Errorf("event %d, %v at n%d: composed %+v, real %+v", n, m.kind, m.host, at, is)
		}
	}
	return nil
}
