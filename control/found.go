package control

import (
	"slices"
	"time"
)

// founding is a founder's part in beginning an instance.
//
// A founder that is absent asks the founders, and the voters that the highest record names,
// how things stand. When a majority of founders has been quiet for FoundWait, the first of
// them proposes the next instance; who votes for it writes that down first, and from then on
// joins no earlier instance. The instance begins with all that were asked as members, whether
// their vote came in time or not: its quorums then meet every majority of them. It takes the
// votes of a majority of founders and, for each earlier instance that may be alive (the highest
// recorded, unless closed or given up by decree, and any that was voted for since), of a
// majority of its voters: these hold no register of it and never will, so it is dead.
//
// Votes may come late, since each is on disk before it leaves, and so is the proposal. It stands, and those who
// did not vote are asked again, until another would have a better chance: a number is not given up for nothing.
type founding struct {
	heardAt   Time // a member of any instance
	next      Time
	suffices  Time // since when those heard of late could found; 0: they cannot
	states    []foundState
	abandoned uint32 // by the operator's decree
	waiting   waiting

	proposed uint32 // instance proposed, awaiting votes
	until    Time
	roster   *Roster
	known    InstanceRecord // all that founders and voters knew at the time
	votes    []string
}

type foundState struct {
	from  Peer
	at    Time
	state FoundState
}

// end forgets all that was asked for, and who waited, once this node belongs to a group.
func (f *founding) end() { *f = founding{heardAt: f.heardAt, abandoned: f.abandoned} }

func (n *Node) founder() bool { return slices.Contains(n.cfg.Founders, n.cfg.Self.Name) }

// founds asks around, and founds when the rules allow it.
func (n *Node) founds() {
	f := &n.found
	if !n.founder() && len(n.record.Votes) == 0 { // who voted asks what became of it
		return
	}
	n.heardOf(n.elsewhere)
	every := n.foundEvery()
	if f.next == 0 || !n.now.Before(f.next) {
		f.next = n.now.Add(every)
		for _, to := range n.concerned(4 * every) {
			n.letter(to, Message{Kind: MessageAsk})
		}
	}
	n.wakeAt(f.next)
	if !n.founder() {
		return
	}
	if n.now.Before(f.until) {
		n.wakeAt(f.until)
		return
	}
	if n.proposalStands(4 * every) {
		f.until = n.now.Add(n.votesWithin(every))
		n.wakeAt(f.until)
		n.askForVotes()
		n.countVotes()
		return
	}
	if n.giveUpProposal() {
		f.until = n.now.Add(n.turn(every)) // the next may try
		n.wakeAt(f.until)
		return
	}
	n.foundPropose(every)
}

// foundEvery is the time between two rounds of asking.
func (n *Node) foundEvery() time.Duration {
	return min(max(n.cfg.FoundWait/8, 50*time.Millisecond), time.Second)
}

// foundPropose proposes the next instance if this founder is the first that may.
func (n *Node) foundPropose(every time.Duration) {
	f := &n.found
	quiet := n.quiet()
	if quiet < n.cfg.FoundWait {
		f.suffices = 0
		n.wakeAt(n.now.Add(n.cfg.FoundWait - quiet))
		return
	}
	known := n.known(4 * every)
	if len(known.Votes) > votesMax || !n.suffices(&known, func(name string) bool { return n.mayVote(name, 4*every) }) {
		f.suffices = 0
		return // no number is given to what would come to nothing
	}
	if f.suffices == 0 {
		f.suffices = n.now
	}
	// Where a cut has just healed the answer of one who is a member may come behind those of most who are none.
	if since := f.suffices.Add(2 * every); known.Instance > f.abandoned && !known.Closed && n.now.Before(since) {
		n.wakeAt(since)
		return
	}
	ready := []Peer{n.self()}
	first := true
	for _, name := range n.cfg.Founders {
		if name == n.cfg.Self.Name || !n.mayVote(name, 4*every) {
			continue
		}
		if slices.Index(n.cfg.Founders, name) < slices.Index(n.cfg.Founders, n.cfg.Self.Name) {
			first = false
		}
		ready = append(ready, n.freshState(name, 4*every).from)
	}
	// The first in the list proposes; the others only when it has had its chance.
	if !first && quiet < n.cfg.FoundWait+n.turn(every) {
		return
	}
	f.known = known
	f.proposed = max(known.Instance, known.Tried) + 1
	f.until = n.now.Add(n.votesWithin(every))
	f.votes = nil
	f.roster = &Roster{}
	for _, name := range n.cfg.Founders { // slots by the order of the list
		for _, p := range ready {
			if p.Name == name && len(f.roster.Seats) < Slots-int(n.firstSlot()) {
				f.roster.Seats = append(f.roster.Seats, Seat{Slot: n.firstSlot() + uint16(len(f.roster.Seats)), Peer: p})
			}
		}
	}
	n.voteFor(f.proposed, n.cfg.Self.Name, f.roster)
	f.votes = append(f.votes, n.cfg.Self.Name)
	n.askForVotes()
	n.countVotes()
}

