package scale

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/control"
	"rollcall/view"
)

// host is one machine: what its kernel holds, and a control.Host.
type host struct {
	w     *World
	id    int
	group *group
	peer  control.Peer

	up              bool
	out             bool // it is not expected to be in views
	struck          bool // by the fault that is measured
	lossIn, lossOut float32
	boots           int
	draws           uint64
	reg             control.Register                  // of place 0
	above           *[control.Places]control.Register // of the others; nil: all are vacant
	lead            *leading                          // nil: it asks nothing
	rosters         [control.Levels]*control.Roster   // that name the slots of a level
	record          *control.InstanceRecord           // on its disk
	watching        [control.Places]uint32            // tokens of the timers that tell of silence; 0: none runs

	agent    *control.Host     // nil: it is off, or its agent is put away
	held     []*control.Roster // of place 0, for the agent that is called back
	newcomer bool              // it has no agent yet (newcomer.go)
	stepping uint32            // token of the step that is scheduled
	stepAt   time.Duration     // when; 0: none is
	stepped  time.Duration     // when the last one was
	wakes    [control.Places]control.Wake
	inbox    []*control.Message
	readmits []string // the operator's orders: who may come back
	sent     control.Time
	view     *view.ClusterView
	load     load
}

// leading is what a host holds that asks a group: who answers, and where the slots are.
type leading struct {
	tallies [control.Levels]*control.Tally
	routes  [control.Levels]*[control.Slots]*host
	pacing  [control.Levels]uint32
}

func (h *host) init(w *World, g *group, id int) {
	h.w, h.group, h.id = w, g, id
	h.peer = control.Peer{Name: fmt.Sprintf("n%07d", id)}
	h.peer.RPC = h.peer.Name + ":7746"
	h.peer.Rails = []control.Endpoint{{UDP: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(id >> 16), byte(id >> 8), byte(id)}), 7746)}}
}

// named is the host of that name or agent's address, or nil.
func (w *World) named(name string) *host {
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "n"), ":")
	id, err := strconv.Atoi(name)
	if err != nil || id >= len(w.hosts) {
		return nil
	}
	return &w.hosts[id]
}

func (h *host) clock() control.Time { return control.Time(h.w.now) + 3600*second }

func (h *host) until(t control.Time) time.Duration { return t.Since(h.clock()) }

func (h *host) draw() uint64 { h.draws++; return uint64(h.id+1)<<24 | 1<<23 | h.draws<<1 | 1 }

// at is the register of a place.
func (h *host) at(p control.Place) *control.Register {
	if p == 0 {
		return &h.reg
	}
	if h.above == nil {
		h.w.regs[p] = h.vacant(p)
		return &h.w.regs[p]
	}
	return &h.above[p]
}

// vacant is a register that was never used since the host was booted.
func (h *host) vacant(p control.Place) control.Register {
	return control.Register{Incarnation: uint64(h.id+1)<<24 | uint64(h.boots)<<8 | uint64(p)<<1 | 1}
}

// own gives the host registers of its own above level 0.
func (h *host) own() {
	if h.above == nil {
		h.above = new([control.Places]control.Register)
		for p := range h.above {
			h.above[p] = h.vacant(control.Place(p))
		}
	}
}

// registers are copies of all of them.
func (h *host) registers() *[control.Places]control.Register {
	if h.above != nil {
		r := &h.w.regs
		*r = *h.above
		r[0] = h.reg
		return r
	}
	r := &h.w.plain
	for p := range r {
		r[p].Incarnation = h.vacant(control.Place(p)).Incarnation
	}
	r[0] = h.reg
	return r
}

func (h *host) boot() {
	if h.up {
		return
	}
	h.switchOn()
	h.start()
	h.poke()
}

// switchOn has the kernel run.
func (h *host) switchOn() {
	h.group.wake()
	h.group.news()
	h.up = true
	h.boots++
	h.reg = control.Register{Incarnation: h.draw()}
	h.w.watch.up(h)
}

