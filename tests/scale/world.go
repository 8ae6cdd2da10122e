package scale

import (
	"fmt"
	"math/rand/v2"
	"time"

	"rollcall/control"
)

// Shape is how many groups of how many nodes a cluster is of.
type Shape struct {
	Branches int // groups of level 1; 1: that one is the top, and there are two levels
	Groups   int // of level 0 in each branch
	PerGroup int
}

// Nodes is how many there are.
func (s Shape) Nodes() int { return s.Branches * s.Groups * s.PerGroup }

// Top is the highest level.
func (s Shape) Top() uint8 {
	if s.Branches > 1 {
		return 2
	}
	return 1
}

// Options are what a run is made of.
type Options struct {
	Shape
	Seed     uint64
	EachBeat bool          // idle groups are simulated beat by beat, too
	PutAway  bool          // agents of idle groups are put away (away.go)
	Newcomer bool          // so are those of hosts that come after the first of their groups (newcomer.go)
	Interval time.Duration // between rounds; 0: that of profile safe
}

// What does not differ between runs.
const (
	cluster    = "scale"
	clusterID  = 0x5ca1e
	rounds     = 5
	quarantine = 3
	frameTakes = 50 * time.Microsecond // one way
	letterTake = time.Millisecond
	wakeTakes  = 20 * time.Microsecond // from a reason to the agent's step
	second     = control.Time(time.Second)
)

// World is a cluster.
type World struct {
	Options
	rng      *rand.Rand
	now      time.Duration
	queue    queue
	order    uint64
	hosts    []host
	groups   []group
	founders []string
	contents *contents
	meter    meter
	watch    watch
	events   [16]int // by control.EventKind
	failure  error
	Trace    func(string)
	Focus    string
	watches  uint32 // timers that were set
	starting bool   // not all hosts were switched on yet

	// Scratch, and what hosts without any of their own share.
	regs    [control.Places]control.Register
	plain   [control.Places]control.Register // all but the first are vacant
	blank   control.Tally
	tallies []*control.Tally // not in use
	batches []*batch         // likewise
	telling *telling         // the last that was sent

	versioned *control.Roster // whose version was asked for last …
	versionOf uint64          // … and is this
	relays    control.Relays
}

// New makes a world whose hosts are switched off.
func New(o Options) *World {
	if o.Interval == 0 {
		o.Interval = 100 * time.Millisecond
	}
	w := &World{Options: o, rng: rand.New(rand.NewPCG(o.Seed, 0x7363616c65)), contents: newContents()}
	w.meter.start()
	w.watch.start(w)
	w.groups = make([]group, o.Branches*o.Groups)
	w.hosts = make([]host, o.Nodes())
	for i := range w.groups {
		g := &w.groups[i]
		g.w = w
		g.number = uint16(i/o.Groups*control.PerBranch + i%o.Groups)
		g.hosts = w.hosts[i*o.PerGroup : (i+1)*o.PerGroup]
		for j := range g.hosts {
			g.hosts[j].init(w, g, i*o.PerGroup+j)
		}
	}
	apart := 1
	if o.Branches > 1 {
		apart = o.Groups
	}
	var contacts []string
	for i := range min(3, len(w.groups)) {
		f := &w.groups[i*apart%len(w.groups)].hosts[0]
		w.founders, contacts = append(w.founders, f.peer.Name), append(contacts, f.peer.RPC)
	}
	for i := range w.groups {
		g := &w.groups[i]
		if g.contacts = contacts; o.PutAway {
			g.contacts = append([]string{g.hosts[0].peer.RPC}, contacts...)
		}
	}
	return w
}

func (w *World) after(d time.Duration, e event) {
	w.order++
	e.at, e.order = w.now+max(d, 0), w.order
	w.queue.push(e)
}

// At has something done after a while.
func (w *World) At(d time.Duration, do func()) { w.after(d, event{kind: kindDo, of: do}) }

// Run lets time pass, until stop says so if it is not nil, and reports whether it did.
func (w *World) Run(d time.Duration, stop func() bool) bool {
	end := w.now + d
	for len(w.queue.list) > 0 && w.queue.list[0].at <= end && w.failure == nil {
		e := w.queue.pop()
		w.now = e.at
		w.do(&e)
		if stop != nil && stop() {
			return true
		}
	}
	if w.failure == nil {
		w.now = end
	}
	return false
}

func (w *World) do(e *event) {
	h := e.host
	switch e.kind {
	case kindStep:
		if e.token == h.stepping && h.up {
			h.step()
		}
	case kindBeat:
		if l := h.lead; l != nil && e.token == l.pacing[e.place.Level()] {
			h.beat(e.place.Level())
		}
	case kindAsk:
		w.ask(e.of.(*batch))
	case kindAnswers:
		w.answers(e.of.(*batch))
		w.done(e.of.(*batch))
	case kindSilent:
		h.silent(e.place, e.token)
	case kindLetter:
		h.read(e.of.(*letter))
	case kindTold:
		w.told(e.of.(*telling))
	case kindDo:
		e.of.(func())()
	}
}

func (w *World) fail(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf("seed %d, at %v: %s", w.Seed, w.now, fmt.Sprintf(format, args...))
	}
}

// tally is a blank one that is not in use.
func (w *World) tally() *control.Tally {
	if n := len(w.tallies); n > 0 {
		t := w.tallies[n-1]
		w.tallies = w.tallies[:n-1]
		*t = control.Tally{}
		return t
	}
	return new(control.Tally)
}

// lost reports whether what one host sends another by the network now does not arrive.
func (w *World) lost(from, to *host) bool {
	if !from.up || !to.up || from == to {
		return from != to || !to.up
	}
	if p := max(from.lossOut, to.lossIn); p > 0 {
		return p >= 1 || w.rng.Float32() < p
	}
	return false
}

// root is the host that leads the top, or nil.
func (w *World) root() *host { return w.leader(w.Top(), 0) }

// leader is the host that leads a group, or nil.
func (w *World) leader(level uint8, number uint16) (best *host) {
	p := control.SeatAt(level)
	ballot := control.Ballot(0)
	for i := range w.hosts {
		h := &w.hosts[i]
		if !h.leads(level) {
			continue
		}
		if r := h.at(p); r.Group == number && r.Promised > ballot {
			best, ballot = h, r.Promised
		}
	}
	return best
}

// leads reports whether the host leads a group of that level, as far as it knows.
func (h *host) leads(level uint8) bool {
	if h.lead == nil || h.lead.tallies[level] == nil {
		return false
	}
	r, t := h.at(control.SeatAt(level)), h.lead.tallies[level]
	return r.State == control.RegisterMember && t.Beating != 0 && t.Ballot == r.Promised
}

// seats counts those who vote at the top.
func (w *World) seats() int {
	root := w.root()
	if root == nil {
		return 0
	}
	return control.Voters(w.Top(), root.at(control.SeatAt(w.Top())).Committed.Members).Len()
}
