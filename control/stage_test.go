package control_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"sort"
	"testing"
	"time"

	"rollcall/control"
	"rollcall/view"
)

// stage is a small world in which stories are played: hosts with clocks that run alike but
// were never set, a network that loses nothing unless it is told to, and agents that act at
// once. Every frame takes 0.01 of an interval, every letter 0.05.
type stage struct {
	t          *testing.T
	now        time.Duration
	zero       time.Duration // the instant that transcripts call 0
	queue      []event       // by time, then by order of scheduling
	hosts      []*host
	founders   []string
	quarantine int                  // removals after which a node is kept out; 0: never
	prefer     []string             // who should lead
	avoid      []string             // who should not
	grace      time.Duration        // on_stale = "remove" after that; 0: "report"
	kernel     bool                 // keeps the time of beats, whatever agents do
	views      map[[2]uint64]uint64 // instance and epoch to hash: nobody may differ
	script
}

type event struct {
	at time.Duration
	do func()
}

const (
	interval      = 100 * time.Millisecond
	frameLatency  = interval / 100
	letterLatency = interval / 20
	cluster       = 0x5ca1e
)

// host is one machine.
type host struct {
	s      *stage
	id     int
	name   string
	peer   control.Peer
	record control.InstanceRecord // on its disk
	boots  uint32
	drawn  uint32          // incarnations so far
	keys   control.Command // what its key file holds; zero: nobody looks at keys

	// The kernel's part.
	up      bool
	reg     control.Register
	tally   *control.Tally
	relays  control.Relays
	routes  [control.Slots]*host
	rosters []*control.Roster
	valid   bool

	// The agent's part.
	node    *control.Node
	stopped bool
	token   int // of the step that is scheduled
	pacing  int // of the beat that is scheduled
	wakes   control.Wake
	inbox   []*control.Message
	order   control.Order
	readmit string // with OrderReadmit
	sent    control.Time
	view    *view.View

	mute, deaf bool // what it sends, or what is sent to it, is lost
	apart      bool // it reaches only others that are apart
	unread     bool // letters to it are lost

	said told
}

func newStage(t *testing.T, n, founders int) *stage {
	s := &stage{t: t, views: map[[2]uint64]uint64{}}
	for i := range n {
		h := &host{s: s, id: i, name: fmt.Sprintf("n%d", i), tally: new(control.Tally)}
		h.peer = control.Peer{Name: h.name, RPC: h.name + ":7746"}
		h.peer.Rails = []control.Endpoint{{UDP: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 7746)}}
		s.hosts = append(s.hosts, h)
		if i < founders {
			s.founders = append(s.founders, h.name)
		}
	}
	s.transcript()
	return s
}

func (s *stage) named(name string) *host {
	for _, h := range s.hosts {
		if h.name == name {
			return h
		}
	}
	s.t.Fatalf("no host %q", name)
	return nil
}

func (s *stage) after(d time.Duration, do func()) {
	at := s.now + d
	i := sort.Search(len(s.queue), func(i int) bool { return s.queue[i].at > at })
	s.queue = append(s.queue, event{})
	copy(s.queue[i+1:], s.queue[i:])
	s.queue[i] = event{at, do}
}

// run lets time pass until end, or until stop says so.
func (s *stage) run(end time.Duration, stop func() bool) bool {
	busy, at := 0, s.now
	for len(s.queue) > 0 && s.queue[0].at <= end {
		e := s.queue[0]
		s.queue = s.queue[1:]
		s.now = e.at
		if s.now != at {
			busy, at = 0, s.now
		}
		if busy++; busy > 10000 {
			s.t.Fatalf("at %s: something turns for ever", s.time(s.now))
		}
		e.do()
		if stop != nil && stop() {
			return true
		}
	}
	s.now = end
	return false
}

// clock is the host's own; no two agree.
func (h *host) clock() control.Time {
	return control.Time(time.Duration(h.id+1)*time.Hour + h.s.now)
}

// when is the true time of a reading of the host's clock.
func (h *host) when(t control.Time) time.Duration {
	return time.Duration(t) - time.Duration(h.id+1)*time.Hour
}

func (h *host) draw() uint64 {
	h.drawn++
	return control.IncarnationOf(h.boots, uint32(h.id+1)*100+h.drawn)
}

func (h *host) boot() {
	h.up = true
	h.boots++
	h.reg = control.Register{Incarnation: h.draw()}
	*h.tally = control.Tally{}
	control.Apply(&h.keys, &h.reg, h.tally)
	h.rosters, h.routes, h.valid = nil, [control.Slots]*host{}, false
	h.said = told{}
	h.start()
}

