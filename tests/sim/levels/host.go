package levels

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"rollcall/control"
	"rollcall/view"
)

// host is one machine.
type host struct {
	w      *World
	id     int
	name   string
	group  uint16
	peer   control.Peer
	record control.InstanceRecord // on its disk
	rate   int64                  // thousandths of a second that its clock counts a second
	zero   time.Duration

	// The kernel's part.
	up         bool
	boots      int
	regs       [control.Places]control.Register
	relays     [control.Levels]*control.Relays // made where they are first used
	tallies    [control.Levels]*control.Tally
	routes     [control.Levels][control.Slots]*host
	held       [control.Places][]*control.Roster
	mute, deaf bool
	side       int // hosts reach those of their own side

	// The agent's part.
	agent   *control.Host
	stopped bool
	token   int
	steps   int
	pacing  [control.Levels]int // of the beat that is scheduled
	wakes   [control.Places]control.Wake
	inbox   []*control.Message
	order   control.Order
	sent    control.Time
	writing *control.InstanceRecord // on its way to the disk; nil: none
	view    *view.ClusterView
	left    []uint64 // incarnations of registers that it gave up: their ends it knows of
}

func newHost(w *World, group uint16, i int) *host {
	h := &host{w: w, id: len(w.hosts), group: group, name: nameOf(group, i), rate: 1000}
	if w.Drift > 0 {
		h.rate += int64(w.rng.IntN(2*w.Drift+1) - w.Drift)
	}
	h.zero = time.Duration(h.id+1) * time.Hour
	h.peer = control.Peer{Name: h.name, RPC: h.name + ":7746"}
	h.peer.Rails = []control.Endpoint{{UDP: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(h.id >> 8), byte(h.id)}), 7746)}}
	for l := range h.tallies {
		h.tallies[l] = new(control.Tally)
	}
	return h
}

func nameOf(group uint16, i int) string { return fmt.Sprintf("g%dn%d", group, i) }

func (h *host) clock() control.Time {
	return control.Time(h.zero + h.w.now/1000*time.Duration(h.rate))
}

// until is how long, in true time, the host's clock takes to get to t.
func (h *host) until(t control.Time) time.Duration {
	return time.Duration(t.Since(h.clock())) * 1000 / time.Duration(h.rate)
}

func (h *host) draw() uint64 {
	return control.IncarnationOf(uint32(h.id+1)<<16|uint32(h.boots), h.w.rng.Uint32())
}

func (h *host) boot() {
	if h.up {
		return
	}
	h.up = true
	h.boots++
	for p := range h.regs {
		h.regs[p] = control.Register{Incarnation: h.draw()}
	}
	for l := range h.tallies {
		*h.tallies[l] = control.Tally{}
		h.routes[l] = [control.Slots]*host{}
	}
	h.held = [control.Places][]*control.Roster{}
	h.w.tell(h, "boot", "")
	h.start()
}

func (h *host) crash() {
	if !h.up {
		return
	}
	h.kill()
	h.up = false
	for p := range h.regs {
		h.w.ledger.forget(h.regs[p].Incarnation)
	}
	h.regs = [control.Places]control.Register{}
	h.w.tell(h, "crash", "")
}

func (h *host) start() {
	if !h.up || h.agent != nil {
		return
	}
	w := h.w
	c := control.HostConfig{Top: w.Top, Held: h.held}
	c.Config = control.Config{
		Cluster: "levels", ClusterID: 0x1e5e1, Self: h.peer, Group: h.group, Interval: w.Interval, Rounds: 5,
		Prefer: w.Prefer, Avoid: w.Avoid, JoinWindow: 250 * time.Millisecond, FoundWait: 2 * time.Second, AgentGrace: 30 * time.Second, Record: h.record,
		WriteBehind: true,
	}
	for _, f := range w.founders() {
		c.Founders, c.Contacts = append(c.Founders, f.name), append(c.Contacts, f.peer.RPC)
	}
	h.agent = control.NewHost(c)
	h.wakes, h.inbox, h.order, h.sent, h.view = [control.Places]control.Wake{}, nil, 0, 0, nil
	for level := range h.tallies {
		h.pace(uint8(level))
	}
	h.poke()
}

