package levels

import (
	"fmt"
	"slices"
	"time"

	"rollcall/control"
	"rollcall/tests/explore/search"
)

// The timing of every group: four missed rounds accuse at level 0, eight at level 1.
const (
	interval = 100 * time.Millisecond
	rounds   = 4
	nap      = 50 * interval // longer than anything that a host waits for
	forever  = time.Duration(1) << 62
	cluster  = 0x6c6576656c73
	top      = 1
	branches = top + 1
	places   = 2 * branches
)

// slots are those that anybody has: members and leaders of groups, and seats.
var slots = [...]uint16{0, 1, 2, 3, 248, 249, 250, 251, 252, 253}

// World is the hosts of some groups, and what is on its way between them. Events change it; it
// never changes by itself.
type World struct {
	hosts   []*host // shared with the world it was copied from, until one of them changes
	parcels []parcel
	ledger  ledger
	prompt  bool // agents look as soon as they are woken, and probes are lost
	abreast bool // time passes at all hosts at once, and leases are looked at
	trace   func(line string)
	seen    func(sighting)    // instead of the ledger
	scratch *[4]control.Tally // whole ones, of which hosts keep a few slots; shared by copies
}

// host is one machine. A copy of it shares what is behind pointers and slices, which are
// replaced where they change.
type host struct {
	id    int
	group uint16
	peer  control.Peer

	record control.InstanceRecord // on its disk
	drawn  uint64                 // incarnations so far
	clock  control.Time
	shown  epoch    // the last that it published
	left   []uint64 // incarnations of registers that it gave up: its agent knows how they ended
	cut    bool     // off from all others

	up      bool
	regs    [places]control.Register
	tallies [branches]tally
	held    [control.Places][]*control.Roster

	agent *control.Host
	wakes [control.Places]control.Wake
	sent  control.Time

	owner  *World // that may change this host
	thinks *World // that may change its agent
	sum    uint64 // digest; 0: not known
}

// tally is what a host keeps of a level's.
type tally struct {
	asking  control.Asking
	heard   [len(slots)]control.Heard
	members [len(slots)]control.Member
	routes  [len(slots)]int8 // host in each slot; -1: nobody
}

// New makes a world of groups of so many hosts each, which are switched off. The first hosts of so
// many groups are founders. It and its copies belong to one goroutine.
func New(groups, perGroup, founders int) *World {
	w := &World{scratch: new([4]control.Tally)}
	w.ledger.founders = founders
	for i := range groups * perGroup {
		h := &host{id: i, group: uint16(i / perGroup), owner: w, thinks: w}
		h.peer = control.Peer{Name: fmt.Sprintf("n%d", i), RPC: fmt.Sprintf("n%d:1", i)}
		h.clock = control.Time(time.Hour) * control.Time(i+1)
		h.forget()
		w.hosts = append(w.hosts, h)
	}
	return w
}

// in lists the hosts of a group.
func (w *World) in(group uint16) (l []*host) {
	for _, h := range w.hosts {
		if h.group == group {
			l = append(l, h)
		}
	}
	return l
}

// founders are the first hosts of the first groups.
func (w *World) founders() (names []string) {
	for g := range w.ledger.founders {
		names = append(names, w.in(uint16(g))[0].peer.Name)
	}
	return names
}

// Clone copies the world; neither the copy nor the original sees what the other does later.
func (w *World) Clone() *World {
	c := *w
	c.hosts, c.parcels = slices.Clone(w.hosts), slices.Clone(w.parcels)
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
		w.seen(s)
		return
	}
	w.ledger.Saw(&s)
}

func (w *World) tell(h *host, format string, args ...any) {
	if w.trace != nil {
		w.trace(fmt.Sprintf("n%d: %s", h.id, fmt.Sprintf(format, args...)))
	}
}

func (h *host) draw() uint64 {
	h.drawn++
	return uint64(h.id+1)<<16 | h.drawn
}

// forget is what a host without power does.
func (h *host) forget() {
	h.regs, h.tallies, h.held = [places]control.Register{}, [branches]tally{}, [control.Places][]*control.Roster{}
	for level := range h.tallies {
		h.route(uint8(level), &control.Roster{})
	}
}

func (w *World) boot(h *host) {
	h.up = true
	h.forget()
	for p := range h.regs {
		h.regs[p].Incarnation = h.draw()
	}
	w.start(h)
}

