package sim

import (
	"encoding/json"
	"time"

	"rollcall/control"
	"rollcall/view"
)

type agentState uint8

const (
	agentDead agentState = iota
	agentRunning
	agentStopped // SIGSTOP
)

var agentStateNames = [...]string{"dead", "running", "stopped"}

// agent is the daemon on a host.
type agent struct {
	node   Node
	state  agentState
	life   uint32             // counts agents over all boots
	routes routes             // from the last roster; a new agent knows none
	view   *view.View         // last installed
	stall  Instant            // starved until then
	token  uint32             // of the turn that is due
	due    Instant            // when; never: no turn is in the queue
	poked  bool               // a turn is wanted though nothing happened
	wakes  control.Wake       // since the last step
	inbox  []*control.Message //
	order  control.Order      //
	out    control.Output     // being carried out
	part   int                // of out, the next to carry out
	busy   bool               // out is not carried out whole
	spun   int                // steps within the interval that began at spinAt
	spinAt Instant
	decree uint32       // Input.Abandon
	sent   control.Time // Input.Sent

	writing *control.InstanceRecord // on its way to the disk
	next    *control.InstanceRecord // the newest of those that wait for it
}

// startAgent starts the daemon; the register it finds is the one the last left.
func (h *host) startAgent() {
	if !h.up || h.agent.state != agentDead {
		return
	}
	w := h.w
	h.leaves = false // the order died with the agent that had it
	life := h.agent.life + 1
	h.agent = agent{state: agentRunning, life: life, token: h.agent.token, due: never, poked: true}
	h.w.tell(h.id, "start", "%s", h.describe())
	c := control.Config{
		Cluster: "sim", ClusterID: 0x73696d, Self: h.peer,
		Interval: w.Interval, Rounds: w.Rounds, JoinWindow: w.JoinWindow, FoundWait: w.FoundWait,
		AgentGrace: w.AgentGrace, RemoveStale: w.OnStale, Rosters: h.rosters, WriteBehind: w.Disk > 0,
	}
	for i := range w.Founders {
		c.Founders = append(c.Founders, w.hosts[i].name)
	}
	for i := range w.Contacts {
		c.Contacts = append(c.Contacts, w.hosts[i].peer.RPC)
	}
	if len(h.rosters) > 0 { // a driver tells its plane where an adopted register's group is
		h.route(h.rosters[0])
	}
	if h.disk != nil {
		if err := json.Unmarshal(h.disk, &c.Record); err != nil {
			w.fail("contract", "%s cannot read its record: %v", h.name, err)
		}
	}
	h.agent.node = w.newNode(c)
	h.stamp(life)
	h.plan()
	h.pace()
}

// route tells where the asks to the slots go.
func (h *host) route(r *control.Roster) {
	h.agent.routes = routes{}
	for i := range r.Seats {
		if s := &r.Seats[i]; len(s.Rails) > 0 {
			h.agent.routes[s.Slot] = h.w.hostAt(s.Rails[0])
		}
	}
	h.peers = h.agent.routes
}

// killAgent ends the daemon between two instructions; the register serves on.
func (h *host) killAgent() {
	if h.agent.state == agentDead {
		return
	}
	h.w.tell(h.id, "kill", "")
	h.agent = agent{life: h.agent.life, token: h.agent.token + 1, due: never}
}

// stopAgent is SIGSTOP.
func (h *host) stopAgent() {
	if h.agent.state == agentRunning {
		h.w.tell(h.id, "stop", "")
		h.agent.state = agentStopped
	}
}

// contAgent is SIGCONT.
func (h *host) contAgent() {
	if h.agent.state == agentStopped {
		h.w.tell(h.id, "cont", "")
		h.agent.state = agentRunning
		h.stamp(h.agent.life)
		h.plan()
		h.pace()
	}
}

// starve keeps the CPU from the agent for d.
func (h *host) starve(d time.Duration) {
	if h.agent.state == agentRunning {
		h.w.tell(h.id, "stall", "%v", d)
		h.agent.stall = max(h.agent.stall, h.w.now+Instant(d))
	}
}

// command gives the agent an operator's order.
func (h *host) command(o control.Order, abandon uint32) {
	if h.agent.state == agentDead {
		return
	}
	h.w.tell(h.id, "order", "%d", o)
	switch o {
	case control.OrderLeave:
		h.leaves, h.farewell = true, true
	case control.OrderJoin:
		h.leaves = false
	}
	h.agent.order, h.agent.decree, h.agent.poked = o, abandon, true
	h.plan()
}

// stamp is the agent's sign of life, once a second whatever else it does.
func (h *host) stamp(life uint32) {
	a := &h.agent
	if !h.up || a.life != life || a.state != agentRunning {
		return
	}
	if a.stall <= h.w.now {
		h.reg.AgentAt = h.now()
	}
	h.w.queue.push(event{at: h.w.now + Instant(time.Second), kind: eventStamp, host: uint16(h.id), arg: life})
}

// wake tells the agent, if there is one, that it should look.
func (h *host) wake(why control.Wake) {
	if why != 0 && h.agent.state != agentDead {
		h.agent.wakes |= why
		h.plan()
	}
}

// plan puts the agent's next turn into the queue.
func (h *host) plan() {
	a := &h.agent
	if !h.up || a.state != agentRunning || a.busy {
		return
	}
	at := never
	if a.wakes != 0 || len(a.inbox) > 0 || a.poked {
		at = h.w.now
	} else if d := a.node.Deadline(); d != control.MaxTime {
		at = max(h.clock.when(d), h.w.now)
	}
	if at == never {
		a.token++
		a.due = never
		return
	}
	at = max(at, a.stall)
	if a.due != never && a.due <= at+Instant(h.w.Nap) && a.due >= at && a.due > h.w.now {
		return
	}
	at += Instant(h.w.upto(h.w.Nap))
	a.token++
	a.due = at
	h.w.queue.push(event{at: at, kind: eventStep, host: uint16(h.id), arg: a.token})
}

