package control

import "time"

// judgeRails is how often at most a node looks whether rails are lost: a rail that loses many
// frames, though not all, would else be told of with every round.
const judgeRails = time.Second

// railWatch is what a node last told of lost rails.
type railWatch struct {
	lost   [RailsMax]Bitmap // who lost the rail
	led    bool             // told as a leader
	judged Time
}

// watchRails tells when rails are lost and when they are back: a leader of its members, whose echoes
// it hears, everybody else of itself, by the leader's beats.
func (n *Node) watchRails() {
	leads := n.role == roleLeader
	if n.cfg.Level > 0 || len(n.cfg.Self.Rails) < 2 || !leads && n.role != roleFollower {
		return
	}
	w := n.rails
	if w == nil || w.led != leads {
		w = &railWatch{led: leads}
	} else if n.now.Since(w.judged) < judgeRails {
		return
	}
	lost, judged := n.lostByBeats()
	if leads {
		lost, judged = n.lostByEchoes()
	}
	for rail := range lost {
		before := w.lost[rail].And(judged) // who is no member any more has no rails to lose
		n.tellRail(EventRailLost, rail, lost[rail].Minus(before))
		n.tellRail(EventRailBack, rail, before.Minus(lost[rail]))
	}
	n.rails = &railWatch{lost: lost, led: leads, judged: n.now}
}

func (n *Node) tellRail(kind EventKind, rail int, who Bitmap) {
	if !who.Empty() {
		n.event(Event{Kind: kind, Rail: uint8(rail), Nodes: n.names(who)})
	}
}

// lostByEchoes is which of the leader's rails its members have lost, and who was judged.
func (n *Node) lostByEchoes() (lost [RailsMax]Bitmap, judged Bitmap) {
	l, t := &n.lead, n.tally
	if t.Ballot != l.ballot || t.Preparing != 0 {
		return n.rails.last(), l.view.New
	}
	for i := range l.roster.Seats {
		s := &l.roster.Seats[i]
		if s.Slot == n.reg.Slot || !l.view.New.Has(s.Slot) {
			continue
		}
		judged.Set(s.Slot)
		h := &t.Heard[s.Slot]
		n.lose(&lost, s.Slot, s.Rails, &h.Rails, h.Entered, h.Round)
	}
	return lost, judged
}

// lostByBeats is which rails of the leader's bring this node no beats.
func (n *Node) lostByBeats() (lost [RailsMax]Bitmap, judged Bitmap) {
	r := n.rosterOf(n.reg.Accepted.Roster)
	if r == nil || n.reg.State != RegisterMember {
		return n.rails.last(), Of(n.reg.Slot)
	}
	if leader := r.At(n.reg.Leader()); leader != nil {
		n.lose(&lost, n.reg.Slot, leader.Rails, &n.reg.BeatRails, 0, n.reg.BeatRound)
	}
	return lost, Of(n.reg.Slot)
}

func (w *railWatch) last() (lost [RailsMax]Bitmap) {
	if w != nil {
		lost = w.lost
	}
	return lost
}

// lose adds a slot to those who lost a rail, of the rails that the other end has as well: where k rounds
// came by others since the last by this one.
func (n *Node) lose(lost *[RailsMax]Bitmap, slot uint16, other []Endpoint, last *[RailsMax]uint64, since, newest uint64) {
	for rail := range min(len(n.cfg.Self.Rails), len(other)) {
		if from := max(last[rail], since); newest >= from+uint64(n.cfg.Rounds) {
			lost[rail].Set(slot)
		}
	}
}
