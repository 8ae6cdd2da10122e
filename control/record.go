package control

// InstanceRecord is what a founder keeps on disk. The driver writes and syncs it before it
// sends anything of the same Output.
type InstanceRecord struct {
	Instance uint32  `json:"instance"`
	Epoch    uint64  `json:"epoch"`
	Voters   []Voter `json:"voters"` // of the top level
	Closed   bool    `json:"closed"`
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
}

// giveUpProposal makes this node's own proposals void: it alone could have begun them.
func (n *Node) giveUpProposal() {
	n.found.proposed = 0
	n.voidVotes(func(v *FoundVote) bool { return v.Proposer == n.cfg.Self.Name })
}

// voidVotes drops votes that can come to nothing.
func (n *Node) voidVotes(void func(*FoundVote) bool) {
	var kept []FoundVote
	for i := range n.record.Votes {
		if v := &n.record.Votes[i]; !void(v) {
			kept = append(kept, *v)
		}
	}
	if len(kept) != len(n.record.Votes) {
		n.record.Votes = kept
		n.keepRecord()
	}
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

// bars reports whether a vote keeps this node from joining the instance.
func (r *InstanceRecord) bars(instance uint32) bool {
	return instance < r.Instance || len(r.Votes) > 0 && r.Votes[len(r.Votes)-1].Instance > instance
}

// last is the highest instance that may have begun, as far as the record knows.
func (r *InstanceRecord) last() (v FoundVote, epoch uint64, closed bool) {
	if len(r.Votes) > 0 {
		return r.Votes[len(r.Votes)-1], 0, false
	}
	return FoundVote{Instance: r.Instance, Voters: r.Voters}, r.Epoch, r.Closed
}

// recordVoters keeps the record of who votes: members, named by the given or held rosters.
// A founder's is on disk before it says that it holds that roster; others keep theirs in
// mind, so that those removed from an instance can say that it went on without them.
func (n *Node) recordVoters(epoch uint64, members Bitmap, rosters ...*Roster) {
	if members.Empty() {
		return
	}
	r := InstanceRecord{Instance: n.reg.Instance, Epoch: epoch, Tried: max(n.record.Tried, n.reg.Instance)}
	for _, h := range n.rosters {
		rosters = append(rosters, h.Roster)
	}
	for s := members.First(); s < Slots; s = members.Next(s + 1) {
		for _, ro := range rosters {
			if seat := ro.At(s); seat != nil {
				r.Voters = append(r.Voters, Voter{Name: seat.Name, RPC: seat.RPC})
				break
			}
		}
	}
	if sameRecord(&r, &n.record) {
		return
	}
	n.record = r
	n.keepRecord()
}

func sameRecord(a, b *InstanceRecord) bool {
	if a.Instance != b.Instance || a.Epoch != b.Epoch || a.Closed != b.Closed || len(a.Voters) != len(b.Voters) || len(a.Votes) != len(b.Votes) {
		return false
	}
	for i := range a.Voters {
		if a.Voters[i] != b.Voters[i] {
			return false
		}
	}
	return true
}

func (n *Node) keepRecord() {
	if !n.founder() {
		return
	}
	r := n.record
	n.out.Record = &r
}
