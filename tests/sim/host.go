package sim

import (
	"fmt"
	"net/netip"
	"time"

	"rollcall/control"
)

// host is one machine. What is in it but the disk and the name ends with its power.
type host struct {
	w     *World
	id    int
	name  string
	peer  control.Peer
	clock clock
	disk  []byte // what a founder wrote down

	up      bool
	boot    uint32 // counts power-ups
	reg     control.Register
	tally   *control.Tally
	relays  control.Relays
	rosters []*control.Roster // kept beside the register, so that a new agent finds them
	watched bool              // a silence event is in the queue
	told    control.Time      // BeatAt of the silence that the agent was told of
	pacing  uint32            // token of the beat that is in the queue
	peers   routes            // to whom the kernel sends beats
	agent   agent

	takes []bool // by the number of the key that signs a frame; nil: nobody looks at keys

	led      record // of the rounds this host led, for the checkers
	lease    leaseTruth
	life     uint32 // number of this boot, in its incarnations
	newest   uint64 // incarnation that was drawn last, be the host off since
	leaves   bool   // its agent was told to leave the cluster
	farewell bool   // some agent of this incarnation was
}

func newHost(w *World, id int) *host {
	h := &host{w: w, id: id, name: fmt.Sprintf("n%02d", id), tally: new(control.Tally)}
	h.peer = control.Peer{Name: h.name, RPC: h.name + ":7746"}
	for rail := range byte(w.Rails) {
		h.peer.Rails = append(h.peer.Rails, control.Endpoint{
			UDP: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, rail, byte(id >> 8), byte(id)}), 7746),
			MAC: [6]byte{2, 0, 0, rail, byte(id >> 8), byte(id)},
		})
	}
	h.clock = clock{offset: uint64(w.rng.Int64N(int64(time.Hour))) + 1, rate: truly}
	if w.Drift > 0 {
		h.clock.rate = truly - w.Drift + w.rng.Uint64N(2*w.Drift+1)
	}
	return h
}

// hostAt is the host of a rail's address, or nil.
func (w *World) hostAt(e control.Endpoint) *host {
	if !e.UDP.Addr().Is4() {
		return nil
	}
	a := e.UDP.Addr().As4()
	if id := int(a[2])<<8 | int(a[3]); a[0] == 10 && id < len(w.hosts) {
		return w.hosts[id]
	}
	return nil
}

func (h *host) now() control.Time { return h.clock.at(h.w.now) }

// powerOn boots the host: a new register with a new incarnation, the old disk, an agent.
func (h *host) powerOn() {
	if h.up {
		return
	}
	h.up = true
	h.boot++
	h.farewell = false
	h.life = h.w.rng.Uint32()
	h.reg = control.Register{Incarnation: h.draw()}
	*h.tally, h.relays = control.Tally{}, control.Relays{}
	h.watched, h.told, h.rosters, h.peers = false, 0, nil, routes{}
	h.led, h.lease = record{}, leaseTruth{}
	h.w.tell(h.id, "boot", "incarnation %x", h.reg.Incarnation)
	h.startAgent()
}

// draw draws an incarnation, as a plane does.
func (h *host) draw() uint64 {
	h.newest = control.IncarnationOf(h.life, h.w.rng.Uint32())
	return h.newest
}

// powerOff ends everything on the host but its disk.
func (h *host) powerOff() {
	if !h.up {
		return
	}
	h.w.tell(h.id, "crash", "%s", h.describe())
	h.killAgent()
	h.up = false
	h.reg = control.Register{}
	h.lease = leaseTruth{}
}

// receive is the kernel's part in a frame: it happens at once, whatever the agent does.
func (h *host) receive(fl *flight) {
	if !h.up {
		return
	}
	f := &fl.frame
	if h.takes != nil && !h.takes[f.Key] {
		h.w.frame(h, fl, control.ReasonUnknownKey)
		return
	}
	if h.reg.Passes(f) {
		h.passOn(fl)
		return
	}
	now := h.now()
	switch f.Kind {
	case control.KindEcho, control.KindPromise, control.KindAnswer:
		if !h.mine(f) {
			return
		}
		round, from := f.Round, f.From
		o := h.tally.Receive(now, f)
		h.led.heard(o.Reason, from, round, now)
		h.w.frame(h, fl, o.Reason)
		h.wake(o.Wake)
	default:
		before := h.mark()
		if h.w.tamper != nil {
			h.w.tamper(h, f)
		}
		o := h.reg.Receive(now, f)
		h.w.frame(h, fl, o.Reason)
		h.changed(before)
		if o.Reply {
			h.w.net.carry(h, fl.from, *f)
		}
		h.watch()
		h.wake(o.Wake)
	}
}

