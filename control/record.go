package control

import "slices"

// InstanceRecord is what a founder keeps on disk.
//
// A disk may take a second, where a leader has some rounds: nothing waits for it but what the founders' rule
// rests on (Output.RecordFirst), which is to vote for an instance, to begin or close one and to leave; and to say
// that a roster with joiners is held (unsaved). That a view is decided is known to its members'
// registers, whose votes wait for no disk, whether this node waits with telling it or not: its record follows.
type InstanceRecord struct {
	Instance uint32  `json:"instance"`
	Epoch    uint64  `json:"epoch"`
	Voters   []Voter `json:"voters"` // of the top level, in the view of that number
	// Joiners were about to be let in by the next view: it may have been decided, or not.
	Joiners []Voter `json:"joiners,omitempty"`
	Closed  bool    `json:"closed"`
	// Votes are those to found later instances, ascending, as far as they are not known to be
	// void; Tried is the highest instance this founder ever voted for.
	Votes []FoundVote `json:"votes,omitempty"`
	Tried uint32      `json:"tried,omitempty"`
}

// FoundVote binds a founder to a proposed instance: it joins no earlier one unless the
// proposer says that it gave up.
type FoundVote struct {
	Instance uint32  `json:"instance"`
	Proposer string  `json:"proposer"`
	Voters   []Voter `json:"voters"`
}

// Voter is a voter of the top level as a record names it.
type Voter struct {
	Name string `json:"name"`
	RPC  string `json:"rpc"`
}

// voteFor binds this node to a proposed instance. Who is no founder keeps that in mind only
// as long as its agent lives.
func (n *Node) voteFor(instance uint32, proposer string, r *Roster) {
	if n.record.voted(instance, proposer) || len(n.record.Votes) >= votesMax {
		return
	}
	v := FoundVote{Instance: instance, Proposer: proposer}
	for i := range r.Seats {
		v.Voters = append(v.Voters, Voter{Name: r.Seats[i].Name, RPC: r.Seats[i].RPC})
	}
	n.record.Votes = append(n.record.Votes[:len(n.record.Votes):len(n.record.Votes)], v)
	n.record.Tried = max(n.record.Tried, instance)
	n.keepRecord()
	n.out.RecordFirst = true
}

// giveUpProposal makes this node's own proposals void: it alone could have begun them. It
// reports whether there were any.
func (n *Node) giveUpProposal() bool {
	n.found.proposed = 0
	return n.voidVotes(func(v *FoundVote) bool { return v.Proposer == n.cfg.Self.Name })
}

// voidVotes drops votes that can come to nothing, and reports whether there were any.
func (n *Node) voidVotes(void func(*FoundVote) bool) bool {
	var kept []FoundVote
	for i := range n.record.Votes {
		if v := &n.record.Votes[i]; !void(v) {
			kept = append(kept, *v)
		}
	}
	if len(kept) == len(n.record.Votes) {
		return false
	}
	n.record.Votes = kept
	n.keepRecord()
	n.out.RecordFirst = true
	return true
}

// gaveUp reports whether the state, of the vote's proposer, says that the proposal can come to
// nothing.
func (s *FoundState) gaveUp(v *FoundVote) bool {
	r := &s.Record
	return s.Register != v.Instance && r.Instance != v.Instance && r.Tried >= v.Instance && !r.voted(v.Instance, v.Proposer)
}

// voted reports whether the record holds this vote.
func (r *InstanceRecord) voted(instance uint32, proposer string) bool {
	for i := range r.Votes {
		if v := &r.Votes[i]; v.Instance == instance && v.Proposer == proposer {
			return true
		}
	}
	return false
}

// bars reports whether this node joins the instance no more: it voted for a later one, or knows of one.
func (r *InstanceRecord) bars(instance uint32) bool {
	return instance < r.Instance || len(r.Votes) > 0 && r.Votes[len(r.Votes)-1].Instance > instance
}

