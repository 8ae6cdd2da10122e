package control

import (
	"slices"
	"time"
)

// votesWithin is how long after it was asked for a vote may come before it is asked for again.
func (n *Node) votesWithin(every time.Duration) time.Duration { return max(n.cfg.FoundWait/2, 4*every) }

// askForVotes tells the proposal to those whose votes it takes and who have not voted.
func (n *Node) askForVotes() {
	f := &n.found
	m := Message{Kind: MessagePropose, Instance: f.proposed, Roster: f.roster, State: &FoundState{Record: f.known}}
	asked := map[string]bool{}
	ask := func(name, rpc string) {
		if !asked[rpc] && !slices.Contains(f.votes, name) {
			asked[rpc] = true
			n.letter(rpc, m)
		}
	}
	for i := range f.roster.Seats {
		ask(f.roster.Seats[i].Name, f.roster.Seats[i].RPC)
	}
	for _, old := range f.known.living(f.abandoned) {
		for _, v := range old.Voters {
			ask(v.Name, v.RPC)
		}
	}
}

// proposalStands reports whether the proposal, whose votes did not come in time, has still the best chance: nothing
// was heard of that it does not take into account, and those who were asked may still vote, or so few may that no
// other proposal could be made.
func (n *Node) proposalStands(fresh time.Duration) bool {
	f := &n.found
	if f.proposed == 0 || !n.record.voted(f.proposed, n.cfg.Self.Name) || n.quiet() < n.cfg.FoundWait {
		return false
	}
	known := n.besidesProposal(n.known(fresh))
	if !f.known.covers(&known) {
		return false
	}
	mayVote := func(name string) bool { return n.mayVote(name, fresh) }
	asked := func(name string) bool { // of founders those who are to be members, each the one that it was
		s := n.freshState(name, fresh)
		return s != nil && mayVote(name) && (!slices.Contains(n.cfg.Founders, name) || f.roster.Held(&s.from) != nil)
	}
	return n.suffices(&f.known, func(name string) bool { return slices.Contains(f.votes, name) || asked(name) }) ||
		!n.suffices(&known, mayVote)
}

// besidesProposal is what is known of instances but for this node's own proposal.
func (n *Node) besidesProposal(known InstanceRecord) InstanceRecord {
	known.Votes = slices.DeleteFunc(slices.Clone(known.Votes), func(v FoundVote) bool {
		return v.Instance == n.found.proposed && v.Proposer == n.cfg.Self.Name
	})
	return known
}
