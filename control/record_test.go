package control

import (
	"slices"
	"testing"
)

// TestRecordKeepsJoiners: a view that is decided while others are about to be let in leaves them on record, since
// the next may let them in and nobody is asked again whether the founders know.
func TestRecordKeepsJoiners(t *testing.T) {
	r := &Roster{Seats: []Seat{{Slot: 0, Peer: peer("a", 1)}, {Slot: 1, Peer: peer("b", 2)}, {Slot: 2, Peer: peer("c", 3)}, {Slot: 3, Peer: peer("d", 4)}}}
	names := func(l []Voter) (s []string) {
		for _, v := range l {
			s = append(s, v.Name)
		}
		return s
	}
	for _, c := range []struct {
		what    string
		leads   bool
		decided Bitmap
		joiners []string
	}{
		{"a follower, and one was removed", false, Of(0), []string{"c", "d"}},
		{"a follower, and one of two was let in", false, Of(0).Or(Of(2)), []string{"d"}},
		{"the leader, which gave one of two up", true, Of(0), []string{"d"}},
	} {
		n := New(Config{Self: r.Seats[0].Peer, Founders: []string{"a"}})
		n.reg.Instance = 1
		n.recordVoters(4, Of(0).Or(Of(1)), Of(2).Or(Of(3)), r)
		if c.leads {
			n.role = roleLeader
			n.lead.view.New, n.lead.adm.joiners, n.lead.adm.roster = Of(0), Of(3), r
		}
		n.recordDecided(5, c.decided, r)
		if n.record.Epoch != 5 || len(n.record.Voters) != c.decided.Len() || !slices.Equal(names(n.record.Joiners), c.joiners) {
			t.Errorf("%s: %+v", c.what, n.record)
		}
	}
}

// TestRecordBars: which instances a node joins no more.
func TestRecordBars(t *testing.T) {
	for _, c := range []struct {
		what   string
		record InstanceRecord
		bars   []uint32 // of 1 to 4
	}{
		{"nothing", InstanceRecord{}, nil},
		{"a later instance", InstanceRecord{Instance: 3}, []uint32{1, 2}},
		{"that it was closed, by some", InstanceRecord{Instance: 3, Closed: true}, []uint32{1, 2}},
		{"a vote for a later one", InstanceRecord{Instance: 1, Votes: []FoundVote{{Instance: 2}, {Instance: 4}}}, []uint32{1, 2, 3}},
	} {
		var bars []uint32
		for i := uint32(1); i <= 4; i++ {
			if c.record.bars(i) {
				bars = append(bars, i)
			}
		}
		if !slices.Equal(bars, c.bars) {
			t.Errorf("who knows of %s does not join %v, want %v", c.what, bars, c.bars)
		}
	}
}

// TestRecordIsTold: that somebody is no longer about to be let in is the leader's to say. What others tell of the same
// view leaves the record as it is, or each of the two would have it written anew, and no roster held meanwhile. A late
// letter of the leader does not take off the record whom this node's register accepted.
func TestRecordIsTold(t *testing.T) {
	r := rosterOf("a", "b", "c", "d", "e")
	n := New(Config{Self: r.Seats[0].Peer, Founders: []string{"a"}})
	leads := NewBallot(1, 2, 1) // b
	n.reg.Instance, n.reg.Promised, n.reg.BeatBallot = 1, leads, leads
	n.rosters = []heldRoster{{r, r.Version()}}
	for i, c := range []struct {
		from    string
		joiners Bitmap
		by      Ballot
		voted   Bitmap // for a view of that ballot with these
		want    []string
		writes  bool
	}{
		{"b", Of(2, 3), leads, Bitmap{}, []string{"c", "d"}, true},
		{"e", Bitmap{}, leads, Bitmap{}, []string{"c", "d"}, false},
		{"e", Of(3), leads, Bitmap{}, []string{"c", "d"}, false},
		{"b", Of(2, 3), leads, Bitmap{}, []string{"c", "d"}, false},
		{"b", Of(3), leads, Bitmap{}, []string{"d"}, true},
		{"b", Bitmap{}, leads, Of(0, 1, 3), []string{"d"}, false},
		{"b", Bitmap{}, leads, Of(0, 1), nil, true},
		{"b", Of(3), leads, Of(0, 1), []string{"d"}, true},
		{"b", Bitmap{}, NewBallot(1, 1, 4), Of(0, 1, 3), nil, true},
	} {
		n.out = Output{}
		n.reg.Accepted = Proposal{Ballot: c.by, Seq: 5, New: c.voted, Roster: r.Version()}
		n.recordTold(&Message{Kind: MessageRoster, From: peer(c.from, 1), Epoch: 4, Voters: Of(0, 1), Joiners: c.joiners, Roster: r})
		var names []string
		for _, v := range n.record.Joiners {
			names = append(names, v.Name)
		}
		if writes := n.out.Record != nil; !slices.Equal(names, c.want) || writes != c.writes {
			t.Errorf("%d: told by %s: joiners %v, want %v; writes %v, want %v", i, c.from, names, c.want, writes, c.writes)
		}
	}
}