// learn adds what another record knows: the highest instance with its newest voters, closed if anybody who knew of them
// closed it, and all votes for later ones. Who closed it at an earlier epoch had been removed: the others went on.
func (r *InstanceRecord) learn(o *InstanceRecord) {
	r.Tried = max(r.Tried, o.Tried)
	switch {
	case o.Instance > r.Instance:
		r.Instance, r.Epoch, r.Voters, r.Joiners, r.Closed = o.Instance, o.Epoch, o.Voters, o.Joiners, o.Closed
	case o.Instance == r.Instance:
		if o.Epoch > r.Epoch {
			r.Epoch, r.Voters, r.Joiners, r.Closed = o.Epoch, o.Voters, nil, false
		}
		if o.Epoch == r.Epoch {
			r.Joiners, r.Closed = union(r.Joiners, o.Joiners), r.Closed || o.Closed
		}
	}
	votes := append(append([]FoundVote(nil), r.Votes...), o.Votes...)
	r.Votes = nil
	for _, v := range votes {
		if v.Instance > r.Instance && !r.voted(v.Instance, v.Proposer) {
			r.Votes = append(r.Votes, v)
		}
	}
}

// covers reports whether r knows all that o knows.
func (r *InstanceRecord) covers(o *InstanceRecord) bool {
	if o.Instance > r.Instance || o.Instance == r.Instance && o.Epoch > r.Epoch {
		return false
	}
	if o.Instance == r.Instance && o.Epoch == r.Epoch && (o.Closed && !r.Closed || len(union(r.Joiners, o.Joiners)) > len(r.Joiners)) {
		return false
	}
	for _, v := range o.Votes {
		if v.Instance > r.Instance && !r.voted(v.Instance, v.Proposer) {
			return false
		}
	}
	return true
}

// union is the voters of both lists, those of the first before others.
func union(a, b []Voter) []Voter {
	l := a[:len(a):len(a)]
	for _, v := range b {
		if !slices.Contains(l, v) {
			l = append(l, v)
		}
	}
	return l
}

// living lists the instances that may be alive for all the record knows, but for those up to
// abandoned, with the voters of each view that may be their last: each of them forbids founding
// until most of these rule it out.
func (r *InstanceRecord) living(abandoned uint32) (l []FoundVote) {
	if r.Instance > abandoned && !r.Closed {
		l = append(l, FoundVote{Instance: r.Instance, Voters: r.Voters})
		if len(r.Joiners) > 0 {
			l = append(l, FoundVote{Instance: r.Instance, Voters: union(r.Voters, r.Joiners)})
		}
	}
	for _, v := range r.Votes {
		if v.Instance > abandoned {
			l = append(l, v)
		}
	}
	return l
}

// recordDecided keeps the record of who votes in a view that is decided. Who was about to be let in may be
// so by one of the next views yet, since holders of their roster are not asked again; the leader knows.
func (n *Node) recordDecided(epoch uint64, members Bitmap, rosters ...*Roster) {
	if l := &n.lead; n.role == roleLeader {
		n.recordVoters(epoch, members, l.view.New.Or(l.adm.joiners), append(rosters, l.adm.roster)...)
		return
	}
	n.recordWith(epoch, members, Bitmap{}, n.joinersOnRecord(), rosters)
}

// recordTold keeps the record of who votes as a letter with a roster says. Who is no longer about to be let in is known
// to the leader alone. Its letter may be late: it says nothing of those for whom this node's register voted since.
func (n *Node) recordTold(m *Message) {
	before := n.joinersOnRecord()
	if m.From.Name == n.nameOf(n.reg.Leader()) {
		var votedFor []Voter
		if a := &n.reg.Accepted; a.Ballot == n.reg.BeatBallot { // else it was another leader's view
			votedFor, _ = voters(a.New, []*Roster{n.rosterOf(a.Roster)})
		}
		before = slices.DeleteFunc(slices.Clone(before), func(v Voter) bool { return !slices.Contains(votedFor, v) })
	}
	n.recordWith(m.Epoch, m.Voters, m.Joiners, before, []*Roster{m.Roster})
}

// joinersOnRecord are those of this node's instance.
func (n *Node) joinersOnRecord() []Voter {
	if n.record.Instance != n.reg.Instance {
		return nil
	}
	return n.record.Joiners
}

