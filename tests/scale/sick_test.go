package scale

import (
	"testing"
	"time"
)

// TestSickLeaders: the root and the leaders of a third of the groups lose most of what they send. They may go, but
// nobody else: each takes its own link for what is broken, and hands over.
func TestSickLeaders(t *testing.T) {
	sick := Fault{Name: "leaders lose 80 % of what they send", Lasts: time.Minute, Lingers: true, During: lose, End: heal,
		Begin: func(w *World) (struck []*host) {
			root := w.root()
			for i := range w.hosts {
				if h := &w.hosts[i]; h.leads(0) && (h == root || i%36 < 12) {
					struck = append(struck, h)
				}
			}
			return struck
		}}
	for _, seed := range []uint64{1, 2, 3, 39, 41, 42, 47, 50, 53, 54, 58, 59} { // most of them failed once
		w := New(Options{Shape: Shape{1, 12, 12}, Seed: seed})
		w.Start()
		r, _ := w.Strike(&sick)
		switch {
		case w.failure != nil:
			t.Fatalf("seed %d: %v", seed, w.failure)
		case r.Struck < 4 || r.Led[1] != 1:
			t.Errorf("seed %d: %d leaders were struck, of them %d root", seed, r.Struck, r.Led[1])
		case r.Wronged > 0:
			t.Errorf("seed %d: %d nodes that nothing befell were left out of a view", seed, r.Wronged)
		}
	}
}
