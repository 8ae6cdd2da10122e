package explore

import (
	"unsafe"

	"rollcall/control"
	"rollcall/tests/explore/memory"
)

// rules are what counts of a node. Fields that mean nothing between two steps, or never change, or
// are of use above level 0 only are left out; and those that no rule of agreement looks at:
// measurements, and leases, whose rules the simulator tests. Worlds that differ in these alone
// count as one.
var rules = memory.Rules{
	Aside: []string{
		"Node.cfg", "Node.now", "Node.reg", "Node.tally", "Node.wake", "Node.out", "Node.deadline",
		"Node.below", "Node.claim", "Node.elsewhere", "Node.claims", "Node.leaderHere", "Node.invited", "Node.upper", "candidacy.why", "EpochDigest",
		"RTTNS", "SilenceUS", "Echoed", "LeaseUntil", "UpperUntil",
	},
	Slots: []int{0, 1, 2, 3, 4, 5, 6, 7},
}

var (
	nodes        = memory.NewCopier[control.Node](&rules)
	nodePlan     = memory.PlanFor[control.Node](&rules)
	registerPlan = memory.PlanFor[control.Register](&rules)
	askingPlan   = memory.PlanFor[control.Asking](&rules)
	heardPlan    = memory.PlanFor[control.Heard](&rules)
	memberPlan   = memory.PlanFor[control.Member](&rules)
	recordPlan   = memory.PlanFor[control.InstanceRecord](&rules)
	framePlan    = memory.PlanFor[control.Frame](&rules)
	messagePlan  = memory.PlanFor[control.Message](&rules)
	decisionPlan = memory.PlanFor[decision](&rules)
	proposalPlan = memory.PlanFor[proposal](&rules)
	contentPlan  = memory.PlanFor[content](&rules)
)

// Digest is equal for hosts to which the same can happen.
func (h *host) Digest() uint64 {
	if h.sum != 0 {
		return h.sum
	}
	x := memory.Hash{Sum: 1}
	x.Word(uint64(h.id))
	x.Word(uint64(h.clock))
	x.Word(uint64(h.boots)<<32 | uint64(h.drawn))
	x.Word(uint64(h.last.instance)<<32 | h.last.epoch)
	x.Add(recordPlan, unsafe.Pointer(&h.record))
	if h.up {
		x.Word(uint64(h.wakes))
		x.Word(uint64(h.sent))
		x.Add(registerPlan, unsafe.Pointer(&h.reg))
		x.Add(askingPlan, unsafe.Pointer(&h.asking))
		for s := range h.heard {
			if h.heard[s] != (control.Heard{}) {
				x.Word(uint64(s))
				x.Add(heardPlan, unsafe.Pointer(&h.heard[s]))
			}
		}
		for s := range h.members {
			if h.members[s] != (control.Member{}) {
				x.Word(uint64(s))
				x.Add(memberPlan, unsafe.Pointer(&h.members[s]))
			}
		}
		for _, r := range h.rosters {
			x.Roster(r)
		}
		x.Add(nodePlan, unsafe.Pointer(h.node))
	}
	h.sum = max(x.Sum, 1)
	return h.sum
}

func (p *packet) Digest() uint64 {
	x := memory.Hash{Sum: 2}
	x.Word(uint64(p.from)<<8 | uint64(p.to))
	x.Add(framePlan, unsafe.Pointer(p.frame))
	return x.Sum
}

func (l *letter) Digest() uint64 {
	x := memory.Hash{Sum: 3}
	x.Word(uint64(l.to))
	x.Add(messagePlan, unsafe.Pointer(l.message))
	return x.Sum
}

// Digest is equal for ledgers that took note of the same, in whatever order.
func (l *ledger) Digest() uint64 {
	sum := uint64(0)
	for i := range l.decided {
		x := memory.Hash{Sum: 4}
		x.Add(decisionPlan, unsafe.Pointer(&l.decided[i]))
		sum += x.Sum
	}
	for i := range l.proposals {
		x := memory.Hash{Sum: 5}
		x.Add(proposalPlan, unsafe.Pointer(&l.proposals[i]))
		sum += x.Sum
	}
	for i := range l.contents {
		x := memory.Hash{Sum: 6}
		x.Add(contentPlan, unsafe.Pointer(&l.contents[i]))
		sum += x.Sum
	}
	x := memory.Hash{Sum: sum}
	x.Word(uint64(l.forgot))
	if l.violation != nil {
		x.Text(l.violation.Error())
	}
	return x.Sum
}

// Digest is equal for worlds in which the same can happen.
func (w *World) Digest() uint64 {
	var all memory.Hash
	for _, h := range w.hosts {
		all.Word(h.Digest())
	}
	sum := uint64(0) // what is on its way has no order
	for i := range w.frames {
		sum += w.frames[i].Digest()
	}
	for i := range w.letters {
		sum += w.letters[i].Digest()
	}
	all.Word(sum)
	all.Word(w.ledger.Digest())
	return all.Sum
}
