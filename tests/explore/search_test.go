package explore

import (
	"math/rand/v2"
	"testing"
)

// TestSearchIsReal: the worlds that a search composes of states of hosts are those that come of
// doing the same in one world.
func TestSearchIsReal(t *testing.T) {
	for _, o := range Openings() {
		for seed := range uint64(5) {
			rng := rand.New(rand.NewPCG(seed, 4))
			w := o.World().Clone()
			l := anything()
			if seed%2 == 1 {
				l = atLeisure()
			}
			s := newSearch(w, l[look] == 0)
			w.keep, w.prompt = true, s.world.prompt
			at := s.first(w, l)
			for n := range 25 {
				var next []state
				var moves []uint32
				s.successors(at, func(to state, by step) bool {
					next, moves = append(next, to), append(moves, by.move)
					return true
				})
				i := rng.IntN(len(next))
				at = next[i]
				s.again(w, moves[i])
				if real := s.first(w, at.left); real != at {
					t.Fatalf("%s, seed %d, event %d, %v at n%d: composed %+v, real %+v", o.Name, seed, n, s.moves[moves[i]].kind, s.moves[moves[i]].host, at, real)
				}
			}
		}
	}
}