// passOn sends a frame on to whom it is for.
func (h *host) passOn(fl *flight) {
	f := &fl.frame
	o := h.reg.PassOn(&h.relays, f)
	h.w.frame(h, fl, o.Reason)
	if to := h.peers[f.To%control.Slots]; o.PassOn && to != nil {
		h.w.net.carry(h, to, *f)
	}
}

// mine reports whether an answer is addressed to this host's register.
func (h *host) mine(f *control.Frame) bool {
	r := &h.reg
	return r.State != control.RegisterVacant && f.Cluster == r.Cluster && f.Instance == r.Instance &&
		f.Level == r.Level && f.Group == r.Group && f.To == r.Slot
}

// watch arms the silence watch when a beat was taken and no watch runs: once per silence,
// not per beat.
func (h *host) watch() {
	if h.watched || h.reg.BeatAt == 0 || h.told == h.reg.BeatAt {
		return
	}
	h.watched = true
	h.w.queue.push(event{at: h.clock.when(h.silentAt()), kind: eventSilence, host: uint16(h.id), arg: h.boot})
}

// silentAt is when the group's leader has been silent for ceil(k/2) intervals.
func (h *host) silentAt() control.Time {
	return h.reg.BeatAt.Add(h.reg.SilentAfter())
}

func (h *host) silence(boot uint32) {
	if !h.up || boot != h.boot {
		return
	}
	h.watched = false
	if h.reg.BeatAt == 0 {
		return
	}
	if !h.now().Before(h.silentAt()) {
		h.told = h.reg.BeatAt
		h.wake(control.WakeSilent)
		return
	}
	h.watch()
}

// apply carries out one command as a plane does: it draws the new incarnation itself.
func (h *host) apply(c control.Command) {
	if c.Kind == control.CommandVacate {
		c.Incarnation = h.draw()
		h.lease = leaseTruth{}
		h.farewell = h.leaves
		h.told = 0
	}
	if c.Kind == control.CommandAsk {
		h.led.campaign(c.Ballot, &h.reg)
	}
	if h.w.trace != nil {
		h.w.tell(h.id, "command", "%s", describeCommand(&c))
	}
	before := h.mark()
	control.Apply(&c, &h.reg, h.tally)
	h.judge(&c)
	if c.Kind != control.CommandVacate {
		h.changed(before)
	}
	h.beat(&h.agent.routes)
}

// expect tells the kernel part who has which slot.
func (h *host) expect(r *control.Roster) {
	var expected [control.Slots]uint64
	for i := range r.Seats {
		expected[r.Seats[i].Slot] = r.Seats[i].Incarnation
	}
	for i := range expected {
		h.tally.Members[i].Expected = expected[i]
	}
}

// ask stamps one ask, delivers it to the host's own register first and then sends it.
func (h *host) ask(o *control.Outgoing) {
	f := o.Frame
	now := h.now()
	f.Sent = now
	to := o.To
	h.led.sent(&f, to, &h.reg, now, h.w.Interval)
	if self := h.reg.Slot; h.reg.State != control.RegisterVacant && to.Has(self) {
		to.Clear(self)
		own := f
		own.To = self
		before := h.mark()
		out := control.Deliver(now, &h.reg, h.tally, own)
		h.changed(before)
		h.watch()
		h.wake(out.Wake)
	}
	h.send(f, to, &h.agent.routes)
}

// send sends an ask to others.
func (h *host) send(f control.Frame, to control.Bitmap, by *routes) {
	if h.w.Multicast && f.Kind == control.KindBeat && to.Len() > 1 {
		f.To = control.ToAll
		for _, other := range h.w.hosts {
			if other != h {
				h.w.net.send(h, other, f)
			}
		}
		return
	}
	for s := to.First(); s < control.Slots; s = to.Next(s + 1) {
		f.To = f.For(s)
		if other := by[s]; other != nil {
			h.w.net.send(h, other, f)
		} else {
			h.w.Unnamed++
		}
	}
}