func (w *World) crash(h *host) {
	var gone []uint64
	for p := range h.regs {
		gone = append(gone, h.regs[p].Incarnation)
	}
	w.forget(h, gone...)
	h.forget()
	// what it shows next is another incarnation's
	h.up, h.agent, h.wakes, h.shown = false, nil, [control.Places]control.Wake{}, epoch{}
}

// forget tells of registers that are no more, and of those that the agent, which is killed, gave up: only a
// founder's disk knows how they ended.
func (w *World) forget(h *host, gone ...uint64) {
	if !slices.Contains(w.founders(), h.peer.Name) {
		gone = append(gone, h.left...)
	}
	h.left = nil
	w.see(sighting{what: forgot, host: h.id, gone: gone})
}

// start starts an agent; it finds the registers that the last one left.
func (w *World) start(h *host) {
	c := control.HostConfig{Top: top, Held: h.held}
	c.Config = control.Config{
		Cluster: "explore", ClusterID: cluster, Self: h.peer, Group: h.group, Interval: interval, Rounds: rounds,
		FoundWait: 20 * interval, AgentGrace: forever, Founders: w.founders(), Record: h.record,
	}
	for _, name := range c.Founders {
		c.Contacts = append(c.Contacts, w.hosts[number(name)].peer.RPC)
	}
	h.agent, h.thinks = control.NewHost(c), w
	h.sent, h.wakes = 0, [control.Places]control.Wake{}
	w.step(h, control.HostInput{})
}

// known is the highest epoch that the host's kernel knows of: all that an agent which is killed leaves
// to the next. What came by a letter that was ahead of every beat is forgotten with it.
func (h *host) known() uint64 {
	return max(h.regs[0].Epoch, h.regs[control.PlaceOf(top, 0)].Committed.Seq, h.regs[control.SeatAt(top)].Committed.Seq)
}

// step lets an agent look, and carries out what it says at once.
func (w *World) step(h *host, in control.HostInput) {
	if h.thinks != w {
		h.agent, h.thinks = agents.Copy(h.agent), w
	}
	var regs [control.Places]control.Register
	for p := range h.regs {
		h.regs[p].AgentAt = h.clock
		regs[p] = h.regs[p]
	}
	var tallies [control.Levels]*control.Tally
	for level := range h.tallies {
		tallies[level] = h.tally(uint8(level), &w.scratch[level])
	}
	in.Registers, in.Tallies, in.Wakes, in.Sent = &regs, &tallies, h.wakes, h.sent
	h.wakes = [control.Places]control.Wake{}
	out := h.agent.Step(h.clock, in)
	w.carry(h, &out)
}

func (w *World) carry(h *host, out *control.HostOutput) {
	if out.Record != nil {
		h.record = *out.Record
		w.see(sighting{what: recorded, host: h.id, view: numbered{instance: h.record.Instance, group: h.group, seq: h.record.Epoch}})
	}
	for _, r := range out.Rosters {
		h.held[r.Place] = slices.Clone(r.Rosters)
		if r.Place.Votes() {
			h.route(r.Place.Level(), r.Rosters[0])
		}
	}
	for i := range out.Commands {
		c := out.Commands[i]
		if c.Kind == control.CommandVacate {
			c.Incarnation = h.draw()
			h.left = append(slices.Clip(h.left), h.regs[c.Place()].Incarnation)
		}
		t := h.tally(c.Level, &w.scratch[2])
		control.Apply(&c, &h.regs[c.Place()], t)
		h.took(c.Level, t)
		w.beat(h, c.Level)
	}
	for i := range out.Frames {
		o := &out.Frames[i]
		o.Frame.Sent, h.sent = h.clock, h.clock
		w.ask(h, o)
	}
	for i := range out.Messages {
		w.post(h, &out.Messages[i])
	}
	if out.Group != nil {
		w.see(formed(h, out.Group))
	}
	if out.View != nil {
		w.install(h, out.View)
	}
	for i := range out.Events {
		e := &out.Events[i]
		w.tell(h, "  %s level %d, %d to %d, joined %v, removed %v: %s", e.Kind, e.Level, e.From, e.To, e.Joined, e.Removed, e.Why)
		if e.Kind == control.EventMismatch {
			w.see(broken(h, "G1", "n%d: %s", h.id, e.Why))
		}
	}
}

var _ search.Walker = (*World)(nil)
