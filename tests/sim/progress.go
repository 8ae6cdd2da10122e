package sim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"rollcall/control"
)

// Progress (G8): while a quorum of the last view's kernels can exchange frames and one of their
// agents runs, there is a leader and a next view. The second phase of a run asks for it.

// patience is how long a healthy group may take to agree, in true time.
func (w *World) patience() time.Duration {
	return 5*w.FoundWait + 20*w.JoinWindow + 300*w.Interval + 10*time.Second
}

// verdict says why an agreement that was waited for did not come.
func (w *World) verdict(what string) Outcome {
	if w.failure != nil {
		return Safety
	}
	w.fail("liveness", "%s within %v", what, w.patience())
	return Liveness
}

// agreed reports whether the hosts all published one view, of exactly themselves, and may
// all trust it.
func (w *World) agreed(core []*host) bool {
	if len(core) == 0 {
		return false
	}
	first := core[0].agent.view
	if first == nil || len(first.Members) != len(core) {
		return false
	}
	for _, h := range core {
		v := h.agent.view
		if !h.up || v == nil || v.Instance != first.Instance || v.Epoch != first.Epoch || v.Hash() != first.Hash() ||
			!h.reg.Valid(h.now()) {
			return false
		}
		in := false
		for _, m := range v.Members {
			in = in || m.Name == h.name && m.Incarnation == h.reg.Incarnation
		}
		if !in {
			return false
		}
	}
	return true
}

// recovery ends all faults for a random core, and waits until it agrees.
func (w *World) recovery() Outcome {
	w.over, w.late = true, max(w.LateMax, 8*w.Interval)
	w.Weather = Weather{}
	w.net.heal()
	w.Class = Chaos // who is left outside now may be removed
	for _, h := range w.hosts {
		if h.up {
			h.recover()
		}
	}
	core := w.drawCore()
	var who []string
	for _, h := range core {
		who = append(who, h.name)
		h.powerOn()
	}
	w.Run(w.late + w.Interval) // what was on its way when the others went may still be accepted
	owed := w.owed(core)
	w.tell(-1, "recovery", "core %v, progress owed: %v", who, owed)
	if len(core) == 0 { // everybody was told to leave
		return Excused
	}
	if w.Until(w.patience(), func() bool { return w.agreed(core) }) {
		return Passed
	}
	if w.failure == nil && !owed {
		return Excused
	}
	return w.verdict(fmt.Sprintf("%v did not agree", who))
}

// recover gives the agent of a running host all the CPU time it wants.
func (h *host) recover() {
	h.contAgent()
	h.startAgent()
	h.agent.stall = 0
	h.plan()
}

// owed reports whether the hosts of the core must be able to go on.
func (w *World) owed(core []*host) bool {
	gone := make([]bool, len(w.hosts))
	for id, h := range w.hosts {
		gone[id] = !slices.Contains(core, h)
	}
	return w.canGoOn(gone)
}

// drawCore chooses the hosts that stay, and isolates or switches off some others.
func (w *World) drawCore() (core []*host) {
	gone := make([]bool, len(w.hosts))
	rng := rand.New(rand.NewPCG(w.Seed, 0x636f7265))
	for _, id := range rng.Perm(len(w.hosts)) {
		h := w.hosts[id]
		if h.leaves || rng.IntN(3) != 0 || w.ledger.head == nil || id < w.Contacts {
			continue // everybody must be able to find somebody
		}
		gone[id] = true
		if !w.canGoOn(gone) {
			gone[id] = false
		}
	}
	for id, h := range w.hosts {
		switch {
		case gone[id] && rng.IntN(2) == 0:
			h.powerOff()
		case gone[id]:
			w.isolate(id, true)
		case !h.leaves:
			core = append(core, h)
		}
	}
	return core
}

// canGoOn reports whether those who are not gone hold enough registers to decide whatever
// may have been proposed, and somebody among them to be found by the others.
func (w *World) canGoOn(gone []bool) bool {
	c := w.ledger.head
	if c == nil {
		return w.canFound(gone)
	}
	var voters control.Bitmap
	found, known := false, uint64(0)
	highest := c.proposal
	for id, h := range w.hosts {
		r := &h.reg
		found = found || id < w.Contacts && !gone[id] && !h.leaves // whoever leads tells it
		if gone[id] || !h.up || r.State == control.RegisterVacant || r.Instance != c.instance || w.ledger.replaced(h, c) {
			continue
		}
		if !h.leaves { // who leaves may be gone before it is needed
			voters.Set(r.Slot)
		}
		known = max(known, r.Committed.Seq)
		if a := &r.Accepted; highest.Less(a.Ballot, a.Seq) {
			highest = *a
		}
	}
	return found && control.Quorum(voters, highest.New) && (known >= highest.Seq || control.Quorum(voters, highest.Old))
}

// canFound reports whether most founders are there to found the first instance, and most of the voters of each that
// somebody voted for, if its proposer can not say that it came to nothing.
func (w *World) canFound(gone []bool) bool {
	there := map[string]bool{}
	for id := range w.Founders {
		if h := w.hosts[id]; !gone[id] && !h.leaves {
			there[h.name] = true
		}
	}
	if 2*len(there) <= w.Founders {
		return false
	}
	for id := range w.Founders {
		h := w.hosts[id]
		if gone[id] && !h.leaves || !h.up || h.disk == nil { // who leaves may stay, and tell of it
			continue
		}
		var r control.InstanceRecord
		_ = json.Unmarshal(h.disk, &r) // written by save
		for _, v := range r.Votes {
			voters := 0
			for _, s := range v.Voters {
				if there[s.Name] {
					voters++
				}
			}
			if !there[v.Proposer] && 2*voters <= len(v.Voters) {
				return false
			}
		}
	}
	return true
}

// quorumWithout reports whether the group can go on without one more host.
func (w *World) quorumWithout(c *choice, without *host) bool {
	gone := make([]bool, len(w.hosts))
	gone[without.id] = true
	return !without.holds(c) || w.canGoOn(gone)
}

// holds reports whether the host has a voter's register of the decided view.
func (h *host) holds(c *choice) bool {
	r := &h.reg
	return h.up && r.State != control.RegisterVacant && r.Instance == c.instance && c.proposal.New.Has(r.Slot) &&
		!h.w.ledger.replaced(h, c)
}
