package dataplane

import (
	"slices"

	"rollcall/control"
)

// parcel is a frame as it leaves: to slots of other hosts, and to one of the own, whose register
// has it before they do.
type parcel struct {
	frame control.Frame
	to    control.Bitmap // without the own slot
	at    control.Place  // whose slot that is
	own   bool
}

// addressed gives what an ask leaves as, that for own registers first. At level 0 it is one frame.
// Above it what is addressed to all is taken by the registers of those who lead the groups
// below, so each seat is asked by a frame of its own.
func addressed(out *control.Outgoing, own *[control.Places]control.Register) []parcel {
	level := out.Place.Level()
	if level == 0 {
		return []parcel{claim(out.Frame, out.To, 0, own)}
	}
	voters := control.Voters(level, out.To)
	var all []parcel
	if leaders := out.To.Minus(voters); !leaders.Empty() {
		all = append(all, claim(out.Frame, leaders, control.LeaderAt(level), own))
	}
	for s := voters.First(); s < control.Slots; s = voters.Next(s + 1) {
		f := out.Frame
		f.To = f.For(s)
		all = append(all, claim(f, control.Of(s), control.SeatAt(level), own))
	}
	slices.SortStableFunc(all, func(a, b parcel) int {
		switch {
		case a.own == b.own:
			return 0
		case a.own:
			return -1
		}
		return 1
	})
	return all
}

// claim takes the slot out of those to be sent to that the own register of a place has.
func claim(f control.Frame, to control.Bitmap, p control.Place, own *[control.Places]control.Register) parcel {
	a := parcel{frame: f, to: to, at: p}
	if r := &own[p]; r.State != control.RegisterVacant && r.Group == f.Group && to.Has(r.Slot) {
		a.own = true
		a.to.Clear(r.Slot)
	}
	return a
}

// retry asks those in doubt again for the beat that has just left.
func retry(by Transport, a *control.Asking, beat control.Frame, keys *Keys) error {
	var first error
	for _, f := range a.Retries(beat) {
		if err := by.Send(f.Level, AppendFrame(nil, &f, keys), control.Of(f.Hop())); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// wakesOfRegister are the wakes that tell of the register that was asked; all others tell of the
// tally, and belong to the place that asked.
const wakesOfRegister = control.WakeCommitted | control.WakeRemoved | control.WakeRoster | control.WakeSilent |
	control.WakeHandOver | control.WakeInstance | control.WakeAway

// delivered notes what an own ask gives reason to look at.
func (w *Wakes) delivered(from, at control.Place, wake control.Wake) {
	w[at] |= wake & wakesOfRegister
	w[from] |= wake &^ wakesOfRegister
}
