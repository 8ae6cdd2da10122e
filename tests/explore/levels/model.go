package levels

import (
	"slices"
	"unsafe"

	"rollcall/control"
	"rollcall/tests/explore/memory"
	"rollcall/tests/explore/search"
)

// parcel is a frame or a letter on its way. Copies of the world share it.
type parcel struct {
	from, to int
	frame    *control.Frame
	letter   *control.Message
}

// To is the number of the host that it is for.
func (p parcel) To() int { return p.to }

// Kind is what happens when it arrives.
func (p parcel) Kind() search.Kind {
	if p.frame != nil {
		return search.Deliver
	}
	return search.Read
}

// Number is the host's place in its world.
func (h *host) Number() int { return h.id }

// Takes reports whether a parcel can reach the host: its kernel, or its agent.
func (h *host) Takes(p parcel) bool {
	return p.frame != nil && h.up && h.regs[control.PlaceOf(p.frame.Level, p.frame.To)].State != control.RegisterVacant || p.letter != nil && h.agent != nil
}

// Hosts gives the states of all hosts.
func (w *World) Hosts() []*host { return w.hosts }

// Parcels gives what is on its way.
func (w *World) Parcels() []parcel { return w.parcels }

// Ledger is what is known of all.
func (w *World) Ledger() *ledger { return &w.ledger }

// Try lets an event happen to a host in a world that is empty but for it.
func (w *World) Try(h *host, k search.Kind, p parcel, prompt bool) (after *host, sends []parcel, tells []sighting) {
	own := *h
	own.owner, own.thinks = nil, nil // nobody may change it any more
	c := *w
	c.hosts, c.parcels, c.trace, c.prompt = slices.Clone(w.hosts), nil, nil, prompt
	c.hosts[h.id] = &own
	c.seen = func(s sighting) { tells = append(tells, s) }
	e := search.Event{Kind: k, At: h.id}
	if k == search.Deliver || k == search.Read {
		c.parcels, e.At = []parcel{p}, 0
	}
	c.Do(e, false)
	return c.hosts[h.id], c.parcels, tells
}

// Story is a copy in which whatever is sent stays on its way, and which says what happens.
func (w *World) Story(prompt bool, say func(line string)) search.Story[*host, parcel, *ledger, sighting] {
	c := w.Clone()
	c.prompt, c.trace = prompt, say
	return c
}

// Retell has an event happen whose parcel, if it takes one, is known by its digest.
func (w *World) Retell(k search.Kind, host int, digest uint64) {
	e := search.Event{Kind: k, At: host}
	if k == search.Deliver || k == search.Read {
		e.At = slices.IndexFunc(w.parcels, func(p parcel) bool { return p.Digest() == digest })
	}
	if e.At < 0 {
		panic("explore: what is to arrive was never sent: worlds that were taken for equal are not")
	}
	w.Do(e, true)
}

// rules are what counts of a host. Fields are left out that mean nothing between two steps, or never
// change, and those that no rule of agreement looks at: measurements, and leases.
var rules = memory.Rules{
	Aside: []string{
		"Host.vectors", // its nodes have them
		"Host.cfg", "Host.now", "Host.in", "Host.out", "Host.empty",
		"Node.cfg", "Node.now", "Node.reg", "Node.tally", "Node.wake", "Node.out", "Node.upper", "Member.Name",
		"Node.claim", "Node.elsewhere", "Node.leaderHere", "Node.topVoters", // told anew before each step
		"candidacy.why",
		"RTTNS", "SilenceUS", "Echoed", "LeaseUntil", "UpperUntil", "UpperUS",
	},
	Slots: slotsKept(),
	Own:   []string{"Node", "vector"},
}

func slotsKept() (l []int) {
	for _, s := range slots {
		l = append(l, int(s))
	}
	return l
}

var (
	agents       = memory.NewCopier[control.Host](&copied)
	agentPlan    = memory.PlanFor[control.Host](&rules)
	registerPlan = memory.PlanFor[control.Register](&rules)
	tallyPlan    = memory.PlanFor[tally](&rules)
	recordPlan   = memory.PlanFor[control.InstanceRecord](&rules)
	framePlan    = memory.PlanFor[control.Frame](&rules)
	messagePlan  = memory.PlanFor[control.Message](&rules)
	numberPlan   = memory.PlanFor[numbered](&rules)
)

// copied are the rules for copies, in which a host's vectors are those of its nodes.
var copied = memory.Rules{Aside: rules.Aside[1:], Slots: rules.Slots, Own: rules.Own}

// Digest is equal for hosts to which the same can happen.
func (h *host) Digest() uint64 {
	if h.sum != 0 {
		return h.sum
	}
	x := memory.Hash{Sum: 1}
	x.Word(uint64(h.id))
	x.Word(uint64(h.clock))
	x.Word(h.drawn)
	for _, i := range h.left {
		x.Word(i)
	}
	x.Word(uint64(h.shown.instance)<<32 | h.shown.number)
	x.Add(recordPlan, unsafe.Pointer(&h.record))
	if h.up {
		for p := range h.regs {
			x.Word(uint64(h.wakes[p]))
			x.Add(registerPlan, unsafe.Pointer(&h.regs[p]))
			for _, r := range h.held[p] {
				x.Roster(r)
			}
		}
		x.Word(uint64(h.sent))
		for level := range h.tallies {
			x.Add(tallyPlan, unsafe.Pointer(&h.tallies[level]))
		}
		x.Add(agentPlan, unsafe.Pointer(h.agent))
	}
	h.sum = max(x.Sum, 1)
	return h.sum
}

// Digest is equal for parcels that say the same.
func (p parcel) Digest() uint64 {
	x := memory.Hash{Sum: 2}
	x.Word(uint64(p.from)<<8 | uint64(p.to))
	if p.frame != nil {
		x.Add(framePlan, unsafe.Pointer(p.frame))
	} else {
		x.Add(messagePlan, unsafe.Pointer(p.letter))
	}
	return x.Sum
}
