package control

import (
	"testing"
	"time"
)

func TestApplyJoin(t *testing.T) {
	c := Command{Kind: CommandJoin, Cluster: 5, Instance: 2, Level: 1, Group: 7, Slot: 9}
	r := Register{Incarnation: 77}
	Apply(&c, &r, &Tally{})
	want := Register{Incarnation: 77, State: RegisterJoining, Cluster: 5, Instance: 2, Level: 1, Group: 7, Slot: 9}
	if r != want {
		t.Fatalf("%+v", r)
	}
	again := c
	again.Slot = 10
	if Apply(&again, &r, &Tally{}); r != want {
		t.Fatalf("a register that has its place took another: slot %d", r.Slot)
	}
}

func TestApplyVacate(t *testing.T) {
	r := Register{
		Version: 4, State: RegisterMember, Incarnation: 77, Instance: 2, Slot: 9, Promised: NewBallot(1, 3, 1),
		Accepted: Proposal{Seq: 8}, BeatAt: 5, LeaseUntil: 6, AgentAt: 12, Health: 3, Rosters: [HeldRosters]uint64{1},
	}
	a := &Tally{Asking: Asking{Ballot: NewBallot(1, 4, 9), Seq: 8, Votes: Of(1, 2), Quorate: 1}}
	Apply(&Command{Kind: CommandVacate, Incarnation: 78}, &r, a)
	if want := (Register{Version: 4, Incarnation: 78, AgentAt: 12, Health: 3}); r != want {
		t.Fatalf("a vacant register still holds %+v", r)
	}
	if a.Asking != (Asking{}) {
		t.Fatalf("a vacant register still asks: %+v", a.Asking)
	}
}

func TestApplyHold(t *testing.T) {
	r := Register{Rosters: [HeldRosters]uint64{3, 2, 1}}
	Apply(&Command{Kind: CommandHold, Rosters: [HeldRosters]uint64{9, 3}}, &r, &Tally{})
	for v, want := range map[uint64]bool{9: true, 3: true, 2: false, 1: false, 0: false} {
		if r.Holds(v) != want {
			t.Errorf("holds %d: %v", v, r.Holds(v))
		}
	}
}

// TestApplyAsk: another ballot or phase forgets everything that was answered, another seq the
// votes, the same again nothing; and none of them beats.
func TestApplyAsk(t *testing.T) {
	full := func() *Tally {
		t := &Tally{Asking: Asking{
			Ballot: NewBallot(1, 2, 3), Seq: 5, New: Of(1, 2, 3), Old: Of(1, 2), Round: 40, Outbid: NewBallot(1, 9, 1),
			Votes: Of(1, 2), Promises: Of(1), Quorate: 1, WindowNS: 10, Proposed: 37, Beating: 1, DueAt: 200, Suspects: Of(2),
			Fallen: Of(2), QuorumAt: 39, Counted: 7, CountedAt: 190,
		}}
		t.Heard[2] = Heard{Round: 40, Answered: 7, InTime: 7, Entered: 3, EchoAt: 100, AnswerAt: 90, AgentAgeMS: 1, Strayed: 1}
		t.Members[2] = Member{Version: 6, State: 1, Expected: 22, Committed: 4, Name: [64]byte{'a'}}
		return t
	}
	for _, c := range []struct {
		name                  string
		ask                   Command
		forgets, forgetsVotes bool
	}{
		{"the same", Command{Ballot: NewBallot(1, 2, 3), Seq: 5}, false, false},
		{"the next view", Command{Ballot: NewBallot(1, 2, 3), Seq: 6}, false, true},
		{"another ballot", Command{Ballot: NewBallot(1, 3, 3), Seq: 5}, true, true},
		{"another phase", Command{Ballot: NewBallot(1, 2, 3), Seq: 5, Preparing: 1}, true, true},
		{"nothing any more", Command{}, true, true},
	} {
		a, was := full(), full()
		c.ask.Kind, c.ask.New, c.ask.Old, c.ask.WindowNS = CommandAsk, Of(8), Of(9), 20
		Apply(&c.ask, &Register{}, a)
		if a.Ballot != c.ask.Ballot || a.Seq != c.ask.Seq || a.Preparing != c.ask.Preparing || a.New != c.ask.New || a.Old != c.ask.Old || a.WindowNS != 20 {
			t.Errorf("%s: asks %+v", c.name, a.Asking)
		}
		if got := a.Votes.Empty() && a.Quorate == 0; got != c.forgetsVotes {
			t.Errorf("%s: votes %v, quorate %d", c.name, a.Votes, a.Quorate)
		}
		if a.Members[2] != was.Members[2] {
			t.Errorf("%s: what was said last is %+v", c.name, a.Members[2])
		}
		if a.Beating != 0 {
			t.Errorf("%s: beats", c.name)
		}
		if h := a.Heard[2]; c.forgets {
			want := Heard{AnswerAt: 90}
			if c.ask.Ballot == was.Ballot {
				want.EchoAt = was.Heard[2].EchoAt
			}
			if h != want {
				t.Errorf("%s: remembers %+v", c.name, h)
			}
			if a.Round != 0 || a.Outbid != 0 || !a.Promises.Empty() || a.Counted != 0 || a.CountedAt != 0 || a.DueAt != 0 ||
				a.QuorumAt != 0 || !a.Suspects.Empty() || !a.Fallen.Empty() {
				t.Errorf("%s: remembers %+v", c.name, a.Asking)
			}
		} else if h != was.Heard[2] || a.Round != 40 || a.Outbid != was.Outbid || a.Promises != was.Promises || a.Counted != 7 || a.DueAt != 200 {
			t.Errorf("%s: forgot %+v of %+v", c.name, h, a.Asking)
		}
		if entered := a.Heard[8].Entered; entered != a.Round {
			t.Errorf("%s: a new member entered after round %d of %d", c.name, entered, a.Round)
		}
		if c.forgetsVotes != (a.Proposed == 0) {
			t.Errorf("%s: proposed first by round %d", c.name, a.Proposed)
		}
	}
}