// start has an agent run, which goes on with what the registers hold.
func (h *host) start() {
	w := h.w
	c := control.HostConfig{Top: w.Top()}
	c.Config = control.Config{
		Cluster: cluster, ClusterID: clusterID, Self: h.peer, Group: h.group.number, Interval: w.Interval, Rounds: rounds,
		JoinWindow: 250 * time.Millisecond, FoundWait: 10 * time.Second, AgentGrace: 30 * time.Second,
		Quarantine: quarantine, Founders: w.founders, Contacts: h.group.contacts, Contents: w.contents,
	}
	if h.record != nil {
		c.Record = *h.record
	}
	c.Held[0] = h.held
	h.agent = control.NewHost(c)
}

func (h *host) crash() {
	if !h.up {
		return
	}
	h.group.wake()
	h.group.news()
	h.w.watch.down(h)
	h.up, h.agent, h.view, h.above, h.held, h.newcomer = false, nil, nil, nil, nil, false
	h.reg = control.Register{}
	h.stepping++
	h.stepAt = 0
	h.wakes, h.inbox, h.readmits, h.sent = [control.Places]control.Wake{}, nil, nil, 0
	h.rosters = [control.Levels]*control.Roster{}
	for level := range control.Levels {
		h.asksNoMore(uint8(level))
	}
	h.lead = nil
	for p := range h.watching {
		h.watching[p] = 0
	}
}

// poke has the agent look soon.
func (h *host) poke() { h.schedule(wakeTakes) }

func (h *host) schedule(d time.Duration) {
	at := h.w.now + d
	if !h.up || h.stepAt != 0 && h.stepAt <= at {
		return
	}
	h.stepping++
	h.stepAt = at
	h.w.after(d, event{kind: kindStep, host: h, token: h.stepping})
}

func (h *host) wake(p control.Place, why control.Wake) {
	if h.agent == nil { // nothing but itself shows what it notes of a view of its group
		why &^= control.WakeCommitted
	}
	if why != 0 && h.up {
		h.wakes[p] |= why
		h.poke()
	}
}

// step is the driver's contract of control.Host.
func (h *host) step() {
	w, now := h.w, h.clock()
	h.group.settle(h)
	if h.agent == nil {
		h.callBack()
	}
	h.stepAt, h.stepped = 0, w.now
	h.reg.AgentAt = now
	if h.above != nil {
		for p := range h.above {
			h.above[p].AgentAt = now
		}
	}
	tallies := [control.Levels]*control.Tally{&w.blank, &w.blank, &w.blank, &w.blank}
	if h.lead != nil {
		for level, t := range h.lead.tallies {
			if t != nil {
				tallies[level] = t
			}
		}
	}
	in := control.HostInput{Registers: h.registers(), Tallies: &tallies, Wakes: h.wakes, Sent: h.sent}
	if len(h.inbox) > 0 {
		in.Message = h.inbox[0]
		if h.inbox = h.inbox[1:]; len(h.inbox) == 0 {
			h.inbox = nil
		}
	}
	if len(h.readmits) > 0 {
		in.Order, in.Name = control.OrderReadmit, h.readmits[0]
		h.readmits = h.readmits[1:]
	}
	h.wakes = [control.Places]control.Wake{}
	w.meter.steps++
	out := h.agent.Step(now, in)
	h.carry(&out)
	for level := range uint8(control.Levels) {
		if h.lead != nil && h.lead.tallies[level] != nil && h.agent.Watch(level).Empty() {
			h.asksNoMore(level)
		}
	}
	switch deadline := h.agent.Deadline(); {
	case len(h.inbox)+len(h.readmits) > 0 || h.wakes != [control.Places]control.Wake{}:
		h.poke()
	case h.group.idle && h.above == nil && h.reg.State == control.RegisterMember && !deadline.Before(now.Add(time.Second)):
		// its housekeeping finds nothing to do
		h.putAway()
	default:
		h.schedule(max(h.until(deadline), w.Interval/1000))
	}
}

