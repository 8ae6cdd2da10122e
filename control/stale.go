package control

import "time"

// staleAfter is how old an agent's stamp may be; agents stamp once a second.
const staleAfter = 3 * time.Second

// silentFor is whose agents left no stamp for longer than age, by the last answers of their
// kernels. It goes by the stamp, not by whether the process lives: one that ended has the grace to
// be started again.
func (n *Node) silentFor(age time.Duration) (b Bitmap) {
	l := &n.lead
	for s := l.view.New.First(); s < Slots; s = l.view.New.Next(s + 1) {
		m := &n.tally.Members[s]
		if n.tally.Heard[s].Answered != 0 && time.Duration(m.AgentAgeMS)*time.Millisecond > age {
			b.Set(s)
		}
	}
	return b
}

// withholding is how a leader removes those whose kernels answer and go on answering, since
// their agents were silent beyond the grace (on_stale = "remove"), or, above level 0, since they
// lead their groups no longer, or an earlier generation of them, or another of their group has its seat. Every echo
// that is heard extends a lease, so it first stops hearing them: what it told before rests on echoes that had
// arrived by then, and these leases end within L of that (lease rule 3). An agent that
// comes back before the cut is heard again.
type withholding struct {
	from  Bitmap
	since map[uint16]Time // when the tally was first seen to withhold; zero: it was not
}

// withhold orders whose echoes extend no lease, and notes whose do not.
func (n *Node) withhold() {
	l := &n.lead
	w := &l.withheld
	silent := n.leadersLeaving().Or(n.displaced()).Or(n.surplus())
	if n.cfg.RemoveStale {
		silent = silent.Or(n.silentFor(n.cfg.AgentGrace))
	}
	silent.Clear(n.reg.Slot)
	if w.since == nil && !silent.Empty() {
		w.since = map[uint16]Time{}
	}
	for s := silent.First(); s < Slots; s = silent.Next(s + 1) {
		switch {
		case !w.from.Has(s) || !n.tally.Withheld.Has(s):
			w.since[s] = 0
		case w.since[s] == 0:
			w.since[s] = n.now
		}
	}
	unvouched := n.unvouched()
	if !unvouched.Empty() {
		n.wakeAt(n.now.Add(n.cfg.Interval))
	}
	l.order = l.order || silent.Or(unvouched) != n.tally.Withheld
	w.from = silent
}

// leadersLeaving are the slots of groups below whose leaders said goodbye: those spoke for
// themselves, and the leases of the others in the group rest on their slot's. One that a successor
// asked for passes on to him.
func (n *Node) leadersLeaving() (b Bitmap) {
	if n.cfg.Level > 0 {
		b = n.lead.goodbyes.And(n.lead.view.New)
		for s := b.First(); s < Slots; s = b.Next(s + 1) {
			if s >= FirstSeat || n.succeeded(s) {
				b.Clear(s)
			}
		}
	}
	return b
}

// withheldOut is who may be removed though their kernels answer: all from whom leases are withheld, in
// one cut, once the last of these has surely ended.
func (n *Node) withheldOut() Bitmap {
	w := &n.lead.withheld
	for s := w.from.First(); s < Slots; s = w.from.Next(s + 1) {
		if w.since[s] == 0 || !n.ended(w.since[s]) {
			return Bitmap{}
		}
	}
	return w.from.And(n.lead.view.New)
}
