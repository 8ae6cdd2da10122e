package control

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func peers() *rapid.Generator[Peer] {
	return rapid.Custom(func(t *rapid.T) Peer {
		id := rapid.IntRange(0, 999).Draw(t, "id")
		p := Peer{
			Name:        fmt.Sprintf("cn%03d", id),
			Incarnation: rapid.Uint64Range(1, 1<<63).Draw(t, "incarnation"),
			RPC:         fmt.Sprintf("cn%03d:7746", id),
		}
		for i := range rapid.IntRange(0, RailsMax).Draw(t, "rails") {
			e := Endpoint{MAC: [6]byte{2, 0, 0, byte(i), byte(id >> 8), byte(id)}}
			if rapid.Bool().Draw(t, "udp") {
				e.UDP = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i), byte(id >> 8), byte(id)}), 7746)
			}
			p.Rails = append(p.Rails, e)
		}
		return p
	})
}

func rosters() *rapid.Generator[*Roster] {
	return rapid.Custom(func(t *rapid.T) *Roster {
		r := &Roster{}
		for range rapid.IntRange(0, 12).Draw(t, "seats") {
			p := peers().Draw(t, "peer")
			if r.Named(p.Name) == nil {
				r = r.With(Seat{Slot: rapid.Uint16Range(0, Slots-1).Draw(t, "slot"), Peer: p})
			}
		}
		return r
	})
}

func TestRosterWith(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rosters().Draw(t, "roster")
		seat := Seat{Slot: rapid.Uint16Range(0, Slots-1).Draw(t, "slot"), Peer: peers().Draw(t, "peer")}
		before := slices.Clone(r.Seats)
		n := r.With(seat)
		if !slices.EqualFunc(before, r.Seats, sameSeat) {
			t.Fatalf("With changed the roster it was asked of: %v, was %v", r.Seats, before)
		}
		if !slices.IsSortedFunc(n.Seats, func(a, b Seat) int { return int(a.Slot) - int(b.Slot) }) {
			t.Fatalf("slots do not ascend: %v", n.Seats)
		}
		for s := uint16(0); s < Slots; s++ {
			want := r.At(s)
			if s == seat.Slot {
				want = &seat
			}
			got := n.At(s)
			if (got == nil) != (want == nil) || got != nil && !sameSeat(*got, *want) {
				t.Fatalf("slot %d is %v, want %v", s, got, want)
			}
		}
	})
}

func sameSeat(a, b Seat) bool {
	return a.Slot == b.Slot && a.Name == b.Name && a.Incarnation == b.Incarnation && a.RPC == b.RPC && slices.Equal(a.Rails, b.Rails)
}

// TestRosterVersion: the version survives the way over the wire and differs as soon as
// anything does, fields that could run into each other included.
func TestRosterVersion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rosters().Draw(t, "roster")
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back Roster
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if err := back.Validate(); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if r.Version() != back.Version() || r.Version() == 0 {
			t.Fatalf("version %x became %x over JSON", r.Version(), back.Version())
		}
		if len(r.Seats) == 0 {
			return
		}
		i := rapid.IntRange(0, len(r.Seats)-1).Draw(t, "which")
		change := back.Seats[i]
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0:
			change.Incarnation++
		case 1:
			change.Name += "x"
		case 2: // the name's end moves to the address
			change.RPC = change.Name[len(change.Name)-1:] + change.RPC
			change.Name = change.Name[:len(change.Name)-1]
		case 3:
			change.Rails = append(slices.Clone(change.Rails), Endpoint{})
		case 4:
			change.RPC += "0"
		}
		if n := back.With(change); n.Version() == r.Version() {
			t.Fatalf("%+v and %+v have the same version", r.Seats[i], change)
		}
	})
}

func TestRosterNamed(t *testing.T) {
	r := (&Roster{}).With(Seat{Slot: 9, Peer: Peer{Name: "b"}}).With(Seat{Slot: 2, Peer: Peer{Name: "a"}})
	if s := r.Named("b"); s == nil || s.Slot != 9 {
		t.Errorf("b is %v", s)
	}
	if s := r.Named("c"); s != nil {
		t.Errorf("c is %v", s)
	}
	if r.At(3) != nil || r.At(2).Name != "a" {
		t.Errorf("slots %v and %v", r.At(3), r.At(2))
	}
}