func (h *host) carry(out *control.HostOutput) {
	w := h.w
	for i := range out.Events {
		h.happened(&out.Events[i])
	}
	if out.Record != nil {
		h.record = out.Record
	}
	for _, r := range out.Rosters {
		if r.Place == 0 && w.PutAway {
			h.held = slices.Clone(r.Rosters)
		}
		if level := r.Place.Level(); r.Place.Votes() {
			h.rosters[level] = r.Rosters[0]
			if h.lead != nil && h.lead.tallies[level] != nil {
				h.name(level)
			}
		}
	}
	for i := range out.Commands {
		c := out.Commands[i]
		p := c.Place()
		if p == 0 {
			h.group.wake()
			h.group.news()
		} else {
			h.own()
		}
		t := &w.blank
		switch c.Kind {
		case control.CommandVacate:
			c.Incarnation = h.draw()
		case control.CommandAsk, control.CommandBeat:
			t = h.asks(c.Level)
		}
		if h.lead != nil && h.lead.tallies[c.Level] != nil {
			t = h.lead.tallies[c.Level]
		}
		control.Apply(&c, h.at(p), t)
		if t != &w.blank {
			h.beat(c.Level)
		}
	}
	for i := range out.Frames {
		h.send(&out.Frames[i])
	}
	for i := range out.Messages {
		h.post(&out.Messages[i])
	}
	if v := out.View; v != nil && (h.view == nil || h.view.Top != v.Top || h.view.Leader != v.Leader) {
		w.watch.installed(h, out.View)
		h.view = out.View
	}
}

func (h *host) happened(e *control.Event) {
	h.w.events[e.Kind]++
	if e.Kind == control.EventMismatch {
		h.w.fail("%s: %s", h.peer.Name, e.Why)
	}
	if h.w.Trace != nil {
		h.w.Trace(fmt.Sprintf("%12v %s level %d %v %d to %d: %d joined, %d removed: %s", h.w.now, h.peer.Name, e.Level, e.Kind, e.From, e.To, len(e.Joined), len(e.Removed), e.Why))
	}
}

// asks is the tally of a level, which is made where the host asks nothing there yet.
func (h *host) asks(level uint8) *control.Tally {
	if h.lead == nil {
		h.lead = new(leading)
	}
	if h.lead.tallies[level] == nil {
		h.lead.tallies[level] = h.w.tally()
		h.name(level)
	}
	return h.lead.tallies[level]
}

func (h *host) asksNoMore(level uint8) {
	if h.lead == nil || h.lead.tallies[level] == nil {
		return
	}
	h.w.tallies = append(h.w.tallies, h.lead.tallies[level])
	h.lead.tallies[level], h.lead.routes[level] = nil, nil
	h.lead.pacing[level]++
}

// name tells the kernel part who has the slots of a level.
func (h *host) name(level uint8) {
	t, routes := h.lead.tallies[level], new([control.Slots]*host)
	for i := range t.Members {
		t.Members[i].Expected = 0
	}
	if r := h.rosters[level]; r != nil {
		for i := range r.Seats {
			s := &r.Seats[i]
			t.Members[s.Slot].Expected = s.Incarnation
			routes[s.Slot] = h.w.named(s.Name)
		}
	}
	h.lead.routes[level] = routes
}

// silent wakes the agent when its leader was silent, or looks again when it may be.
func (h *host) silent(p control.Place, token uint32) {
	if !h.up || h.watching[p] != token {
		return
	}
	h.watching[p] = 0
	if p == 0 && h.group.idle {
		return // the group watches again when it wakes
	}
	r := h.at(p)
	if r.State == control.RegisterVacant || r.BeatAt == 0 {
		return
	}
	if left := h.until(r.BeatAt.Add(r.SilentAfter())); left > 0 {
		h.watchLeader(p, left)
		return
	}
	h.wake(p, control.WakeSilent)
}

// watchLeader has the register's silence looked for.
func (h *host) watchLeader(p control.Place, d time.Duration) {
	if h.watching[p] == 0 {
		h.w.watches++
		h.watching[p] = h.w.watches
		h.w.after(d, event{kind: kindSilent, host: h, place: p, token: h.watching[p]})
	}
}
