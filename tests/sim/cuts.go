package sim

import "fmt"

// One round (G6) and one cut (G7): a removal takes one beat and its echoes, and what fails together
// goes in one view.

// calm crashes hosts in a faultless network, each time when all is well: a removal takes
// one round (G6), and those that die together go together (G7).
func (w *World) calm() Outcome {
	for range 4 {
		most := (len(w.hosts) - 1) / 2
		victims := w.rng.Perm(len(w.hosts))[:1+w.rng.IntN(most)]
		lead, withLeader := w.leader(), false
		var rest []*host
		before := len(w.ledger.removals)
		hit := make([]bool, len(w.hosts))
		for _, id := range victims {
			hit[id] = true
			withLeader = withLeader || w.hosts[id] == lead
		}
		if !w.canGoOn(hit) {
			continue
		}
		for id, h := range w.hosts {
			if hit[id] {
				h.powerOff()
			} else {
				rest = append(rest, h)
			}
		}
		if !w.Until(w.patience(), func() bool { return w.agreed(rest) }) {
			return w.verdict(fmt.Sprintf("the survivors of %v did not agree", victims))
		}
		if w.judgeCuts(w.ledger.removals[before:], len(victims), withLeader); w.failure != nil {
			return Safety
		}
		for _, h := range w.hosts {
			h.powerOn()
		}
		if !w.Until(w.patience(), func() bool { return w.agreed(w.hosts) }) {
			return w.verdict("the crashed hosts did not come back")
		}
	}
	if w.failure != nil {
		return Safety
	}
	return Passed
}

// judgeCuts looks at the view changes that removed hosts which crashed at once.
func (w *World) judgeCuts(cuts []removal, victims int, withLeader bool) {
	fewest, most, cutsMost := 1, 1, 1
	if withLeader { // whoever succeeds it prepares in one round more
		most = 2
		if victims > 1 { // and may see the others fall only under its own ballot
			cutsMost = 2
		} else {
			fewest = 2
		}
	}
	if len(cuts) > cutsMost {
		w.fail("G7", "%d hosts crashed at once were removed in %d views", victims, len(cuts))
	}
	for i := range cuts {
		if r := &cuts[i]; r.carried != 1 {
			w.fail("G6", "%d beats carried the removal of %s until it was decided, not one", r.carried, slots(r.gone))
		}
	}
	if r := cuts[0].rounds; r != 0 && (r < fewest || r > most) { // 0: begun by one leader and finished by another
		w.fail("G6", "the removal of %s is said to have taken %d rounds, not %d", slots(cuts[0].gone), r, most)
	}
}

// leader is the host that leads as far as it knows, or nil.
func (w *World) leader() *host {
	var best *host
	for _, h := range w.hosts {
		r := h.reg
		if !h.up || h.agent.state == agentDead || r.Promised.Slot() != r.Slot {
			continue
		}
		if h.agent.node.Status(h.now(), &r).Role == "leader" && (best == nil || best.reg.Promised < r.Promised) {
			best = h
		}
	}
	return best
}