// turn is the agent's: it steps, unless something came between.
func (h *host) turn(token uint32) {
	a := &h.agent
	if !h.up || a.state != agentRunning || a.busy || token != a.token {
		return
	}
	a.due = never
	if a.stall > h.w.now {
		h.plan()
		return
	}
	if h.w.now-a.spinAt > Instant(h.w.Interval) {
		a.spinAt, a.spun = h.w.now, 0
	}
	if a.spun++; a.spun > 1000+100*len(h.w.hosts) {
		h.w.fail("contract", "%s stepped %d times within an interval", h.name, a.spun)
		return
	}
	h.step()
}

func (h *host) step() {
	a := &h.agent
	now := h.now()
	h.reg.AgentAt = now
	r := h.reg
	in := control.Input{Register: &r, Tally: h.snapshot(a.node.Watch()), Wake: a.wakes, Sent: a.sent, Unsaved: a.writing != nil, Order: a.order, Abandon: a.decree}
	if len(a.inbox) > 0 {
		in.Message = a.inbox[0]
		a.inbox = a.inbox[1:]
	}
	a.wakes, a.order, a.decree, a.poked = 0, control.OrderNone, 0, false
	h.w.Steps++
	out := a.node.Step(now, in)
	if r != h.reg {
		h.w.fail("contract", "%s: Step wrote to the register it was shown", h.name)
	}
	a.out, a.part, a.busy = out, 0, true
	h.carry()
}

// snapshot copies what was asked and of the members the slots that the node wants to see,
// as a plane does; what the node did not ask for it finds empty.
func (h *host) snapshot(of control.Bitmap) *control.Tally {
	t := &h.w.scratch
	t.Asking, t.Heard = h.tally.Asking, h.tally.Heard
	for i := range t.Members {
		if s := uint16(i); of.Has(s) {
			t.Members[i] = h.tally.Members[i]
		} else if t.Members[i].Expected != 0 || t.Members[i].EchoAt != 0 {
			t.Members[i] = control.Member{}
		}
	}
	return t
}

// The parts of an Output, in the order in which they are carried out.
const (
	partRecord = iota
	partRoster
	partCommands
	partFrames
	partLetters
	partView
	partEvents
	partsEnd
)

// carry carries out what is left of the output; between two parts the agent may be
// interrupted for long, stopped, or killed.
func (h *host) carry() {
	a := &h.agent
	for a.part < partsEnd && h.w.failure == nil {
		if a.part > 0 && !a.empty() && h.w.chance(h.w.Preempt) {
			h.w.queue.push(event{at: h.w.now + Instant(h.w.upto(h.w.PreemptMax)), kind: eventCarry, host: uint16(h.id), arg: a.life})
			h.w.tell(h.id, "preempt", "before part %d", a.part)
			a.part = -a.part - 1
			return
		}
		h.perform()
		a.part++
		if a.part == partRecord+1 && a.out.RecordFirst && a.writing != nil {
			a.part = -a.part - 1 // goes on when they are on disk
			return
		}
	}
	a.busy = false
	a.out = control.Output{}
	h.plan()
	h.pace()
}

// resume goes on after an interruption, when the agent may.
func (h *host) resume(life uint32) {
	a := &h.agent
	if !h.up || a.life != life || !a.busy || a.part >= 0 {
		return
	}
	if a.state == agentStopped || a.stall > h.w.now {
		h.w.queue.push(event{at: max(a.stall, h.w.now+Instant(h.w.Interval)), kind: eventCarry, host: uint16(h.id), arg: life})
		return
	}
	a.part = -a.part - 1
	h.perform()
	a.part++
	h.carry()
}

// empty reports whether the next part has nothing in it.
func (a *agent) empty() bool {
	switch a.part {
	case partRoster:
		return len(a.out.Rosters) == 0
	case partCommands:
		return len(a.out.Commands) == 0
	case partFrames:
		return len(a.out.Frames) == 0
	case partLetters:
		return len(a.out.Messages) == 0
	case partView:
		return a.out.View == nil
	}
	return true
}

func (h *host) perform() {
	a := &h.agent
	out := &a.out
	switch a.part {
	case partRecord:
		if out.Record != nil {
			h.save(out.Record)
		}
	case partRoster:
		if len(out.Rosters) > 0 {
			newest := out.Rosters[0]
			if err := newest.Validate(); err != nil {
				h.w.fail("contract", "%s gives a bad roster: %v", h.name, err)
			}
			h.w.tell(h.id, "roster", "%s", describeRoster(newest))
			h.rosters = out.Rosters
			h.w.ledger.name(newest)
			h.expect(newest)
			h.route(newest)
		}
	case partCommands:
		for i := range out.Commands {
			h.apply(out.Commands[i])
		}
	case partFrames:
		for i := range out.Frames {
			h.ask(&out.Frames[i])
			a.sent = h.now()
		}
	case partLetters:
		for i := range out.Messages {
			h.w.post(h, &out.Messages[i])
		}
	case partView:
		if out.View != nil {
			a.view = out.View
			h.w.ledger.installed(h, out.View)
		}
	case partEvents:
		for i := range out.Events {
			if h.w.trace != nil {
				h.w.tell(h.id, "event", "%s", describeEvent(&out.Events[i]))
			}
			h.w.ledger.happened(h, &out.Events[i])
		}
	}
}
