package sim

import (
	"slices"

	"rollcall/control"
)

// Primary (G3): one side of a partition goes on, and one instance of the cluster lives.

// follows looks at a decision: it must rest on the one before, in the one instance that lives.
func (l *ledger) follows(c *choice) {
	p := &c.proposal
	if last := l.chosen[viewKey{c.instance, c.generation, c.seq - 1}]; last != nil && last.proposal.New != p.Old {
		l.w.fail("G3", "seq %d follows %s, but %s were its members", c.seq, slots(p.Old), slots(last.proposal.New))
	}
	if l.head != nil && l.head.instance > c.instance {
		l.w.fail("G3", "instance %d decides seq %d while instance %d lives", c.instance, c.seq, l.head.instance)
	}
}

// outlived looks at a lease that a register extends: none may reach into the life of a later
// instance.
func (l *ledger) outlived(h *host, was mark) {
	r := &h.reg
	if l.head != nil && l.head.instance > r.Instance && r.LeaseUntil > was.lease && h.leaseEnd() > l.began[l.head.instance] {
		l.w.fail("G3", "%s extends its lease in instance %d while instance %d lives", h.name, r.Instance, l.head.instance)
	}
}

// notCovered is what ends a run that comes upon the one case of two instances of which control/doc.go says, under "What
// G3 does not cover", that it is not ruled out.
const notCovered = "not covered"

// founding is one founder's proposal of an instance, as its letters tell.
type founding struct {
	known control.InstanceRecord // that it rests on: all that the founder knew
	votes map[string]bool
	told  bool // who voted could hear from a member of the earlier instance just then
}

// proposer names a proposal of an instance: two founders may propose the same one.
type proposer struct {
	instance uint32
	rpc      string
}

// written takes note of a letter that has to do with founding.
func (l *ledger) written(from *host, letter *control.Letter) {
	of, m := proposer{letter.Message.Instance, letter.To}, &letter.Message
	if m.Kind == control.MessagePropose {
		of.rpc = from.peer.RPC
	} else if m.Kind != control.MessageVote {
		return
	}
	f := l.foundings[of]
	if f == nil {
		f = &founding{votes: map[string]bool{}}
		l.foundings[of] = f
	}
	if f.votes[from.name] = true; m.Kind == control.MessagePropose { // who proposes votes for it
		f.known = m.State.Record
	}
	f.told = f.told || l.head != nil && l.head.instance < m.Instance && l.hears(from, l.head)
}

// hears reports whether a member of the last view could tell the host that it goes on.
func (l *ledger) hears(h *host, last *choice) bool {
	return slices.ContainsFunc(l.w.hosts, func(m *host) bool { return l.member(m, last) && l.w.canTalk(m, h) })
}

// member reports whether the host holds a register of a member of the last view.
func (l *ledger) member(h *host, last *choice) bool {
	r := &h.reg
	return h.up && r.State == control.RegisterMember && r.Instance == last.instance && last.proposal.New.Has(r.Slot) && !l.replaced(h, last)
}

// begins looks at the first decision of an instance while an earlier one could go on. It is that case where most of the
// founders voted, and most of the voters that they knew of, by a record that is out of date: none of these is in the
// last view, and nobody who is could tell the founders otherwise, now or when they voted. Whatever else lets an
// instance begin is left to the checks that follow.
func (l *ledger) begins(c *choice) {
	last := l.head
	if last == nil || last.instance >= c.instance {
		return
	}
	var holding control.Bitmap
	members := map[string]bool{}
	for _, h := range l.w.hosts {
		if l.member(h, last) {
			holding.Set(h.reg.Slot)
			members[h.name] = true
		}
	}
	if !control.Quorum(holding, last.proposal.New) {
		return // it is over
	}
	seat := l.rosters[c.proposal.Roster].At(c.proposal.Ballot.Slot())
	f := l.foundings[proposer{c.instance, seat.RPC}]
	if f == nil || f.told || f.known.Instance != last.instance || f.known.Epoch >= last.seq {
		return
	}
	voted := 0
	for _, h := range l.w.hosts[:l.w.Founders] {
		if !f.votes[h.name] {
			continue
		}
		if voted++; l.hears(h, last) {
			return
		}
	}
	most := func(voters []control.Voter) bool {
		gone := 0
		for _, v := range voters {
			if f.votes[v.Name] && !members[v.Name] {
				gone++
			}
		}
		return 2*gone > len(voters)
	}
	if all := slices.Concat(f.known.Voters, f.known.Joiners); 2*voted > l.w.Founders && most(f.known.Voters) && most(all) {
		l.w.fail(notCovered, "instance %d begins while %s could go on with instance %d", c.instance, slots(last.proposal.New), last.instance)
	}
}

// canTalk reports whether the agents of two hosts run and letters get through between them.
func (w *World) canTalk(a, b *host) bool {
	there, _ := w.net.way(a.id, b.id)
	return a == b || there != nil && a.agent.state == agentRunning && b.agent.state == agentRunning
}
