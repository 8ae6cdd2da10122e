package control

// A node that was rebooted asks to be let in while its earlier incarnation is a member. That one is
// taken out at once, and no lease is waited for, when it is certain that its kernel is no more:
//
//   - Both incarnations name boots, and not the same. One that was given up, or whose pins were taken
//     away, under a kernel that goes on is missed for k rounds like any other.
//   - The leader asked back, and the answer names the other incarnation. A request may be older than
//     the member, of an incarnation before it; the answer is younger than the question, which
//     nobody can know before, and the question is younger than the member. A host's incarnations
//     follow each other, so whoever answers as another now is not that one any more.
//   - The question goes to the member's own address, as its roster has it: another node of the
//     same name accuses nobody.
//
// A frame says nothing of the kind. Nobody gets the slot of a member before that is removed, so who
// answers in it as another incarnation was about to be let in earlier, and given up.

// Inquiry is a leader's question to a member's host: which incarnation are you? Under one ballot
// there is none at a time before it was asked.
type Inquiry struct {
	Ballot Ballot `json:"ballot"`
	At     Time   `json:"at"` // by the leader's clock
}

// inquired is what a leader asked about the member in a slot.
type inquired struct {
	incarnation uint64 // of the member
	Inquiry
}

// inquire is the question for one that asks to be let in as another incarnation of a member; zero: its
// answer would prove nothing.
func (n *Node) inquire(member *Seat, p *Peer) Inquiry {
	if p.RPC != member.RPC || !otherBoot(member.Incarnation, p.Incarnation) {
		return Inquiry{}
	}
	l := &n.lead
	q := l.inquiries[member.Slot]
	if q.incarnation != member.Incarnation {
		q = inquired{member.Incarnation, Inquiry{Ballot: l.ballot, At: n.now}}
		if l.inquiries == nil {
			l.inquiries = map[uint16]inquired{}
		}
		l.inquiries[member.Slot] = q
	}
	return q.Inquiry
}

// rebooted reports whether a request is the proof that the member is no more.
func (n *Node) rebooted(member *Seat, m *Message) bool {
	q := n.lead.inquiries[member.Slot]
	return m.Inquiry != (Inquiry{}) && m.Inquiry == q.Inquiry && q.incarnation == member.Incarnation &&
		otherBoot(member.Incarnation, m.From.Incarnation)
}