// concerned lists the agents that are to say how things stand: those that may know the group, and the voters
// of each instance that may be alive.
func (n *Node) concerned(fresh time.Duration) []string {
	l := n.askable()
	known := n.known(fresh)
	for _, old := range known.living(n.found.abandoned) {
		for _, v := range old.Voters {
			if v.RPC != n.cfg.Self.RPC && !slices.Contains(l, v.RPC) {
				l = append(l, v.RPC)
			}
		}
	}
	return l
}

// known is all that this node and those that answered of late know of instances.
func (n *Node) known(fresh time.Duration) InstanceRecord {
	known := n.record
	for i := range n.found.states {
		if s := &n.found.states[i]; n.now.Since(s.at) <= fresh {
			known.learn(&s.state.Record)
		}
	}
	known.Votes = n.standing(known.Votes, fresh)
	return known
}

// mayVote reports whether nothing that a founder or voter told of late keeps it from voting.
func (n *Node) mayVote(name string, fresh time.Duration) bool {
	if name == n.cfg.Self.Name {
		return true
	}
	s := n.freshState(name, fresh)
	return s != nil && s.state.Register == 0 && !s.state.Left &&
		(!slices.Contains(n.cfg.Founders, name) || time.Duration(s.state.QuietMS)*time.Millisecond >= n.cfg.FoundWait)
}

// suffices reports whether an instance may begin with the votes of those whose names are accepted: a majority
// of the founders, and of the voters of each instance that may be alive.
func (n *Node) suffices(known *InstanceRecord, votes func(name string) bool) bool {
	founders := 0
	for _, name := range n.cfg.Founders {
		if votes(name) {
			founders++
		}
	}
	if 2*founders <= len(n.cfg.Founders) {
		return false
	}
	for _, old := range known.living(n.found.abandoned) {
		voters := 0
		for _, v := range old.Voters {
			if votes(v.Name) {
				voters++
			}
		}
		if 2*voters <= len(old.Voters) {
			return false
		}
	}
	return true
}

// standing leaves out the votes whose proposers, this node among them, gave up.
func (n *Node) standing(votes []FoundVote, fresh time.Duration) (l []FoundVote) {
	own := FoundState{Register: n.reg.Instance, Record: n.record}
	for i := range votes {
		v := &votes[i]
		state := &own
		if v.Proposer != n.cfg.Self.Name {
			s := n.freshState(v.Proposer, fresh)
			if s == nil {
				l = append(l, *v)
				continue
			}
			state = &s.state
		}
		if !state.gaveUp(v) {
			l = append(l, *v)
		}
	}
	return l
}

// turn is how long a founder leaves the proposing to others: the longer the later it stands in
// the list, so that two do not go on outbidding each other.
func (n *Node) turn(every time.Duration) time.Duration {
	return time.Duration(1+slices.Index(n.cfg.Founders, n.cfg.Self.Name)) * max(n.cfg.FoundWait/2, 8*every)
}

func (n *Node) quiet() time.Duration { return n.now.Since(max(n.found.heardAt, n.join.since)) }

// heardOf notes that a member of some instance is out there.
func (n *Node) heardOf(instance uint32) {
	if instance > n.found.abandoned {
		n.found.heardAt = n.now
	}
}

func (n *Node) freshState(name string, age time.Duration) *foundState {
	for i := range n.found.states {
		if s := &n.found.states[i]; s.from.Name == name && n.now.Since(s.at) <= age {
			return s
		}
	}
	return nil
}

// foundAsked tells a founder how things stand here.
func (n *Node) foundAsked(m *Message) {
	s := FoundState{Record: n.record, QuietMS: uint64(max(n.quiet(), 0) / time.Millisecond), Left: n.role == roleLeft}
	if held := max(n.reg.Instance, n.elsewhere); held != 0 {
		s.Register, s.QuietMS = held, 0
	}
	n.letter(m.From.RPC, Message{Kind: MessageState, Instance: n.reg.Instance, State: &s})
}

