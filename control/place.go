package control

import "rollcall/view"

// The shape of the hierarchy. A group of level n+1 has the leaders of PerBranch groups of level n
// in its slots below FirstSeat, by the groups' numbers, and its voters in those from there on.
const (
	Levels    = view.Levels
	Places    = 2 * Levels
	PerBranch = view.PerBranch // groups with a leader in one group of the level above
	FirstSeat = PerBranch
	SeatsMax  = Slots - FirstSeat

	SeatsWanted = 7 // voters that a leader above level 0 sees to, unless configured otherwise
)

// Place names one of the registers of a host: its slot in its group at level 0, and at each
// level above, the slot of the group that it leads below and a seat. It is the index of the
// register in the map rc_group (bpf/maps.h).
type Place uint8

// PlaceOf is the place of a slot in a group of that level. ToAll is that of those below.
func PlaceOf(level uint8, slot uint16) Place {
	if level > 0 && slot >= FirstSeat && slot < Slots {
		return SeatAt(level)
	}
	return LeaderAt(level)
}

// SeatAt is the place of a voter at a level.
func SeatAt(level uint8) Place {
	if level == 0 {
		return 0
	}
	return Place(level*2 + 1)
}

// LeaderAt is the place, at a level, of who leads the group below; at level 0 everybody's.
func LeaderAt(level uint8) Place { return Place(level * 2) }

// Level is the level of the group in which the place is.
func (p Place) Level() uint8 { return uint8(p) / 2 }

// Seat is 1 where the place is a seat above level 0.
func (p Place) Seat() uint8 { return uint8(p) % 2 }

// Votes reports whether who has the place decides with others, and may lead: everybody at
// level 0, the seats above it. The roster held for such a place names the slots of its level
// to the plane, and the level's tally is its.
func (p Place) Votes() bool { return p.Level() == 0 || p.Seat() == 1 }

// Own tells which registers of a host an ask of its own is to be delivered to: of those that it
// is for, by the tally of its level, which names who has the slots. The others get it over the
// network.
func (o *Outgoing) Own(registers *[Places]Register, t *Tally) (own []Place, others Bitmap) {
	others = o.To
	for _, p := range []Place{LeaderAt(o.Place.Level()), SeatAt(o.Place.Level())} {
		r := &registers[p]
		if r.State == RegisterVacant || r.Instance != o.Frame.Instance || r.Group != o.Frame.Group || !others.Has(r.Slot) {
			continue
		}
		if p == o.Place || t.Members[r.Slot].Expected == r.Incarnation {
			own = append(own, p)
			others.Clear(r.Slot)
		}
	}
	return own, others
}

// Parent is the number of the group of the next level in which a group's leader has a slot, and
// that slot.
func Parent(group uint16) (parent, slot uint16) { return group / PerBranch, group % PerBranch }
