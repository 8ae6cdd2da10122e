package control

import (
	"reflect"
	"testing"
)

// TestAppointNeverTwice: every appointment for a group is for a generation after all before.
func TestAppointNeverTwice(t *testing.T) {
	n := voter(Config{Level: 1, Self: Peer{Name: "root"}})
	n.role = roleLeader
	n.lead = leadership{roster: (&Roster{}).With(Seat{Slot: 248, Peer: peer("root", 1)}), decided: true, view: Proposal{New: Of(248)}}
	n.appoint(peer("a", 5), 3)
	if p := n.lead.adm.asked[0]; p.below != NewBallot(1, 0, 0) || p.slot != 3 {
		t.Errorf("first: %+v", p)
	}
	n.lead.adm = admission{}
	n.lead.roster = n.lead.roster.With(Seat{Slot: 3, Peer: peer("b", 6), Below: NewBallot(4, 9, 1)})
	n.appoint(peer("a", 5), 3)
	if p := n.lead.adm.asked[0]; p.below != NewBallot(5, 0, 0) {
		t.Errorf("after generation 4: %+v", p)
	}
}

// TestGenerationsOfEach: what a group below the top gives in one generation of its own it gives in no other, whatever
// it remembers.
func TestGenerationsOfEach(t *testing.T) {
	n := voter(Config{Level: 1, Self: Peer{Name: "head"}})
	n.role, n.below.top = roleLeader, false
	given := map[uint16]uint16{}
	for own := uint16(1); own <= 1<<16/generationsEach; own++ {
		n.lead = leadership{ballot: NewBallot(own, 1, 248), roster: &Roster{}, decided: true, view: Proposal{New: Of(248)}}
		last := uint16(0)
		for g := n.nextGeneration(3); g != 0; g = n.nextGeneration(3) {
			if by := given[g]; by != 0 || g <= last {
				t.Fatalf("generation %d after %d, by generation %d, is given by %d too", g, last, own, by)
			}
			given[g], last = own, g
			n.lead.roster = n.lead.roster.With(Seat{Slot: 3, Peer: peer("a", 5), Below: NewBallot(g, 0, 0)})
		}
		n.appoint(peer("b", 6), 3)
		if last == 0 || len(n.lead.adm.asked) != 0 {
			t.Fatalf("generation %d gives none before %d, and then %+v", own, last, n.lead.adm.asked)
		}
	}
}

// TestLaterGenerationWaits: the leader of a later generation gets its group's slot once that of the earlier one is
// out, whose lease is not extended any more.
func TestLaterGenerationWaits(t *testing.T) {
	n := voter(Config{Level: 1, Self: Peer{Name: "head"}})
	n.reg.State, n.reg.Instance, n.reg.Slot = RegisterMember, 2, 248
	n.role = roleLeader
	roster := (&Roster{}).With(Seat{Slot: 3, Peer: peer("a", 100), Below: NewBallot(1, 4, 0)}).With(Seat{Slot: 248, Peer: peer("head", 1)})
	n.lead = leadership{roster: roster, decided: true, view: Proposal{New: Of(3, 248), Old: Of(3, 248)}}
	n.admit(&Message{Kind: MessageJoin, From: peer("b", 101), Standing: &Standing{Slot: 3, Ballot: NewBallot(2, 1, 0)}})
	if n.seatJoiners(); n.lead.adm.roster != nil || n.succeeded(3) {
		t.Fatal("it takes the slot at once")
	}
	if n.withhold(); n.lead.withheld.from != Of(3) {
		t.Fatalf("leases are withheld from %x, want slot 3", n.lead.withheld.from)
	}
	n.lead.view.New = Of(248)
	if n.seatJoiners(); n.lead.adm.roster == nil || n.lead.adm.roster.At(3).Name != "b" {
		t.Error("the slot is free, and it does not get it")
	}
}

// TestSpentGroupIsTold: who asks for a group that has no generation left is told why it waits, and whoever leads above
// has it in its events, once.
func TestSpentGroupIsTold(t *testing.T) {
	ask := func(h *Host, node string) {
		h.route(&Message{Kind: MessageJoin, Cluster: "story", Group: 3, From: peer(node, 7), Standing: &Standing{}})
	}
	branch := func(given uint16) *Host {
		h := host2("head")
		h.cfg.Top = 2
		h.need(SeatAt(1))
		n := h.nodes[SeatAt(1)]
		roster := (&Roster{}).With(Seat{Slot: 3, Peer: peer("a", 5), Below: NewBallot(given, 1, 0)}).With(Seat{Slot: 248, Peer: peer("head", 1)})
		n.role, n.lead = roleLeader, leadership{ballot: NewBallot(1, 1, 248), roster: roster, decided: true, view: Proposal{New: Of(248), Old: Of(248)}}
		return h
	}
	for given, want := range map[uint16]string{
		generationsEach - 1: "its group is about to be formed",
		generationsEach:     "group 3 of level 0 can not be formed again: all generations that it can be given are used up until the group above it is itself formed anew",
	} {
		h := branch(given)
		ask(h, "b")
		ask(h, "c")
		for _, l := range h.out.Messages {
			if l.Message.Answer == nil || l.Message.Answer.Why != want {
				t.Errorf("after generation %d %s is told %+v", given, l.To, l.Message.Answer)
			}
		}
		if len(h.out.Messages) != 2 {
			t.Errorf("after generation %d there are %d answers, want 2", given, len(h.out.Messages))
		}
		var told []Event
		if given == generationsEach {
			told = []Event{{Kind: EventSpent, At: h.now, Group: 3, Ballot: NewBallot(1, 1, 248), Why: want}}
		}
		if !reflect.DeepEqual(h.out.Events, told) {
			t.Errorf("after generation %d it tells %+v", given, h.out.Events)
		}
	}
}
