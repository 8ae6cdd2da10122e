package control

import (
	"slices"
	"testing"
	"time"
)

// TestClaimsGrowOld: what was asked before claimFor is forgotten when somebody asks again, and the newest
// request for a slot is kept.
func TestClaimsGrowOld(t *testing.T) {
	n := New(Config{Cluster: "story", Self: peer("a", 5), Level: 1})
	ask := func(after time.Duration, slot uint16, term uint32) {
		n.now = Time(time.Hour + after)
		n.remember(&Message{Kind: MessageJoin, Standing: &Standing{Slot: slot, Ballot: NewBallot(1, term, 0)}})
	}
	ask(0, 1, 1)
	ask(0, 2, 1)
	ask(claimFor/2, 2, 2)
	ask(claimFor, 3, 1)
	var slots []uint16
	for _, c := range n.claims {
		slots = append(slots, c.m.Standing.Slot)
	}
	if len(slots) != 2 || slots[0] != 2 || slots[1] != 3 {
		t.Errorf("remembers claims of slots %v, want 2 and 3", slots)
	}
}

// topLeader leads the level above the groups, by a roster that gives a group's slot to somebody, who is in no view yet.
func topLeader(slot Seat) *Node {
	n := voter(Config{Level: 1, Self: Peer{Name: "head"}})
	n.reg.State, n.reg.Instance, n.reg.Slot, n.role = RegisterMember, 2, 248, roleLeader
	roster := (&Roster{}).With(Seat{Slot: 248, Peer: peer("head", 1)})
	if slot.Below != 0 {
		roster = roster.With(slot)
	}
	n.lead = leadership{roster: roster, decided: true, view: Proposal{New: Of(248), Old: Of(248)}}
	return n
}

// TestSlotGoesToHigherBallot: a group's slot is asked for by the ballot of who leads the group. Who led it once and
// follows the new leader asks by that one's, and does not take its slot.
func TestSlotGoesToHigherBallot(t *testing.T) {
	leads := NewBallot(1, 4, 2)
	for ballot, takes := range map[Ballot]bool{leads - 1: false, leads: false, NewBallot(1, 5, 2): true} {
		n := topLeader(Seat{Slot: 3, Peer: peer("b", 6), Below: leads})
		n.lead.view.New.Set(3)
		n.admit(&Message{Kind: MessageJoin, From: peer("a", 5), Standing: &Standing{Slot: 3, Ballot: ballot}})
		if asks := len(n.lead.adm.asked) > 0; asks != takes {
			t.Errorf("by ballot %v, where %v leads, it is about to take the slot: %v", ballot, leads, asks)
		}
	}
}

// TestClaimsAreInherited: who is elected hears what was asked while another led.
func TestClaimsAreInherited(t *testing.T) {
	n := topLeader(Seat{})
	n.now = Time(time.Hour)
	n.remember(&Message{Kind: MessageJoin, From: peer("a", 5), Standing: &Standing{Slot: 3, Ballot: NewBallot(1, 4, 2)}})
	n.now += Time(claimFor / 2)
	if n.hearClaims(); len(n.lead.adm.asked) != 1 {
		t.Errorf("%d are about to be let in, want who asked before", len(n.lead.adm.asked))
	}
}

// TestAppointedBringsNoBallot: who was appointed to form a group, and did not begin, has no ballot there but an older
// one. Asking for the slot by that, it neither has the generation given again nor ends its own appointment.
func TestAppointedBringsNoBallot(t *testing.T) {
	appointed := peer("a", 5)
	for _, ballot := range []Ballot{1, NewBallot(2, 7, 1)} {
		for given, slot := range map[uint16]Seat{3: {Slot: 3, Peer: appointed, Below: NewBallot(3, 0, 0)}, 0: {}} {
			if given == 0 && ballot != 1 {
				continue // it leads a generation that the roster was not told of yet
			}
			n := topLeader(slot)
			n.admit(&Message{Kind: MessageJoin, From: appointed, Standing: &Standing{Slot: 3, Ballot: ballot}})
			n.seatJoiners()
			if next := n.nextGeneration(3); next != given+1 || n.lead.adm.roster != nil {
				t.Errorf("by ballot %v after generation %d: the next is %d, and it has the slot: %v", ballot, given, next, n.lead.adm.roster != nil)
			}
		}
	}
	n := topLeader(Seat{Slot: 3, Peer: peer("b", 6), Below: NewBallot(4, 1, 0)})
	n.appoint(appointed, 3)
	n.seatJoiners()
	n.admit(&Message{Kind: MessageJoin, From: appointed, Standing: &Standing{Slot: 3, Ballot: NewBallot(2, 7, 1)}})
	if m := n.out.Messages; len(m) != 1 || m[0].Message.Answer.Status != AnswerWaiting {
		t.Errorf("who is appointed for generation 5, and knows of 2, is told %+v", m[0].Message.Answer)
	}
}