// TestApplyBeatStale: an order that leaves out whose agent is silent is refused once it is back.
func TestApplyBeatStale(t *testing.T) {
	b := NewBallot(1, 2, 0)
	for age, refused := range map[uint32]bool{0: true, 2000: true, 2001: false, NoAgent: false} {
		a := &Tally{Asking: Asking{Ballot: b, Seq: 5, New: Of(0, 1, 2), Old: Of(0, 1, 2)}}
		a.Heard[2] = Heard{Answered: 1, AgentAgeMS: age}
		was := *a
		Apply(&Command{
			Kind: CommandBeat, Ballot: b, Seq: 6, New: Of(0, 1), Old: Of(0, 1, 2), Stale: Of(2),
			Beats: Beats{Committed: 5, IntervalUS: 1000, GraceNS: uint64(2 * time.Second)},
		}, &Register{}, a)
		if got := *a == was; got != refused {
			t.Errorf("an agent silent for %d ms: refused %v", age, got)
		}
	}
}

// TestApplyBeat: beats are ordered for as long as nobody was heard who was thought silent.
func TestApplyBeat(t *testing.T) {
	b := NewBallot(1, 2, 0)
	for _, c := range []struct {
		name   string
		heard  Time
		now    uint32
		orders bool
	}{
		{"silent", 99, 0, true},
		{"heard when it was decided", 100, 1, true},
		{"heard since", 101, 0, false},
		{"a probe answered since", 0, 1, false},
	} {
		a := &Tally{Asking: Asking{Ballot: b, Seq: 5, New: Of(0, 1, 2), Old: Of(0, 1, 2)}}
		a.Heard[2].EchoAt, a.Heard[1].EchoAt = c.heard, 500
		if c.heard == 0 {
			a.Heard[2].AnswerAt = 101
		}
		was := *a
		Apply(&Command{
			Kind: CommandBeat, Ballot: b, Seq: 6, New: Of(0, 1), Old: Of(0, 1, 2), Silent: Of(2), Since: 100, Now: c.now,
			Beats: Beats{Committed: 5, IntervalUS: 1000},
		}, &Register{}, a)
		if !c.orders {
			if *a != was {
				t.Errorf("%s: asks %+v", c.name, a.Asking)
			}
			continue
		}
		if a.Seq != 6 || a.Beating != 1 || a.Ordered != c.now || a.Committed != 5 || a.IntervalUS != 1000 {
			t.Errorf("%s: asks %+v", c.name, a.Asking)
		}
	}
}

// TestDeliver: a node's own answer counts by everybody's rule.
func TestDeliver(t *testing.T) {
	b := NewBallot(1, 1, 0)
	r := Register{State: RegisterMember, Cluster: 5, Instance: 1, Incarnation: 11, Rosters: [HeldRosters]uint64{3}}
	a := &Tally{Asking: Asking{Ballot: b, Seq: 2, New: Of(0), Old: Of(0), WindowNS: 1000, Round: 4}}
	a.Members[0].Expected = 11
	f := Frame{Kind: KindBeat, Cluster: 5, Instance: 1, To: ToAll, Ballot: b, Round: 4, Sent: 50, Ask: Ask{Seq: 2, Roster: 3, New: Of(0), Old: Of(0)}}
	o := Deliver(50, &r, a, f)
	if o.Reason != ReasonBeatTaken || o.Wake&WakeQuorum == 0 || a.Quorate != 4 {
		t.Fatalf("%+v, quorate %d", o, a.Quorate)
	}
	if f.Kind != KindBeat {
		t.Fatal("Deliver changed the frame that is to leave")
	}
	r.Promised = NewBallot(1, 2, 7)
	f.Round, a.Round = 5, 5
	if o = Deliver(60, &r, a, f); o.Wake&WakeOutbid == 0 || a.Outbid != r.Promised {
		t.Fatalf("the own register promised another, and the tally is told %+v, outbid %v", o, a.Outbid)
	}
}