// recordVoters keeps the record of who votes: the members of a decided view, and joiners that the
// next may let in, named by the given or held rosters. Nothing older than the record is taken. A
// founder's is on disk before it says that it holds that roster, and before it leaves; others
// keep theirs in mind, so that those removed from an instance can say that it went on without
// them.
func (n *Node) recordVoters(epoch uint64, members, joiners Bitmap, rosters ...*Roster) {
	n.recordWith(epoch, members, joiners, nil, rosters)
}

// recordWith does so where others are about to be let in as well, as far as they do not vote yet.
func (n *Node) recordWith(epoch uint64, members, joiners Bitmap, others []Voter, rosters []*Roster) {
	members, joiners = Voters(n.cfg.Level, members), Voters(n.cfg.Level, joiners)
	if len(n.cfg.Founders) == 0 { // its group is formed by decree, not founded
		return
	}
	if members.Empty() || n.record.Instance == n.reg.Instance && epoch < n.record.Epoch {
		return
	}
	for _, h := range n.rosters {
		rosters = append(rosters, h.Roster)
	}
	r := InstanceRecord{Instance: n.reg.Instance, Epoch: epoch, Tried: max(n.record.Tried, n.reg.Instance)}
	var named, all bool
	if r.Voters, named = voters(members, rosters); !named {
		return // part of them would make a majority of its own
	}
	if r.Joiners, all = voters(joiners.Minus(members), rosters); !all {
		return
	}
	before := slices.DeleteFunc(slices.Clone(others), func(v Voter) bool { return slices.Contains(r.Voters, v) })
	r.Joiners = union(before, r.Joiners)
	if sameRecord(&r, &n.record) {
		return
	}
	n.record = r
	n.keepRecord()
}

// recordHeard keeps what others know of the voters of an instance to which this node does not belong: who told it may
// be rebooted or cut off when it counts. That somebody closed it counts only as long as that is heard (known): those
// who did not hear of the closing may go on, and this node with them.
func (n *Node) recordHeard(o *InstanceRecord) {
	r := n.record
	r.learn(&InstanceRecord{Instance: o.Instance, Epoch: o.Epoch, Voters: o.Voters, Joiners: o.Joiners, Tried: o.Instance})
	if !sameRecord(&r, &n.record) {
		n.record = r
		n.keepRecord()
	}
}

// withVoters adds to a message what a founder records: who votes as far as this node knows, and
// who may soon.
func (n *Node) withVoters(m Message) Message {
	m.Instance = n.reg.Instance
	m.Epoch, m.Voters, m.Joiners = n.reg.Committed.Seq, n.reg.Committed.Members, n.reg.Accepted.New
	if l := &n.lead; n.role == roleLeader {
		m.Epoch, m.Voters, m.Joiners = l.view.Seq, l.view.New, l.view.New.Or(l.adm.joiners)
		if !l.decided {
			m.Epoch, m.Voters = l.view.Seq-1, l.view.Old
		}
	}
	m.Joiners = m.Joiners.Minus(m.Voters)
	return m
}

// voters names the slots of a set, each by the first roster that does, and reports whether there
// was one for every slot.
func voters(b Bitmap, rosters []*Roster) (l []Voter, all bool) {
	for s := b.First(); s < Slots; s = b.Next(s + 1) {
		i := slices.IndexFunc(rosters, func(r *Roster) bool { return r != nil && r.At(s) != nil })
		if i < 0 {
			return nil, false
		}
		seat := rosters[i].At(s)
		l = append(l, Voter{Name: seat.Name, RPC: seat.RPC})
	}
	return l, true
}

func sameRecord(a, b *InstanceRecord) bool {
	return a.Instance == b.Instance && a.Epoch == b.Epoch && a.Closed == b.Closed && len(a.Votes) == len(b.Votes) &&
		slices.Equal(a.Voters, b.Voters) && slices.Equal(a.Joiners, b.Joiners)
}

// unsaved reports whether the record is still on its way to the disk.
func (n *Node) unsaved() bool { return n.cfg.WriteBehind && (n.saving || n.out.Record != nil) }

func (n *Node) keepRecord() {
	if !n.founder() {
		return
	}
	r := n.record
	n.out.Record = &r
}
