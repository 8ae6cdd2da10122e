package control

import (
	"testing"

	"pgregory.net/rapid"
)

func TestQuorumTable(t *testing.T) {
	for _, c := range []struct {
		name string
		have Bitmap
		of   Bitmap
		want bool
	}{
		{"nobody decides for nobody", Bitmap{}, Bitmap{}, false},
		{"somebody does not decide for nobody", Of(1, 2), Bitmap{}, false},
		{"one of one", Of(7), Of(7), true},
		{"none of one", Of(8), Of(7), false},
		{"the lower of two", Of(3), Of(3, 9), true},
		{"the higher of two", Of(9), Of(3, 9), false},
		{"two of three", Of(5, 6), Of(4, 5, 6), true},
		{"one of three, the lowest", Of(4), Of(4, 5, 6), false},
		{"half of four with the lowest", Of(0, 3), Of(0, 1, 2, 3), true},
		{"half of four without it", Of(1, 3), Of(0, 1, 2, 3), false},
		{"strangers do not count", Of(0, 10, 11, 12), Of(0, 1, 2), false},
		{"across words", Of(0, 64, 255), Of(0, 64, 128, 192, 255), true},
	} {
		if got := Quorum(c.have, c.of); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestSeatsDecide: above level 0 the votes of those in slots 248 to 255 count and no others;
// at level 0 these slots are like all.
func TestSeatsDecide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, members := slotSets().Draw(t, "have"), slotSets().Draw(t, "members")
		if Decides(0, have, members) != Quorum(have, members) {
			t.Fatal("at level 0 everybody votes")
		}
		level := rapid.Uint8Range(1, Levels-1).Draw(t, "level")
		var seats Bitmap
		for s := members.Next(FirstSeat); s < Slots; s = members.Next(s + 1) {
			seats.Set(s)
		}
		if Voters(level, members) != seats || Decides(level, have, members) != Quorum(have, seats) {
			t.Fatalf("voters of %v are %v", members, Voters(level, members))
		}
	})
	if Decides(1, Of(0, 1, 2), Of(0, 1, 2)) || !Decides(1, Of(248), Of(0, 1, 2, 248)) {
		t.Error("leaders of groups below decide nothing")
	}
}

// TestQuorumsMeet is what everything rests on: two quorums of one set have a voter in common.
func TestQuorumsMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of := slotSets().Draw(t, "of")
		a, b := of, of
		for s := of.First(); s < Slots; s = of.Next(s + 1) { // thin both out towards half
			switch rapid.IntRange(0, 3).Draw(t, "who loses it") {
			case 0:
				a.Clear(s)
			case 1:
				b.Clear(s)
			case 2:
				a.Clear(s)
				b.Clear(s)
			}
		}
		if Quorum(a, of) && Quorum(b, of) && a.And(b).Empty() {
			t.Fatalf("%v and %v of %v do not meet", a, b, of)
		}
	})
}

// TestQuorumOfComplement: of a set and its complement exactly one decides, so no failure
// pattern leaves a group of any size without a side that may go on.
func TestQuorumOfComplement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of, have := slotSets().Draw(t, "of"), slotSets().Draw(t, "have")
		if of.Empty() {
			return
		}
		if Quorum(have, of) == Quorum(of.Minus(have), of) {
			t.Fatalf("%v of %v", have, of)
		}
		if Quorum(have, of) && !Quorum(have.Or(Of(of.First())), of) {
			t.Fatalf("one more voter undoes a quorum: %v of %v", have, of)
		}
	})
}
