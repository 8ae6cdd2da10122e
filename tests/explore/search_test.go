package explore

import (
	"math/rand/v2"
	"testing"

	"rollcall/tests/explore/search"
)

// TestSearchIsReal: the worlds that a search composes of states of hosts are those that come of
// doing the same in one world.
func TestSearchIsReal(t *testing.T) {
	for _, o := range Openings() {
		for seed := range uint64(5) {
			l := anything()
			if seed%2 == 1 {
				l = atLeisure()
			}
			if err := search.Verify(o.World(), l, rand.New(rand.NewPCG(seed, 4)), 25); err != nil {
				t.Fatalf("%s, seed %d, %v", o.Name, seed, err)
			}
		}
	}
}
