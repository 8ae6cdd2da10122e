package control

import "time"

// staleAfter is how old an agent's stamp may be; agents stamp once a second.
const staleAfter = 3 * time.Second

// stale is whose kernel answers while its agent is silent.
func (n *Node) stale() Bitmap { return n.silentFor(staleAfter) }

// silentFor is whose agents left no stamp for longer than age, by the last answers of their
// kernels.
func (n *Node) silentFor(age time.Duration) (b Bitmap) {
	l := &n.lead
	for s := l.view.New.First(); s < Slots; s = l.view.New.Next(s + 1) {
		m := &n.tally.Members[s]
		if m.Answered != 0 && time.Duration(m.AgentAgeMS)*time.Millisecond > age {
			b.Set(s)
		}
	}
	return b
}

// withholding is how a leader removes those whose kernels answer and go on answering, since
// their agents were silent beyond the grace (on_stale = "remove"). Every echo that is heard
// extends a lease, so it first stops hearing them: what it told before rests on echoes that had
// arrived by then, and these leases end within L of that (DESIGN 4.3 rule 3). An agent that
// comes back before the cut is heard again.
type withholding struct {
	from  Bitmap
	since [Slots]Time
}

// withhold notes whose echoes extend no lease from the next beat on.
func (n *Node) withhold() {
	w := &n.lead.withheld
	if !n.cfg.RemoveStale {
		return
	}
	silent := n.silentFor(n.cfg.AgentGrace)
	silent.Clear(n.reg.Slot)
	for s := silent.First(); s < Slots; s = silent.Next(s + 1) {
		if !w.from.Has(s) {
			w.since[s] = n.now
		}
	}
	w.from = silent
}

// withheldOut is who may be removed for a silent agent: all from whom leases are withheld, in
// one cut, once the last of these has surely ended.
func (n *Node) withheldOut() Bitmap {
	w := &n.lead.withheld
	for s := w.from.First(); s < Slots; s = w.from.Next(s + 1) {
		if !n.ended(w.since[s]) {
			return Bitmap{}
		}
	}
	return w.from.And(n.lead.view.New)
}
