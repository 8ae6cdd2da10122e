package control

import (
	"testing"

	"rollcall/view"
)

// TestHeardOnceVouched: a leader below the top hears nobody in a slot before it tells of an epoch that holds the view
// before the one that gave it.
func TestHeardOnceVouched(t *testing.T) {
	known := func(generation uint16, seq uint64) *view.Group {
		return &view.Group{Level: 1, Generation: generation, Seq: seq}
	}
	for _, c := range []struct {
		what    string
		top     bool
		vouched *view.Group
		want    Bitmap
	}{
		{"no epoch is known", false, nil, Of(3, 4)},
		{"it is of another generation", false, known(1, 20), Of(3, 4)},
		{"it holds a view from before the lead", false, known(2, 6), Of(3, 4)},
		{"it holds what the lead began with, and slot 3 was given since", false, known(2, 7), Of(3)},
		{"it holds the view without slot 3", false, known(2, 9), Bitmap{}},
		{"the epoch is the view itself", true, nil, Bitmap{}},
	} {
		n := voter(Config{Level: 1, Self: Peer{Name: "head"}})
		n.below.top, n.below.vouched = c.top, c.vouched
		n.lead = leadership{ballot: NewBallot(2, 5, 248), took: 8, view: Proposal{Seq: 10, New: Of(3, 4, 248)}, seated: map[uint16]seating{3: {view: 10}}}
		if got := n.unvouched(); got != c.want {
			t.Errorf("%s: %x, want %x", c.what, got, c.want)
		}
	}
}