// TestNextLeaderGetsItsTurn: the content of a group is not known, that of another is told by nobody any more, and so no
// view can be proposed in which a leader has its group's slot that holds the roster. It waits for a while; then it is
// the turn of those who asked since, who may be able to tell what the group decided.
func TestNextLeaderGetsItsTurn(t *testing.T) {
	n := topLeader(Seat{Slot: 1, Peer: peer("dead", 4), Below: NewBallot(1, 1, 0)})
	n.lead.view.New.Set(1)
	n.cfg.Founders = nil
	joins := Seat{Slot: 2, Peer: peer("b", 5), Below: NewBallot(1, 2, 1)}
	roster, next := n.lead.roster.With(joins), applicant{peer("c", 6), 2, NewBallot(1, 3, 2)}
	began := n.now
	n.lead.adm = admission{roster: roster, version: roster.Version(), started: began, joiners: Of(2), holders: Of(2, 248), asked: []applicant{next}}
	for _, c := range []struct {
		after time.Duration
		waits bool
	}{{admitGiveUp - time.Second, true}, {admitGiveUp, false}} {
		n.now = began.Add(c.after)
		n.tally.Heard[2].AnswerAt = n.now
		n.proposeJoiners()
		a := &n.lead.adm
		if waits := a.roster == roster; waits != c.waits || !n.lead.decided || len(a.asked) != 1 || a.asked[0].Name != "c" {
			t.Errorf("after %v: waits %v, want %v; asked %+v", c.after, waits, c.waits, a.asked)
		}
	}
}

// TestGoneJoiners: where it took long until a view may let joiners in, those come in whose kernels still answer. One
// that needs the votes of others would never be decided.
func TestGoneJoiners(t *testing.T) {
	roster := rosterOf("a", "b", "c", "d")
	for _, waited := range []time.Duration{wordFor / 2, 8 * time.Second} {
		n := voter(Config{Self: Peer{Name: "a"}})
		n.reg.State, n.reg.Instance, n.role = RegisterMember, 2, roleLeader
		n.lead = leadership{roster: roster, decided: true, view: Proposal{New: Of(0), Old: Of(0)}}
		n.lead.adm = admission{
			roster: roster, version: roster.Version(), started: n.now.Add(-waited), joiners: Of(1, 2, 3), holders: Of(0),
		}
		for s := range uint16(3) {
			n.lead.adm.says(s+1, n.now.Add(-waited))
		}
		var called []Bitmap
		for range 4 * callsMost { // intervals
			n.out = Output{}
			if n.proposeJoiners(); !n.lead.decided {
				break
			}
			for i := range n.out.Frames {
				called = append(called, n.out.Frames[i].To)
			}
			if len(called) == 1 {
				n.tally.Heard[1].AnswerAt = n.now // its answer, be it that the agent looks much later
			}
			n.now = n.now.Add(n.cfg.Interval)
		}
		want, calls := Of(0, 1), []Bitmap{Of(1, 2, 3), Of(2, 3), Of(2, 3)}
		if waited < wordFor {
			want, calls = Of(0, 1, 2, 3), nil
		}
		if n.lead.decided || n.lead.view.New != want || !slices.Equal(called, calls) {
			t.Errorf("after %v proposes %v, want %v; probed %v", waited, n.lead.view.New, want, called)
		}
	}
}
