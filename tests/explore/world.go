package explore

import (
	"fmt"
	"slices"
	"time"

	"rollcall/control"
)

// slots is how many slots the groups of a world use at most.
const slots = 8

// The timing of every group: two missed rounds accuse, so that removals take few events.
const (
	interval = 100 * time.Millisecond
	rounds   = 2
	nap      = 20 * interval // long enough to stand, and to ask again for whatever was asked for
	forever  = time.Duration(1) << 62
)

const cluster = 0x6578706c6f7265

// World is some hosts and what is on its way between them. Events change it; it never
// changes by itself.
type World struct {
	hosts    []*host // shared with the world it was copied from, until one of them changes
	founders []string
	frames   []packet
	letters  []letter
	ledger   ledger
	keep     bool // what is delivered stays on its way, to be delivered again
	prompt   bool // agents look as soon as they are woken, and probes are lost
	trace    func(line string)
	seen     func(*sighting)   // instead of the ledger
	scratch  *[2]control.Tally // a whole tally, of which the hosts keep a few members; shared by copies
}

// packet is a frame on its way. The frame is shared by copies of the world.
type packet struct {
	from, to int
	frame    *control.Frame
}

// letter is a message on its way.
type letter struct {
	to      int
	message *control.Message
}

// host is one machine.
type host struct {
	id   int
	peer control.Peer

	record control.InstanceRecord // on its disk
	boots  uint32
	drawn  uint32 // incarnations so far
	clock  control.Time
	last   viewKey // installed

	up       bool
	reg      control.Register
	asking   control.Asking
	heard    [slots]control.Heard
	members  [slots]control.Member
	expected [slots]uint64 // as the last roster names them
	routes   [slots]int8   // host in each slot; -1: nobody
	rosters  []*control.Roster

	node  *control.Node
	wakes control.Wake
	sent  control.Time

	owner  *World // that may change this host
	thinks *World // that may change its node
	sum    uint64 // digest; 0: not known
}

// New makes a world of hosts that are switched off, of which the first are founders. It and its
// copies belong to one goroutine.
func New(n, founders int) *World {
	w := &World{scratch: new([2]control.Tally)}
	for i := range n {
		h := &host{id: i, owner: w, thinks: w}
		w.hosts = append(w.hosts, h)
		h.peer = control.Peer{Name: fmt.Sprintf("n%d", i), RPC: fmt.Sprintf("n%d:1", i)}
		h.clock = control.Time(time.Hour) * control.Time(i+1)
		if i < founders {
			w.founders = append(w.founders, h.peer.Name)
		}
	}
	return w
}

// Clone copies the world; neither the copy nor the original sees what the other does later.
func (w *World) Clone() *World {
	c := *w
	c.hosts = slices.Clone(w.hosts)
	c.frames, c.letters = slices.Clone(w.frames), slices.Clone(w.letters)
	c.ledger = *w.ledger.Clone()
	return &c
}

// own is a host that is about to change.
func (w *World) own(i int) *host {
	h := w.hosts[i]
	if h.owner != w {
		c := *h
		c.owner = w
		h, w.hosts[i] = &c, &c
	}
	h.sum = 0
	return h
}

// Violation is the first guarantee that was broken, or nil.
func (w *World) Violation() error { return w.ledger.violation }

// number is which host has a name or an address.
func number(name string) int { return int(name[1] - '0') }

// see tells the ledger, which knows of all hosts, what one of them did.
func (w *World) see(s sighting) {
	if w.seen != nil {
		w.seen(&s)
		return
	}
	w.ledger.Saw(&s)
}

func (w *World) tell(h *host, format string, args ...any) {
	if w.trace != nil {
		w.trace(fmt.Sprintf("n%d: %s", h.id, fmt.Sprintf(format, args...)))
	}
}

func (w *World) boot(h *host) {
	h.up = true
	h.boots++
	h.reg = control.Register{Incarnation: h.draw()}
	h.asking, h.heard, h.members, h.rosters = control.Asking{}, [slots]control.Heard{}, [slots]control.Member{}, nil
	h.route(&control.Roster{})
	w.start(h)
}

func (h *host) draw() uint64 {
	h.drawn++
	return control.IncarnationOf(h.boots, uint32(h.id+1)<<16|h.drawn)
}

// start starts an agent; it finds the register that the last one left.
func (w *World) start(h *host) {
	c := control.Config{
		Cluster: "explore", ClusterID: cluster, Self: h.peer, Interval: interval, Rounds: rounds,
		FoundWait: nap, AgentGrace: forever, Founders: w.founders, Record: h.record, Rosters: h.rosters,
	}
	for i := range w.hosts {
		c.Contacts = append(c.Contacts, w.hosts[i].peer.RPC)
	}
	h.node, h.thinks = control.New(c), w
	h.sent, h.wakes = 0, 0
	w.step(h, control.Input{})
}

func (w *World) crash(h *host) {
	w.see(sighting{what: forgot, host: h.id})
	*h = host{id: h.id, peer: h.peer, record: h.record, boots: h.boots, drawn: h.drawn, clock: h.clock, last: h.last, owner: w, thinks: w}
}