func (n *Node) foundState(m *Message) {
	f := &n.found
	if n.role != roleAbsent {
		n.heardBeside(m)
		return
	}
	if m.State.Register != 0 {
		n.heardOf(m.State.Register)
		if m.State.Register > f.abandoned {
			n.hint(m.From.RPC)
		}
	}
	n.voidVotes(func(v *FoundVote) bool { return v.Proposer == m.From.Name && m.State.gaveUp(v) })
	n.recordHeard(&m.State.Record)
	for i := range f.states {
		if f.states[i].from.Name == m.From.Name {
			f.states[i] = foundState{from: m.From, at: n.now, state: *m.State}
			return
		}
	}
	if len(f.states) < 2*Slots {
		f.states = append(f.states, foundState{from: m.From, at: n.now, state: *m.State})
	}
}

// foundProposed votes for a proposed instance if nothing speaks against it here.
func (n *Node) foundProposed(m *Message) {
	if n.reg.State != RegisterVacant || n.role != roleAbsent || m.Instance <= n.record.Instance || n.elsewhere > n.found.abandoned {
		return
	}
	if n.founder() && n.quiet() < n.cfg.FoundWait {
		return
	}
	for i := range n.record.Votes {
		if v := &n.record.Votes[i]; v.Instance > m.Instance || v.Instance == m.Instance && v.Proposer != m.From.Name {
			return
		}
	}
	vote := Message{Kind: MessageVote, Instance: m.Instance}
	if n.record.voted(m.Instance, m.From.Name) { // it was asked again: the vote was late, or lost
		n.letter(m.From.RPC, vote)
		return
	}
	if n.giveUpProposal() {
		n.found.until = n.now.Add(n.turn(n.foundEvery()))
	}
	if !m.State.Record.covers(&n.record) {
		return // it does not know of an instance that may be alive, or who its voters are now
	}
	n.found.until = n.now.Add(n.turn(n.foundEvery()))
	n.voteFor(m.Instance, m.From.Name, m.Roster)
	n.letter(m.From.RPC, vote)
}

func (n *Node) foundVoted(m *Message) {
	f := &n.found
	if n.role != roleAbsent || f.proposed == 0 || m.Instance != f.proposed || slices.Contains(f.votes, m.From.Name) {
		return
	}
	f.votes = append(f.votes, m.From.Name)
	n.countVotes()
}

// countVotes begins the instance when the votes suffice, and nothing was heard since that speaks against it.
func (n *Node) countVotes() {
	f := &n.found
	if known := n.besidesProposal(n.record); n.quiet() < n.cfg.FoundWait || n.elsewhere > f.abandoned || !f.known.covers(&known) {
		return
	}
	if n.suffices(&f.known, func(name string) bool { return slices.Contains(f.votes, name) }) {
		n.startInstance()
	}
}

// startInstance sets the register up as the first leader's and has it beat the first view.
func (n *Node) startInstance() {
	instance, roster := n.found.proposed, n.found.roster
	seat := roster.Named(n.cfg.Self.Name)
	if seat == nil || seat.Incarnation != n.reg.Incarnation || n.reg.State != RegisterVacant || !n.record.voted(instance, n.cfg.Self.Name) {
		n.found.proposed = 0
		return
	}
	var members Bitmap
	for i := range roster.Seats {
		members.Set(roster.Seats[i].Slot)
	}
	n.command(Command{Kind: CommandJoin, Cluster: n.cfg.ClusterID, Instance: instance, Level: n.cfg.Level, Group: n.cfg.Group, Slot: seat.Slot})
	n.recordVoters(0, members, Bitmap{}, roster) // from here on the proposal can not be given up
	n.out.RecordFirst = true
	n.rosters = nil
	n.hold(roster)
	n.begin(NewBallot(1, 1, seat.Slot), 1, members, roster, "founded")
	n.lead.adm.holders.Set(seat.Slot)
	m := n.withVoters(Message{Kind: MessageRoster, Roster: roster})
	for i := range roster.Seats {
		n.letter(roster.Seats[i].RPC, m)
	}
}

// begin leads a view that follows no other: members decide it among themselves, by beats from now on.
func (n *Node) begin(b Ballot, seq uint64, members Bitmap, r *Roster, why string) {
	n.role = roleLeader
	n.watch = watch{}
	n.found.end()
	n.join.since = n.now
	n.lead = leadership{ballot: b, roster: r, began: seq, took: seq, former: Slots, elected: n.now}
	n.lead.view = Proposal{Ballot: b, Seq: seq - 1, New: members}
	if n.below != nil {
		n.below.begin(members, r)
	}
	n.event(Event{Kind: EventFounded, Ballot: b, To: seq, Leader: n.cfg.Self.Name, Joined: n.names(members), Why: why})
	n.propose(members, r, Event{Why: why})
	n.lead.view.Old = members
}

// firstSlot is the lowest that a voter has.
func (n *Node) firstSlot() uint16 {
	if n.cfg.Level > 0 {
		return FirstSeat
	}
	return 0
}
