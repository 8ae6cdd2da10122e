package control

import (
	"testing"
	"time"
)

// TestCampaignEnds: a beat arrives between the step that decides to stand and the prepare, which the own register
// refuses then as the others do. Whoever stood follows again, and asks nobody for promises while the leader beats.
func TestCampaignEnds(t *testing.T) {
	c := Config{Cluster: "story", Self: peer("b", 0), Interval: 100 * time.Millisecond, Rounds: 5, Rosters: []*Roster{rosterOf("a", "b", "c")}}
	n := New(c)
	ballot, all := NewBallot(1, 1, 0), Of(0, 1, 2)
	view := Proposal{Ballot: ballot, Seq: 2, Roster: c.Rosters[0].Version(), New: all, Old: all}
	r := &Register{
		State: RegisterMember, Instance: 1, Slot: 1, Incarnation: 101, Promised: ballot, Accepted: view, BeatBallot: ballot, Heard: all,
		Committed: Commit{Ballot: ballot, Seq: 2, Roster: view.Roster, Members: all}, IntervalUS: 100_000, Rounds: 5,
	}
	r.Rosters[0] = view.Roster
	tally := new(Tally)
	prepares := func(at Time) (sent int) {
		out := n.Step(at, Input{Register: r, Tally: tally})
		for i := range out.Commands {
			if k := out.Commands[i].Kind; k == CommandAsk {
				Apply(&out.Commands[i], r, tally)
			}
		}
		for i := range out.Frames {
			if out.Frames[i].Frame.Kind == KindPrepare {
				sent++
			}
		}
		return sent
	}
	now := Time(time.Hour)
	r.BeatAt = now
	for stood := 0; stood == 0; stood = prepares(now) {
		if now = now.Add(c.Interval); now.Since(r.BeatAt) > 20*c.Interval {
			t.Fatal("it does not stand though nobody beats")
		}
	}
	for range 20 {
		r.BeatAt = now.Add(c.Interval / 2)
		now = now.Add(c.Interval)
		if prepares(now) > 0 {
			t.Fatalf("it asks for promises while the leader beats; it is a %s", roleNames[n.role])
		}
	}
}

// standing is a node a that stands in a group of a, b and c, and a later roster in which b's slot is x's.
func standing() (n *Node, members, later *Roster) {
	members = rosterOf("a", "b", "c")
	later = members.With(Seat{Slot: 1, Peer: peer("x", 200)})
	n = voter(Config{Self: peer("a", 0)})
	all := Of(0, 1, 2)
	view := Proposal{Ballot: NewBallot(1, 1, 2), Seq: 2, Roster: members.Version(), New: all, Old: all}
	n.role, n.reg = roleFollower, Register{
		State: RegisterMember, Instance: 1, Slot: 0, Incarnation: 100, Promised: view.Ballot, Accepted: view, BeatBallot: view.Ballot,
		Committed: Commit{Ballot: view.Ballot, Seq: 2, Roster: view.Roster, Members: all}, IntervalUS: 100_000, Rounds: 5,
	}
	n.hold(members)
	n.stand(0, "no beat")
	return n, members, later
}

// TestCountsItsMembers: a candidate that is given a later roster holds it, and counts promises by its own view's all
// the same: who has a member's slot now knows nothing of what that one accepted.
func TestCountsItsMembers(t *testing.T) {
	n, members, later := standing()
	n.out = Output{}
	n.rosterArrived(&Message{Kind: MessageRoster, Instance: 1, From: peer("c", 102), Epoch: 9, Roster: later})
	if n.role != roleCandidate || n.out.Rosters[0] != members || n.out.Rosters[1] != later {
		t.Errorf("is a %s; the slots are those of %+v", roleNames[n.role], n.out.Rosters[0])
	}
	if l := n.out.Messages; len(l) != 1 || l[0].Message.Kind != MessageHeld || l[0].Message.Version != later.Version() {
		t.Errorf("answers %+v, want that it holds the later one", l)
	}
}

// TestCountsNoOthers: a candidate that does not hold its view's roster counts by the newest that it holds. Once that is
// another it begins anew, since promises were given to the one before.
func TestCountsNoOthers(t *testing.T) {
	n, _, later := standing()
	n.rosters, n.cand.roster = nil, 1
	n.rosterArrived(&Message{Kind: MessageRoster, Instance: 1, From: peer("c", 102), Epoch: 9, Roster: later})
	if n.role != roleFollower {
		t.Errorf("is a %s", roleNames[n.role])
	}
}