func (h *host) crash() {
	h.kill()
	h.up, h.reg, h.valid = false, control.Register{}, false
}

func (h *host) start() {
	c := control.Config{
		Cluster: "story", ClusterID: cluster, Self: h.peer, Interval: interval, Rounds: 5,
		JoinWindow: 250 * time.Millisecond, FoundWait: 10 * time.Second, AgentGrace: cmp.Or(h.s.grace, 300*interval), RemoveStale: h.s.grace != 0, Quarantine: h.s.quarantine,
		Prefer: h.s.prefer, Avoid: h.s.avoid, Founders: h.s.founders, Record: h.record, Rosters: h.rosters,
	}
	for _, f := range h.s.founders {
		c.Contacts = append(c.Contacts, h.s.named(f).peer.RPC)
	}
	h.node = control.New(c)
	h.pace()
	h.poke()
}

func (h *host) kill() {
	h.node, h.stopped, h.wakes, h.inbox, h.order, h.sent, h.view = nil, false, 0, nil, 0, 0, nil
	h.token++
}

// poke has the agent act at once, if there is one.
func (h *host) poke() {
	if h.node != nil && !h.stopped {
		h.schedule(0)
	}
}

func (h *host) schedule(d time.Duration) {
	h.token++
	token := h.token
	h.s.after(max(d, 0), func() {
		if token == h.token && h.node != nil && !h.stopped {
			h.step()
		}
	})
}

func (h *host) wake(why control.Wake) {
	if why != 0 && h.node != nil {
		h.wakes |= why
		h.poke()
	}
}

// step is the driver's contract of package control, and nothing else.
func (h *host) step() {
	now := h.clock()
	h.reg.AgentAt = now
	r, t := h.reg, *h.tally
	in := control.Input{Register: &r, Tally: &t, Wake: h.wakes, Sent: h.sent, Order: h.order, Name: h.readmit}
	if len(h.inbox) > 0 {
		in.Message, h.inbox = h.inbox[0], h.inbox[1:]
	}
	h.wakes, h.order = 0, control.OrderNone
	out := h.node.Step(now, in)
	h.tellEvents(out.Events)
	if out.Record != nil {
		h.record = *out.Record
	}
	if len(out.Rosters) > 0 {
		h.rosters = out.Rosters
		h.route(out.Rosters[0])
	}
	for i := range out.Commands {
		c := out.Commands[i]
		if c.Kind == control.CommandVacate {
			c.Incarnation = h.draw()
		}
		control.Apply(&c, &h.reg, h.tally)
		h.beat()
	}
	for i := range out.Frames {
		h.ask(&out.Frames[i])
	}
	for i := range out.Messages {
		h.post(&out.Messages[i])
	}
	if out.View != nil {
		h.tellView(out.Events, out.View)
		h.publish(out.View)
	}
	h.watchLease()
	if len(h.inbox) > 0 || h.wakes != 0 {
		h.poke()
	} else {
		h.schedule(h.node.Deadline().Since(now))
	}
}

func (h *host) route(r *control.Roster) {
	for i := range h.tally.Members {
		h.tally.Members[i].Expected = 0
	}
	for i := range r.Seats {
		seat := &r.Seats[i]
		h.tally.Members[seat.Slot].Expected = seat.Incarnation
		h.routes[seat.Slot] = h.s.named(seat.Name)
	}
}

func (h *host) publish(v *view.View) {
	h.view = v
	key := [2]uint64{uint64(v.Instance), v.Epoch}
	if hash, ok := h.s.views[key]; ok && hash != v.Hash() {
		h.s.t.Fatalf("at %s: %s installs another view %d than others did", h.s.time(h.s.now), h.name, v.Epoch)
	}
	h.s.views[key] = v.Hash()
}

// ask sends one ask, to the host's own register first.
func (h *host) ask(o *control.Outgoing) {
	h.tellAsk(o)
	f := o.Frame
	f.Sent = h.clock()
	h.sent = f.Sent
	to := o.To
	if h.reg.State != control.RegisterVacant && to.Has(h.reg.Slot) {
		to.Clear(h.reg.Slot)
		own := f
		own.To = h.reg.Slot
		before := h.reg
		out := control.Deliver(h.clock(), &h.reg, h.tally, own)
		h.tellServed(&f, &before, out)
		h.beaten(before.BeatAt)
		h.wake(out.Wake)
	}
	h.sendAll(to, f)
}

