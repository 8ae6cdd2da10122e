package control

import "slices"

// Seats are given by the leader to founders and to whom it invited; a seat's incarnation never changes in
// one step. A group below has one seat, so that its loss costs one vote: with a second one, few groups could
// take a quorum with them. Which of two it keeps the leader says, and takes the other back as it removes any
// member whose kernel answers (withholding). That happens where a founder comes back after the next leader of
// its group was given a seat: the founder's counts for more, since the next founding rests on its record.

// admitSeat gives a seat where one is free.
func (n *Node) admitSeat(m *Message, answer func(status AnswerStatus, why string)) {
	l := &n.lead
	seat := n.named(l.roster, m.From.Name)
	member := seat != nil && l.inView().Has(seat.Slot)
	kept, given := n.seatsBeside(&m.From)
	for _, p := range l.adm.asked {
		if p.slot == Slots && p.Name != m.From.Name {
			given++
		}
	}
	switch {
	case member && seat.Incarnation == m.From.Incarnation:
		answer(AnswerMember, "")
	case member:
		answer(AnswerWaiting, "the seat of the node's earlier incarnation has to be removed first")
	case l.adm.seats(&m.From):
		l.adm.pushAt = n.now
		answer(AnswerWaiting, "")
	case m.Holds:
		n.tellRemoved(m)
	case kept != nil:
		answer(AnswerTaken, kept.Name+" has the seat of its group")
	case given >= n.seats():
		answer(AnswerTaken, "every seat is taken")
	default:
		n.enqueue(applicant{Peer: m.From, slot: Slots})
		answer(AnswerWaiting, "")
	}
}

// seatsBeside looks at the seats of others for one that asks for a seat: kept is one of its own group that
// would stay rather than its own, or nil, and given is how many there would be beside its own.
func (n *Node) seatsBeside(p *Peer) (kept *Seat, given int) {
	l := &n.lead
	r, _ := l.newest()
	group, asks := n.groupOf(p.Name), &Seat{Slot: Slots, Peer: *p}
	voters := Voters(n.cfg.Level, l.inView().Or(l.adm.joiners))
	for s := voters.First(); s < Slots; s = voters.Next(s + 1) {
		o := r.At(s)
		switch {
		case o == nil || group == Slots || o.Name == p.Name || n.groupOf(o.Name) != group:
			given++
		case n.staysRather(o, asks):
			kept = o
			given++
		case !n.staysRather(asks, o):
			given++
		}
	}
	return kept, given
}

// groupOf is the slot of the group below that a node is in, as the content of that group says, or its
// leader's name; Slots where nobody knows.
func (n *Node) groupOf(name string) uint16 {
	l := &n.lead
	for s := l.view.New.First(); s < FirstSeat; s = l.view.New.Next(s + 1) {
		if leader := l.roster.At(s); leader != nil && leader.Name == name {
			return s
		}
		g := n.below.use(s)
		if g == nil {
			continue
		}
		for m := range g.All() {
			if m.Name == name {
				return s
			}
		}
	}
	return Slots
}

// staysRather reports whether of two seats of one group a is kept and b is not: this leader's own, which
// nobody can take back, then a founder's, then the one that was there before. Founders are the operator's
// choice, and none goes for another.
func (n *Node) staysRather(a, b *Seat) bool {
	x, y := slices.Contains(n.cfg.Founders, a.Name), slices.Contains(n.cfg.Founders, b.Name)
	switch own := n.reg.Slot; {
	case x && y:
		return false
	case a.Slot == own || b.Slot == own:
		return a.Slot == own
	case x != y:
		return x
	}
	return a.Slot < b.Slot
}

// surplus are the seats to be taken back since another of their group is kept. While somebody who votes is
// in doubt there are none: it may be the other that dies.
func (n *Node) surplus() Bitmap {
	l := &n.lead
	voters := Voters(n.cfg.Level, l.view.New)
	if n.below == nil || !l.suspects.Or(l.fallen).And(voters).Empty() {
		return Bitmap{}
	}
	if l.decided && l.surplusOf != l.view.Seq { // thousands of names are looked through once a view
		l.surplusOf, l.surplus = l.view.Seq, n.doubled(voters)
	}
	return l.surplus.And(voters)
}

// doubled are those of the seats beside which another of the same group is kept.
func (n *Node) doubled(seats Bitmap) (b Bitmap) {
	r := n.lead.roster
	var group [Slots]uint16
	for s := seats.First(); s < Slots; s = seats.Next(s + 1) {
		if group[s] = Slots; r.At(s) != nil {
			group[s] = n.groupOf(r.At(s).Name)
		}
		for o := seats.First(); o < s; o = seats.Next(o + 1) {
			if group[s] == Slots || group[o] != group[s] {
				continue
			}
			if n.staysRather(r.At(o), r.At(s)) {
				b.Set(s)
			}
			if n.staysRather(r.At(s), r.At(o)) {
				b.Set(o)
			}
		}
	}
	return b
}

// seats is how many voters the group is to have.
func (n *Node) seats() int {
	if n.cfg.Seats > 0 {
		return min(n.cfg.Seats, SeatsMax)
	}
	return SeatsWanted
}

// named returns the voter of that name, or nil. Above level 0 the node may also have the slot of
// a group that it leads.
func (n *Node) named(r *Roster, name string) *Seat {
	for i := range r.Seats {
		if s := &r.Seats[i]; s.Name == name && PlaceOf(n.cfg.Level, s.Slot).Votes() {
			return s
		}
	}
	return nil
}