// kill ends the agent; the registers serve on.
func (h *host) kill() {
	h.agent, h.stopped, h.writing = nil, false, nil
	h.token++
	if !slices.Contains(h.w.founders(), h) { // it has no disk either
		h.w.ledger.forget(h.left...)
	}
	h.left = nil
}

func (h *host) poke() { h.schedule(h.w.latency(0.001)) }

func (h *host) schedule(d time.Duration) {
	if h.agent == nil || h.stopped {
		return
	}
	h.token++
	token := h.token
	h.w.after(d, func() {
		if token == h.token && h.agent != nil && !h.stopped && h.up {
			h.step()
		}
	})
}

func (h *host) wake(p control.Place, why control.Wake) {
	if why != 0 && h.agent != nil {
		h.wakes[p] |= why
		h.poke()
	}
}

// step is the driver's contract of control.Host.
func (h *host) step() {
	now := h.clock()
	for p := range h.regs {
		h.regs[p].AgentAt = now
	}
	regs := h.regs
	in := control.HostInput{Registers: &regs, Tallies: &h.tallies, Wakes: h.wakes, Sent: h.sent, Unsaved: h.writing != nil, Order: h.order}
	if len(h.inbox) > 0 {
		in.Message, h.inbox = h.inbox[0], h.inbox[1:]
	}
	h.wakes, h.order = [control.Places]control.Wake{}, control.OrderNone
	h.w.Steps++
	h.steps++
	out := h.agent.Step(now, in)
	if h.w.Lie != nil {
		h.w.Lie(h, &out)
	}
	h.carry(&out)
	if len(h.inbox) > 0 || h.wakes != ([control.Places]control.Wake{}) {
		h.poke()
	} else {
		h.schedule(max(h.until(h.agent.Deadline()), h.w.Interval/1000))
	}
}

func (h *host) carry(out *control.HostOutput) {
	for i := range out.Events {
		h.w.ledger.happened(h, &out.Events[i])
	}
	if out.Record != nil {
		h.write(out.Record)
	}
	if out.RecordFirst {
		h.written(h.writing)
	}
	for _, r := range out.Rosters {
		h.held[r.Place] = r.Rosters
		h.w.ledger.name(r.Rosters)
		if r.Place.Votes() {
			h.name2slot(r.Place.Level(), r.Rosters[0])
		}
	}
	for i := range out.Commands {
		c := out.Commands[i]
		if c.Kind == control.CommandVacate {
			c.Incarnation = h.draw()
			h.left = append(h.left, h.regs[c.Place()].Incarnation)
		}
		control.Apply(&c, &h.regs[c.Place()], h.tallies[c.Level])
		h.beat(c.Level)
	}
	for i := range out.Frames {
		h.ask(&out.Frames[i])
	}
	for i := range out.Messages {
		h.post(&out.Messages[i])
	}
	if out.Group != nil {
		h.w.ledger.group(h, out.Group)
	}
	if out.View != nil {
		before := h.view
		h.view = out.View
		h.w.ledger.installed(h, before, out.View)
	}
}

// name2slot tells the kernel part who has the slots of a level.
func (h *host) name2slot(level uint8, r *control.Roster) {
	t := h.tallies[level]
	for i := range t.Members {
		t.Members[i].Expected = 0
	}
	h.routes[level] = [control.Slots]*host{}
	for i := range r.Seats {
		s := &r.Seats[i]
		t.Members[s.Slot].Expected = s.Incarnation
		h.routes[level][s.Slot] = h.w.named(s.Name)
	}
}