// pace schedules the next beat. Where a thread of the agent keeps the time, beats stop with it.
func (h *host) pace() {
	h.pacing++
	pacing, due := h.pacing, h.tally.Due()
	if due == control.MaxTime || !h.keepsTime() {
		return
	}
	h.s.after(max(h.when(due)-h.s.now, 0), func() {
		if pacing == h.pacing && h.keepsTime() {
			h.beat()
		}
	})
}

func (h *host) keepsTime() bool { return h.s.kernel || h.node != nil && !h.stopped }

// beat sends the beat that is due, if one is.
func (h *host) beat() {
	before := h.reg
	f, to, wake, sent := h.tally.Beat(h.clock(), &h.reg, nil)
	if sent {
		h.tellAsk(&control.Outgoing{To: to, Frame: f})
		h.tellServed(&f, &before, control.Outcome{Reason: control.ReasonBeatTaken})
		h.beaten(before.BeatAt)
		to.Clear(h.reg.Slot)
		h.sendAll(to, f)
		for _, again := range h.tally.Retries(f) {
			h.sendTo(again.Hop(), again)
		}
	}
	h.wake(wake)
	h.pace()
}

func (h *host) sendAll(to control.Bitmap, f control.Frame) {
	for slot := to.First(); slot < control.Slots; slot = to.Next(slot + 1) {
		f.To = f.For(slot)
		h.sendTo(slot, f)
	}
}

func (h *host) sendTo(slot uint16, f control.Frame) {
	if other := h.routes[slot]; other != nil {
		h.send(other, f)
	}
}

func (h *host) send(to *host, f control.Frame) {
	if h.mute || to.deaf || h.apart != to.apart {
		return
	}
	h.s.after(frameLatency, func() { to.receive(h, f) })
}

// receive is what the kernel does with a frame, whatever the agent does.
func (h *host) receive(from *host, f control.Frame) {
	if !h.up {
		return
	}
	if h.keys.Kind != 0 && h.keys.Keys[f.Key] == 0 {
		h.tellOnce("does not take a frame signed with key %d", f.Key)
		return
	}
	if h.reg.Passes(&f) {
		if h.reg.PassOn(&h.relays, &f).PassOn {
			h.sendTo(f.To, f)
		}
		return
	}
	ask := f
	var o control.Outcome
	switch f.Kind {
	case control.KindEcho, control.KindPromise, control.KindAnswer:
		o = h.tally.Receive(h.clock(), &f)
		h.tellCounted(&f, o)
	default:
		before := h.reg
		if o = h.reg.Receive(h.clock(), &f); o.Reply {
			h.send(from, f)
		}
		h.tellServed(&ask, &before, o)
		h.beaten(before.BeatAt)
	}
	h.wake(o.Wake)
}

// beaten follows a register that may have taken a beat: it watches for the leader's silence
// and for the end of the lease.
func (h *host) beaten(before control.Time) {
	h.watchLease()
	at := h.reg.BeatAt
	if at == before {
		return
	}
	h.s.after(h.reg.SilentAfter(), func() {
		if h.up && h.reg.BeatAt == at {
			h.wake(control.WakeSilent)
		}
	})
}

func (h *host) watchLease() {
	valid := h.reg.Valid(h.clock())
	if valid != h.valid {
		h.valid = valid
		h.tellLease()
	}
	if until := h.reg.LeaseUntil; valid && h.said.lease != until {
		h.said.lease = until
		h.s.after(h.when(until)-h.s.now, func() {
			if h.reg.LeaseUntil == until {
				h.watchLease()
			}
		})
	}
}

// post sends a letter as the bytes it is on the wire; a call needs both directions.
func (h *host) post(l *control.Letter) {
	h.tellLetter(l)
	body, err := json.Marshal(&l.Message)
	if err != nil {
		h.s.t.Fatal(err)
	}
	for _, to := range h.s.hosts {
		if to.peer.RPC != l.To || h.mute || h.deaf || to.mute || to.deaf || to.unread || h.apart != to.apart {
			continue
		}
		h.s.after(letterLatency, func() { to.read(body) })
	}
}

func (h *host) read(body []byte) {
	if h.node == nil {
		return
	}
	m := new(control.Message)
	if err := json.Unmarshal(body, m); err != nil {
		h.s.t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		h.s.t.Fatal(err)
	}
	h.inbox = append(h.inbox, m)
	h.poke()
}

// agreed reports whether the hosts all trust one view, of exactly themselves.
func agreed(hosts []*host) bool {
	first := hosts[0].view
	for _, h := range hosts {
		v := h.view
		if v == nil || len(v.Members) != len(hosts) || v.Instance != first.Instance || v.Epoch != first.Epoch ||
			v.Hash() != first.Hash() || !h.reg.Valid(h.clock()) {
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
