package sim

import (
	"time"

	"rollcall/control"
)

// remembered is how many rounds of a leader the accusation checker keeps.
const remembered = 128

// round is a beat that a leader sent and whose echoes reached it.
type round struct {
	number  uint64
	sent    control.Time
	counted bool // not one sent between two, to tell of a decision
	asked   control.Bitmap
	heard   control.Bitmap
}

// probing is a round of a deputy's probes. Those that go through others to who missed the one before belong to it.
type probing struct {
	sent  control.Time
	asked control.Bitmap
}

// record is what truly happened under one ballot of a leader or candidate, and to its probes
// before. It is kept beside the tally and from other sources, so that the two can be
// compared (G5).
type record struct {
	ballot   control.Ballot
	follows  control.Ballot // of the leader whose beats it took before
	silent   control.Time   // when it took the last of them
	last     uint64         // round
	lastAt   control.Time   // when the last round that counts left
	rounds   [remembered]round
	promised control.Bitmap // whose promise or refusal arrived
	seq      uint64         // proposed
	carried  int            // rounds that carried it

	probes   [16]probing // the newest first
	answered [control.Slots]control.Time
}

// stand begins the record of a ballot.
func (r *record) stand(ballot control.Ballot, g *control.Register) {
	*r = record{ballot: ballot, follows: g.BeatBallot, silent: g.BeatAt, probes: r.probes, answered: r.answered}
}

// campaign begins the record of a campaign. It may have the ballot of one that nobody heard of before this host
// followed another leader once more.
func (r *record) campaign(ballot control.Ballot, g *control.Register) {
	if ballot != r.ballot || g.BeatAt > r.silent {
		r.stand(ballot, g)
	}
}

// sent notes that an ask leaves.
func (r *record) sent(f *control.Frame, to control.Bitmap, g *control.Register, now control.Time, interval time.Duration) {
	switch f.Kind {
	case control.KindProbe:
		if f.Flags&control.FlagRelay == 0 {
			copy(r.probes[1:], r.probes[:])
			r.probes[0] = probing{now, to}
		}
	case control.KindBeat:
		if f.Ballot != r.ballot {
			r.stand(f.Ballot, g)
		}
		if f.Round > r.last {
			x := round{number: f.Round, sent: now, asked: to, counted: r.lastAt == 0 || now.Since(r.lastAt) >= interval-interval/4}
			if x.counted {
				r.lastAt = now
			}
			if r.last = f.Round; f.Ask.Seq != r.seq {
				r.seq, r.carried = f.Ask.Seq, 0
			}
			r.carried++
			r.rounds[f.Round%remembered] = x
		}
	}
}

// carried counts the beats that carried a proposal so far.
func (w *World) carried(p *control.Proposal) int {
	for _, h := range w.hosts {
		if h.led.ballot == p.Ballot && h.led.seq == p.Seq {
			return h.led.carried
		}
	}
	return 0
}

// heard notes an answer that the tally took.
func (r *record) heard(reason control.Reason, from uint16, number uint64, now control.Time) {
	switch reason {
	case control.ReasonEchoTaken, control.ReasonRelayedEcho:
		if x := &r.rounds[number%remembered]; x.number == number {
			x.heard.Set(from)
		}
	case control.ReasonPromiseTaken:
		r.promised.Set(from)
	case control.ReasonAnswerTaken:
		r.answered[from] = now
	}
}

// ripe is the age from which silence about a round counts: an interval, less what the
// leader's grid may jitter.
func ripe(interval time.Duration) time.Duration { return interval - interval/8 }

// missed counts the rounds after the last one that slot m answered, of those that may
// accuse it: it was asked, they are ripe and somebody else answered them. In a group of two nobody
// else could. Without any answer under the ballot the probes before count, too.
func (r *record) missed(m, self uint16, two bool, now control.Time, interval time.Duration) (n int, ever bool) {
	for i := r.last; i > 0 && r.last-i < remembered; i-- {
		x := &r.rounds[i%remembered]
		if x.number != i {
			break
		}
		if x.heard.Has(m) {
			return n, true
		}
		others := x.heard
		others.Clear(self)
		if x.counted && x.asked.Has(m) && now.Since(x.sent) >= ripe(interval) && (two || !others.Empty()) {
			n++
		}
	}
	if r.promised.Has(m) {
		return n, true
	}
	return n + r.ignored(m), false
}

