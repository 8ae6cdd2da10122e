package control

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBeatAsksAgain crashes one member of five and lets another answer through others only: both are
// asked again, directly and through those who answered, and who answers directly once is not.
func TestBeatAsksAgain(t *testing.T) {
	r, a := leading(5)
	now := Time(1e9)
	beat := func() (f Frame, again []Frame) {
		f, _, _, _ = a.Beat(now, r, nil)
		now = now.Add(beatEvery)
		return f, a.Retries(f)
	}
	f, again := beat()
	if len(again) != 0 {
		t.Fatalf("the first beat left again %d times", len(again))
	}
	answer(a, &f, time.Microsecond, 1, 2)
	relayed := f
	relayed.Flags, relayed.Via = FlagRelay, 1
	answer(a, &relayed, time.Microsecond, 3)
	f, again = beat()
	asked := map[uint16]Bitmap{}
	for i := range again {
		x := &again[i]
		if x.Kind != KindBeat || x.Round != f.Round || x.Sent != f.Sent || x.Ask != f.Ask || (x.Flags == FlagRelay) != (x.Hop() != x.To) {
			t.Errorf("again: %+v of %+v", x, f)
		}
		hops := asked[x.To]
		hops.Set(x.Hop())
		asked[x.To] = hops
	}
	if len(again) != 6 || asked[3] != Of(3, 1, 2) || asked[4] != Of(4, 1, 2) {
		t.Errorf("asked again %v", asked)
	}
	answer(a, &f, time.Microsecond, 1, 2, 3)
	relayed = f
	relayed.Flags, relayed.Via = FlagRelay, 1
	answer(a, &relayed, time.Microsecond, 3) // later, and tells nothing new
	if _, again = beat(); len(again) == 0 || a.Doubtful != Of(4) || a.Relayed != (Bitmap{}) {
		t.Errorf("in doubt %v, relayed %v", a.Doubtful, a.Relayed)
	}
}

// TestTurn: a round asks no more than so many, and so many rounds as it takes ask everybody.
func TestTurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all, had Bitmap
		for range rapid.IntRange(1, 300).Draw(t, "slots") {
			all.Set(uint16(rapid.IntRange(0, Slots-1).Draw(t, "slot")))
		}
		most := rapid.IntRange(1, 40).Draw(t, "most")
		first := rapid.Uint64Range(0, 1<<40).Draw(t, "round")
		for round := range uint64(all.Len()+most-1) / uint64(most) {
			some := turn(all, first+round, most)
			if want := min(most, all.Len()); some.Len() != want || some.Minus(all) != (Bitmap{}) {
				t.Fatalf("%v of %v, want %d", some, all, want)
			}
			had = had.Or(some)
		}
		if had != all {
			t.Fatalf("nobody asked %v of %v", all.Minus(had), all)
		}
	})
}