// tally lays the few members out as a node and a kernel expect them.
func (h *host) tally(t *control.Tally) *control.Tally {
	t.Asking = h.asking
	copy(t.Heard[:], h.heard[:])
	copy(t.Members[:], h.members[:])
	return t
}

func (h *host) took(t *control.Tally) {
	h.asking = t.Asking
	copy(h.heard[:], t.Heard[:slots])
	copy(h.members[:], t.Members[:slots])
}

// step lets an agent look, and carries out what it says at once.
func (w *World) step(h *host, in control.Input) {
	if h.thinks != w {
		h.node, h.thinks = nodes.Copy(h.node), w
	}
	h.reg.AgentAt = h.clock
	r := h.reg
	in.Register, in.Tally, in.Wake, in.Sent = &r, h.tally(&w.scratch[0]), h.wakes, h.sent
	h.wakes = 0
	out := h.node.Step(h.clock, in)
	if out.Record != nil {
		h.record = *out.Record
	}
	if len(out.Rosters) > 0 {
		h.rosters = append([]*control.Roster(nil), out.Rosters...)
		h.route(out.Rosters[0])
	}
	for i := range out.Commands {
		c, t := out.Commands[i], h.tally(&w.scratch[1])
		if c.Kind == control.CommandVacate {
			c.Incarnation = h.draw()
		}
		control.Apply(&c, &h.reg, t)
		h.took(t)
		w.beat(h)
	}
	for i := range out.Frames {
		w.ask(h, &out.Frames[i])
	}
	for i := range out.Messages {
		w.post(h, &out.Messages[i])
	}
	if out.View != nil {
		w.install(h, out.View)
	}
	if w.trace != nil {
		for i := range out.Events {
			e := &out.Events[i]
			w.tell(h, "  %s seq %d to %d, joined %v, removed %v: %s", e.Kind, e.From, e.To, e.Joined, e.Removed, e.Why)
		}
	}
}

func (h *host) route(r *control.Roster) {
	for i := range h.routes {
		h.routes[i], h.expected[i], h.members[i].Expected = -1, 0, 0
	}
	for i := range r.Seats {
		s := &r.Seats[i]
		h.routes[s.Slot] = int8(number(s.Name))
		h.expected[s.Slot], h.members[s.Slot].Expected = s.Incarnation, s.Incarnation
	}
}

// due is when the host's next beat should leave.
func (h *host) due() control.Time {
	t := control.Tally{Asking: h.asking}
	return t.Due()
}

// beat has the next beat leave, if one is due or ordered.
func (w *World) beat(h *host) {
	if h.asking.Beating == 0 {
		return
	}
	t, before := h.tally(&w.scratch[1]), h.reg
	f, to, wake, sent := t.Beat(h.clock, &h.reg, nil)
	h.took(t)
	h.wakes |= wake
	if sent {
		w.changed(h, &before)
		to.Clear(h.reg.Slot)
		w.sendAll(h, to, f)
	}
}

// ask delivers an ask to the host itself and puts it on its way to others.
func (w *World) ask(h *host, o *control.Outgoing) {
	f := o.Frame
	f.Sent, h.sent = h.clock, h.clock
	to := o.To
	if h.reg.State != control.RegisterVacant && to.Has(h.reg.Slot) {
		to.Clear(h.reg.Slot)
		own := f
		own.To = h.reg.Slot
		before := h.reg
		t := h.tally(&w.scratch[1])
		out := control.Deliver(h.clock, &h.reg, t, own)
		h.took(t)
		h.wakes |= out.Wake
		w.changed(h, &before)
	}
	w.sendAll(h, to, f)
}

func (w *World) sendAll(h *host, to control.Bitmap, f control.Frame) {
	for s := to.First(); s < slots; s = to.Next(s + 1) {
		if h.routes[s] >= 0 {
			f.To = f.For(s)
			w.send(h, int(h.routes[s]), f)
		}
	}
}

func (w *World) send(h *host, to int, f control.Frame) {
	if w.prompt && f.Kind == control.KindProbe {
		return
	}
	w.frames = append(w.frames, packet{from: h.id, to: to, frame: &f})
}

func (w *World) post(h *host, l *control.Letter) {
	m := l.Message
	if err := m.Validate(); err != nil {
		w.see(broken(h, "contract", "n%d sends a bad message: %v", h.id, err))
	}
	w.letters = append(w.letters, letter{to: number(l.To), message: &m})
}

// receive is what the kernel of a host does with a frame.
func (w *World) receive(p packet) {
	if !w.hosts[p.to].up {
		return
	}
	h := w.own(p.to)
	f := *p.frame
	switch f.Kind {
	case control.KindEcho, control.KindPromise, control.KindAnswer:
		r := &h.reg
		if r.State == control.RegisterVacant || f.Instance != r.Instance || f.To != r.Slot {
			return
		}
		t := h.tally(&w.scratch[0])
		o := t.Receive(h.clock, &f)
		h.took(t)
		h.wakes |= o.Wake
		w.counted(h, &f, o.Reason)
	default:
		before := h.reg
		o := h.reg.Receive(h.clock, &f)
		h.wakes |= o.Wake
		w.changed(h, &before)
		if o.Reply {
			w.send(h, p.from, f)
		}
	}
}