// ignored counts the probes since the last leader fell silent that m left unanswered while
// somebody answered.
func (r *record) ignored(m uint16) (n int) {
	var last control.Time
	for s, at := range r.answered {
		if s != int(m) && at > last {
			last = at
		}
	}
	for _, p := range r.probes {
		if p.asked.Has(m) && p.sent > r.silent && p.sent > r.answered[m] && p.sent < last {
			n++
		}
	}
	return n
}

// judge looks at a view that an agent has just proposed, where the tally took it: whoever answered
// one of the last k rounds that count must not be removed for silence.
func (h *host) judge(c *control.Command) {
	gone := c.Old.Minus(c.New)
	if t := h.tally; t.Away != 0 || t.Ballot != c.Ballot || t.Seq != c.Seq || t.New != c.New {
		return // it was refused
	}
	if c.Kind != control.CommandBeat || gone.Empty() || h.w.ledger.known(h.reg.Instance, c) {
		return
	}
	for m := gone.First(); m < control.Slots; m = gone.Next(m + 1) {
		h.judgeOne(c, m)
	}
}

// givenUp names a leader that gave the lead up.
type givenUp struct {
	instance uint32
	ballot   control.Ballot
}

// accuse looks at the last beat of such a leader: whom it accuses must have missed k rounds.
func (h *host) accuse(f *control.Frame) {
	accused, k := f.Ask.Stale, int(f.Ask.Rounds)
	voters := f.Ask.New
	if f.Ask.Committed != f.Ask.Seq {
		voters = voters.Or(f.Ask.Old)
	}
	for m := accused.First(); m < control.Slots; m = accused.Next(m + 1) {
		if n, _ := h.led.missed(m, h.reg.Slot, voters.Len() == 2, h.now(), h.tally.Interval()); n < k {
			h.w.fail("G5", "%s gives the lead up and accuses slot %d after %d missed rounds that count, not %d", h.name, m, n, k)
		}
	}
	if h.w.accused == nil {
		h.w.accused = map[givenUp]control.Bitmap{}
	}
	h.w.accused[givenUp{f.Instance, f.Ballot}] = accused
}

// known reports whether the same content was proposed before, maybe by another leader.
func (l *ledger) known(instance uint32, c *control.Command) bool {
	for _, members := range l.proposed[viewKey{instance, c.Ballot.Generation(), c.Seq}] {
		if members == c.New {
			return true
		}
	}
	return false
}

func (h *host) judgeOne(c *control.Command, m uint16) {
	if h.w.OnStale && time.Duration(h.tally.Heard[m].AgentAgeMS)*time.Millisecond > h.w.AgentGrace {
		return // its kernel says that its agent is silent for longer than the operator allows
	}
	who, serves := "slot "+slots(control.Of(m)), false
	if other := h.agent.routes[m]; other != nil {
		who = other.name
		if other.farewell || other.newest != h.tally.Members[m].Expected {
			return // it said goodbye, or is somebody else since
		}
		serves = other.reg.State == control.RegisterMember && other.reg.Instance == h.reg.Instance
	}
	k, interval := int(c.Beats.Rounds), c.Beats.Interval()
	n, ever := h.led.missed(m, h.reg.Slot, c.Old.Len() == 2, h.now(), interval)
	if at := h.led.answered[m]; !ever && at <= h.led.silent && h.w.accused[givenUp{h.reg.Instance, h.led.follows}].Has(m) {
		n = max(n, k) // rounds of the leader before, which accuse saw
	}
	if m == h.led.follows.Slot() && !ever {
		half := (k + 1) / 2 // that many rounds of probes, be they apart as an agent that was interrupted sent them
		at := h.led.answered[m]
		if at != 0 && h.now().Since(at) < time.Duration(half)*interval && h.led.ignored(m) < half {
			h.w.fail("G5", "%s, who leads by %v now, removes the last leader %s, whose kernel answered", h.name, c.Ballot, who)
		}
		return
	}
	if n < k {
		h.w.fail("G5", "%s removes %s in %v/%d, round %d, after %d missed rounds that count, not %d",
			h.name, who, c.Ballot, c.Seq, h.led.last, n, k)
	}
	if h.w.Class == Starve && serves {
		h.w.fail("G5", "%s removes %s though only agents were starved", h.name, who)
	}
}