func (h *host) ask(o *control.Outgoing) {
	f := o.Frame
	f.Sent = h.clock()
	h.sent = f.Sent
	t := h.tallies[o.Place.Level()]
	own, to := o.Own(&h.regs, t)
	for _, p := range own {
		mine := f
		mine.To = h.regs[p].Slot
		was := h.mark(p)
		out := control.Deliver(h.clock(), &h.regs[p], t, mine)
		h.served(p, was)
		h.wake(p, out.Wake)
	}
	for slot := to.First(); slot < control.Slots; slot = to.Next(slot + 1) {
		f.To = f.For(slot)
		h.sendTo(slot, f)
	}
}

func (h *host) sendTo(slot uint16, f control.Frame) {
	if other := h.routes[f.Level][slot]; other != nil {
		h.w.send(h, other, f)
	}
}

// passOn sends a frame on to whom it is for.
func (h *host) passOn(r *control.Register, f control.Frame) {
	relays := &h.relays[f.Level]
	if *relays == nil {
		*relays = new(control.Relays)
	}
	if r.PassOn(*relays, &f).PassOn {
		h.sendTo(f.To, f)
	}
}

// receive is what the kernel does with a frame.
func (h *host) receive(from *host, f control.Frame) {
	if via := &h.regs[control.PlaceOf(f.Level, f.Via)]; via.Passes(&f) {
		h.passOn(via, f)
		return
	}
	p := control.PlaceOf(f.Level, f.To)
	r := &h.regs[p]
	switch f.Kind {
	case control.KindEcho, control.KindPromise, control.KindAnswer:
		if r.State == control.RegisterVacant || f.Instance != r.Instance || f.Group != r.Group || f.To != r.Slot {
			return
		}
		o := h.tallies[f.Level].Receive(h.clock(), &f)
		if h.w.Counted != nil {
			h.w.Counted(h, &f)
			o.Wake |= control.WakeQuorum
		}
		h.wake(p, o.Wake)
	default:
		was := h.mark(p)
		o := r.Receive(h.clock(), &f)
		if o.Reply {
			h.w.send(h, from, f)
		}
		h.served(p, was)
		h.wake(p, o.Wake)
	}
}

// served follows a register that may have taken a beat.
func (h *host) served(p control.Place, was mark) {
	h.w.ledger.changed(h, p, was)
	r := &h.regs[p]
	if r.BeatAt == was.beatAt || r.BeatAt == 0 {
		return
	}
	at, boots := r.BeatAt, h.boots
	h.w.after(r.SilentAfter(), func() {
		if h.up && h.boots == boots && h.regs[p].BeatAt == at {
			h.wake(p, control.WakeSilent)
		}
	})
}

// post sends a letter as the bytes it is on the wire.
func (h *host) post(l *control.Letter) {
	w := h.w
	w.Letters++
	body, err := json.Marshal(&l.Message)
	if err != nil || len(body) > control.MessageMax {
		w.fail("contract", "%s writes a letter of %d bytes: %v", h.name, len(body), err)
		return
	}
	if w.Trace != nil && l.Message.Kind != control.MessageHeld {
		w.tell(h, "letter", "%s of level %d to %s", l.Message.Kind, l.Message.Level, l.To)
	}
	if w.rng.Float64() < w.Options.Letters {
		return
	}
	for _, to := range w.hosts {
		if to.peer.RPC != l.To {
			continue
		}
		w.after(w.latency(0.05), func() {
			if to.agent == nil || !w.reaches(h, to) || !w.reaches(to, h) {
				return
			}
			m := new(control.Message)
			if err := json.Unmarshal(body, m); err != nil {
				w.fail("contract", "%v", err)
			} else if err := m.Validate(); err != nil {
				w.fail("contract", "%v", err)
			}
			to.inbox = append(to.inbox, m)
			to.poke()
		})
	}
}

func (h *host) stop() { h.stopped = h.agent != nil }

func (h *host) cont() {
	if h.stopped {
		h.stopped = false
		for level := range h.tallies {
			h.pace(uint8(level))
		}
		h.poke()
	}
}
