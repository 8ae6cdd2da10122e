package sim

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"rollcall/control"
)

// Outcome is the class of a run's end.
type Outcome string

// The outcomes.
const (
	Passed   Outcome = "passed"
	Excused  Outcome = "excused"  // no quorum was left, so no progress was owed
	Safety   Outcome = "safety"   // a guarantee was broken
	Liveness Outcome = "liveness" // a healthy core did not agree in time
	Crash    Outcome = "crash"    // the code panicked
)

// Result is what a run came to.
type Result struct {
	Options
	Stats
	Outcome   Outcome
	Violation *Violation
	Final     string        // every host at the end
	Took      time.Duration // true time of the liveness phase
	Simulated time.Duration
}

// Run does one random run.
func Run(o Options, newNode func(control.Config) Node, trace func(line string)) (res Result) {
	w := New(o, newNode, trace)
	res.Options, res.Outcome = o, Passed
	defer func() {
		if p := recover(); p != nil {
			w.fail("crash", "%v\n%s", p, debug.Stack())
			res.Outcome = Crash
		}
		res.Stats, res.Violation, res.Simulated = w.Stats, w.failure, time.Duration(w.now)
		if res.Outcome != Crash {
			res.Final = w.Describe()
		}
	}()
	w.tell(-1, "options", "%s", o)
	if o.Settle {
		w.Weather = Weather{}
	}
	for _, h := range w.hosts {
		w.after(w.upto(o.FoundWait), func() { w.unlessOver(h.powerOn) })
	}
	switch {
	case o.Settle && !w.Until(w.patience(), func() bool { return w.agreed(w.hosts) }):
		res.Outcome = w.verdict("no cluster was founded")
	case o.Class == Calm:
		res.Outcome = w.calm()
	default:
		w.Weather = o.Weather
		end := w.now + Instant(o.Safety)*Instant(o.Interval)
		w.misfortune()
		res.Options = w.Options
		if w.until(end, nil); w.failure != nil {
			res.Outcome = Safety
			break
		}
		began := w.now
		res.Outcome = w.recovery()
		res.Took = time.Duration(w.now - began)
	}
	return res
}

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
		if gone[id] || !h.up || r.State == control.RegisterVacant || r.Instance != c.instance {
			continue
		}
		if !h.leaves { // who leaves may be gone before it is needed
			voters.Set(r.Slot)
		}
		found = found || id < w.Contacts && h.holds(c) && !h.leaves
		known = max(known, r.Committed.Seq)
		if a := &r.Accepted; highest.Less(a.Ballot, a.Seq) {
			highest = *a
		}
	}
	return found && control.Quorum(voters, highest.New) && (known >= highest.Seq || control.Quorum(voters, highest.Old))
}

// canFound reports whether most founders are there to found the first instance.
func (w *World) canFound(gone []bool) bool {
	there := 0
	for id := range w.Founders {
		if !gone[id] && !w.hosts[id].leaves {
			there++
		}
	}
	return 2*there > w.Founders
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
	return h.up && r.State != control.RegisterVacant && r.Instance == c.instance && c.proposal.New.Has(r.Slot)
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
		cuts := w.ledger.removals[before:]
		fewest, rounds, cutsMost := 1, 1, 1
		if withLeader { // whoever succeeds it prepares in one more
			rounds = 2
			if len(victims) > 1 { // and may see the others fall only under its own ballot
				cutsMost = 2
			} else {
				fewest = 2
			}
		}
		if len(cuts) > cutsMost {
			w.fail("G7", "%d hosts crashed at once were removed in %d views", len(victims), len(cuts))
			return Safety
		}
		if r := cuts[0].rounds; r != 0 && (r < fewest || r > rounds) { // 0: begun by one leader and finished by another
			w.fail("G6", "the removal of %v took %d rounds, not %d", victims, cuts[0].rounds, rounds)
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