// TestCountsThoseOfTheProposal: a candidate that hears of a later view, in which another has the slot of one that
// promised, asks anew by that view's roster, and leads once most of its members have promised.
func TestCountsThoseOfTheProposal(t *testing.T) {
	n, members, later := standing()
	n.hold(later)
	n.hold(members)
	first := n.cand.ballot
	promised := func(by ...uint16) {
		n.tally.Ballot, n.tally.Preparing, n.tally.Promises = n.cand.ballot, 1, Of(by...)
		for _, s := range by {
			n.tally.Heard[s].EchoAt, n.tally.Members[s].Accepted = n.now, n.reg.Accepted
		}
		view := &n.tally.Members[2].Accepted
		view.Ballot, view.Seq, view.Roster = NewBallot(1, 2, 2), 5, later.Version()
		n.campaign()
	}
	promised(0, 1, 2)
	if n.role != roleCandidate || n.cand.ballot <= first || n.out.Rosters[0] != later {
		t.Fatalf("after the promise of who had a slot before it is a %s under %v, after %v", roleNames[n.role], n.cand.ballot, first)
	}
	promised(0, 2)
	if n.role != roleLeader || n.lead.view.Seq != 5 {
		t.Errorf("after the promises of two members it is a %s, from view %d", roleNames[n.role], n.lead.view.Seq)
	}
}

// TestRevivedRemovalWaits: who is handed the lead and finds that an earlier leader proposed a removal leads k+1
// intervals later, when every lease has ended that the last leader gave; what that one proposed itself waits for
// nothing, since it waited (lease rules 3 and 5).
func TestRevivedRemovalWaits(t *testing.T) {
	last := NewBallot(1, 2, 1)
	for _, c := range []struct {
		what     string
		proposed Ballot
		members  Bitmap
		waits    bool
	}{
		{"a removal that an earlier leader proposed", NewBallot(1, 1, 2), Of(0, 2), true},
		{"a removal that the last leader proposed", last, Of(0, 2), false},
		{"an earlier leader's view of the same members", NewBallot(1, 1, 2), Of(0, 1, 2), false},
	} {
		n, members, _ := standing()
		n.reg.Accepted = Proposal{Ballot: c.proposed, Seq: 3, Roster: members.Version(), New: c.members, Old: Of(0, 1, 2)}
		n.stand(last, "handed over")
		look := func(after time.Duration) role {
			n.now = n.cand.began.Add(after)
			n.tally.Ballot, n.tally.Preparing, n.tally.Promises = n.cand.ballot, 1, Of(0, 2)
			n.tally.Members[0].Accepted, n.tally.Heard[2].EchoAt = n.reg.Accepted, n.now
			n.campaign()
			return n.role
		}
		calm := n.reg.Calm()
		if waits := look(calm-time.Millisecond) != roleLeader; waits != c.waits {
			t.Errorf("%s: waits %v, want %v", c.what, waits, c.waits)
		}
		if c.waits && look(calm) != roleLeader {
			t.Errorf("%s: does not lead after %v, but is a %s", c.what, calm, roleNames[n.role])
		}
	}
}

// TestClimbsPastOthers: others outbid each other while a candidate that was refused waits, as fast as they can, but are
// no quorum. It stands ever higher, and is above them soon; from when somebody led it begins anew.
func TestClimbsPastOthers(t *testing.T) {
	n, _, _ := standing()
	others := n.cand.ballot.Term() + 3
	refuse := func() {
		n.tally.Ballot, n.tally.Preparing, n.tally.Outbid = n.cand.ballot, 1, NewBallot(1, others, 2)
		n.cand.outbid = max(n.cand.outbid, n.tally.Outbid) // as Step does
		n.campaign()
		if n.role == roleCandidate {
			t.Fatalf("goes on under %v, though others promised %v", n.cand.ballot, n.tally.Outbid)
		}
	}
	campaigns := 1
	for ; n.cand.ballot.Term() <= others && campaigns < 20; campaigns++ {
		refuse()
		n.now = n.watch.standAt
		others += 4
		n.stand(0, "no beat")
	}
	if n.cand.ballot.Term() <= others {
		t.Errorf("stands under %v after %d campaigns, while others promised term %d", n.cand.ballot, campaigns, others)
	}
	others = n.cand.ballot.Term() + 1
	refuse()
	n.reg.BeatAt = n.now.Add(1)
	n.now = n.now.Add(time.Second)
	if n.stand(0, "no beat"); n.cand.ballot.Term() != others+1 {
		t.Errorf("stands under %v after somebody led, want term %d", n.cand.ballot, others+1)
	}
}
