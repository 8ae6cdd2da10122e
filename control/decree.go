package control

import "time"

// decreed forms this node's group anew: the level above decided, in a roster, that this node and
// nobody else begins the given generation. Members that it names and that still hold the
// registers that this node's roster names go on in it under their incarnations; they follow,
// because the higher generation wins everywhere. Its first view follows none, so its members alone
// decide it, and its number is above all that they know: the message's Epoch, too. Its Version is the
// generation, its Roster the members to take along.
func (n *Node) decreed(m *Message) {
	generation := uint16(m.Version)
	if n.role == roleLeft || n.leaving || n.reg.Promised.Generation() >= generation && n.reg.State != RegisterVacant {
		return
	}
	switch n.reg.State {
	case RegisterVacant:
		if n.reg.Incarnation == 0 || n.record.bars(m.Instance) {
			return
		}
		seat := Seat{Slot: n.firstSlot(), Peer: n.self()}
		n.command(Command{Kind: CommandJoin, Cluster: n.cfg.ClusterID, Instance: m.Instance, Level: n.cfg.Level, Group: n.cfg.Group, Slot: seat.Slot})
		n.rosters = nil
		r := (&Roster{}).With(seat)
		n.hold(r)
		n.begin(NewBallot(generation, 1, seat.Slot), 1, Of(seat.Slot), r, "formed by decree")
	case RegisterMember:
		if n.reg.Instance != m.Instance {
			return
		}
		r := n.rosterOf(n.reg.Accepted.Roster)
		if r == nil {
			n.fetch(n.reg.Accepted.Roster)
			return
		}
		members, seq := Of(n.reg.Slot), max(m.Epoch, n.reg.Accepted.Seq, n.reg.Committed.Seq)
		for i := range m.Roster.Seats {
			o := &m.Roster.Seats[i]
			if seat := r.At(o.Slot); seat != nil && seat.Name == o.Name && seat.Incarnation == o.Incarnation {
				members.Set(o.Slot)
			}
		}
		n.hold(r)
		n.begin(NewBallot(generation, 1, n.reg.Slot), seq+1, members, r, "formed anew by decree")
	default: // it has no part in a view that others could go on from
		n.removed("its group is formed anew")
	}
}

// superseded ends this host's part in a group that was formed anew without it, and tells its
// members: none of what they decided since counts.
func (h *Host) superseded(m *Message) {
	level := m.Level - 1
	n := h.nodes[SeatAt(level)]
	if n == nil || h.in.Registers[SeatAt(level)].State == RegisterVacant || m.Instance != h.in.Registers[SeatAt(level)].Instance {
		return
	}
	if len(n.rosters) > 0 {
		for i := range n.rosters[0].Seats {
			h.letter(n.rosters[0].Seats[i].RPC, level, n.cfg.Group, Message{
				Kind: MessageAnswer, Instance: m.Instance, Version: m.Version, Seat: level > 0,
				Answer: &Answer{Status: AnswerSuperseded, Why: m.Answer.Why},
			})
		}
	}
}

// recoverFor is how long the order to recover is tried to be carried out: candidates outbid each
// other where there is no quorum, and one campaign may be too short to hear everybody.
const recoverFor = 10 * time.Second

// recover is the operator's decree for a group that lost its quorum and has nobody above: those
// that answer go on in the next generation, without the others. If some of these are alive
// somewhere after all, and a quorum, there are two clusters until they meet.
func (n *Node) recover() {
	why := ""
	switch {
	case n.reg.State != RegisterMember || !n.place.Votes():
		why = "this node has no seat: order it on one that has"
	case n.role == roleLeader || n.now.Since(n.reg.BeatAt) < n.reg.Calm():
		why = "there is nothing to recover here: somebody leads"
	}
	if why != "" {
		n.event(Event{Kind: EventRefused, Why: why})
		return
	}
	n.cand.decreed = n.now.Add(recoverFor)
	if n.role == roleFollower {
		n.stand(0, "ordered to recover the group")
	}
}

// recovers carries the order to recover out, once whoever is there had the time to promise.
func (n *Node) recovers() bool {
	t := n.tally
	if !n.now.Before(n.cand.decreed) {
		return false
	}
	if heard := n.cand.began.Add(n.reg.Interval()); n.now.Before(heard) {
		n.wakeAt(heard)
		return false
	}
	a, _ := n.highest()
	r := n.rosterOf(a.Roster)
	if r == nil || !a.New.Has(n.reg.Slot) {
		n.cand.decreed = 0
		n.event(Event{Kind: EventRefused, Why: "this node does not know who the members are: order it on another seat"})
		return false
	}
	alive := t.Promises.Or(Of(n.reg.Slot))
	members := a.New.Minus(Voters(n.cfg.Level, a.New).Minus(alive))
	seq := max(a.Seq, n.reg.Committed.Seq)
	for s := members.First(); s < Slots; s = members.Next(s + 1) {
		seq = max(seq, t.Members[s].Accepted.Seq, t.Members[s].Committed)
	}
	n.cand.decreed = 0
	n.hold(r)
	n.begin(NewBallot(n.reg.Promised.Generation()+1, 1, n.reg.Slot), seq+1, members, r, "recovered by the operator's decree")
	return true
}
