package control

import (
	"testing"
	"time"

	"rollcall/view"
)

// voter is a node at level 0 or in a seat, in the middle of a step.
func voter(c Config) *Node {
	c.Cluster, c.Interval, c.Rounds = "story", 100*time.Millisecond, 5
	c.Self.RPC = c.Self.Name + ":7746"
	n := New(c)
	n.now, n.tally = Time(time.Hour), new(Tally)
	if c.Level > 0 {
		n.below = &vector{cluster: c.Cluster, level: c.Level, number: c.Group, top: true}
	}
	return n
}

func peer(name string, incarnation uint64) Peer {
	return Peer{Name: name, RPC: name + ":7746", Incarnation: incarnation}
}

func rosterOf(names ...string) *Roster {
	r := &Roster{}
	for i, name := range names {
		r = r.With(Seat{Slot: uint16(i), Peer: peer(name, uint64(100+i))})
	}
	return r
}

// TestDecree: who is told to form its group anew takes those along whose registers its roster
// names, under a number above all that they know, and nobody else.
func TestDecree(t *testing.T) {
	n := voter(Config{Self: Peer{Name: "a"}})
	r := rosterOf("a", "b", "c", "d")
	n.hold(r)
	old := NewBallot(1, 7, 3)
	n.reg.State, n.reg.Instance, n.reg.Incarnation = RegisterMember, 2, 100
	n.reg.Promised, n.reg.Accepted = old, Proposal{Ballot: old, Seq: 8, Roster: r.Version(), New: Of(0, 1, 2, 3), Old: Of(0, 1, 2, 3)}
	n.role = roleFollower
	with := (&Roster{}).With(Seat{Slot: 1, Peer: peer("b", 101)}).With(Seat{Slot: 2, Peer: peer("c", 999)})
	m := &Message{Kind: MessageDecree, Instance: 2, Version: 2, Epoch: 11, Roster: with}
	n.decreed(m)
	if n.role != roleLeader || n.lead.ballot != NewBallot(2, 1, 0) {
		t.Fatalf("is %s by %v", roleNames[n.role], n.lead.ballot)
	}
	if v := n.lead.view; v.Seq != 12 || v.New != Of(0, 1) || v.Old != Of(0, 1) {
		t.Errorf("proposes %+v, want number 12 of slots 0 and 1", v)
	}
	n.reg.Promised = n.lead.ballot
	before := n.lead.ballot
	n.decreed(m)
	if n.lead.ballot != before {
		t.Error("the same decree twice began the group twice")
	}
	for _, wrong := range []*Message{
		{Kind: MessageDecree, Instance: 2, Version: 1, Roster: with}, {Kind: MessageDecree, Instance: 3, Version: 5, Roster: with},
	} {
		if n.decreed(wrong); n.lead.ballot != before {
			t.Errorf("obeyed %+v", wrong)
		}
	}
}

// TestDecreeObeyedOnce: a host that began its group by decree and has no part in it any more does not begin it again in
// that generation, though a root that was elected anew sends the decree again.
func TestDecreeObeyedOnce(t *testing.T) {
	const slot, above = 4, Place(2)
	h := NewHost(HostConfig{Config: Config{Cluster: "story", Self: peer("a", 0), Group: slot, Interval: 100 * time.Millisecond, Rounds: 5}, Top: 1})
	h.now, h.in = Time(time.Hour), &HostInput{Registers: new([Places]Register)}
	h.need(above)
	roster := (&Roster{}).With(Seat{Slot: slot, Peer: peer("a", 77), Below: NewBallot(2, 0, 0)})
	h.nodes[above].hold(roster)
	reg := &h.in.Registers[above]
	reg.State, reg.Instance, reg.Slot, reg.Incarnation = RegisterMember, 3, slot, 77
	reg.Committed = Commit{Seq: 5, Roster: roster.Version()}
	for _, tc := range []struct {
		begun, decreed uint16
		obeyed         bool
	}{{0, 2, true}, {1, 2, true}, {2, 2, false}, {1, 3, false}} {
		reg.Below.Generation = tc.begun
		if got := h.appointed(&Message{Kind: MessageDecree, Level: 0, Group: slot, Instance: 3, Version: uint64(tc.decreed)}); got != tc.obeyed {
			t.Errorf("generation %d, after it began %d: obeyed %v", tc.decreed, tc.begun, got)
		}
	}
}

// TestDecreeFirst: a group that never was begins with one.
func TestDecreeFirst(t *testing.T) {
	n := voter(Config{Self: Peer{Name: "a"}, Group: 4})
	n.reg.Incarnation = 77
	n.decreed(&Message{Kind: MessageDecree, Instance: 2, Version: 1, Roster: &Roster{}})
	if n.role != roleLeader || n.reg.Group != 4 || n.reg.Instance != 2 || n.lead.view.Seq != 1 || n.lead.view.New != Of(0) {
		t.Errorf("is %s of %+v", roleNames[n.role], n.lead.view)
	}
}

func leafOf(number uint16, generation uint16, seq uint64, names ...string) *view.Group {
	v := &view.View{Cluster: "story", Instance: 2, Group: number, Generation: generation, Epoch: seq}
	for i, name := range names {
		v.Members = append(v.Members, view.Identity{Name: name, Group: number, Slot: uint16(i), Incarnation: 1})
	}
	return view.Leaf(v)
}

// groups is a roster of the leaders of two groups in their first generation.
var groups = &Roster{Seats: []Seat{{Slot: 0, Below: NewBallot(1, 1, 0)}, {Slot: 1, Below: NewBallot(1, 1, 0)}}}

// TestVectorNeverOlder: a new leader that does not know what the last view held composes none
// before every group's leader told it what the group decided, and it holds that.
func TestVectorNeverOlder(t *testing.T) {
	reports := map[uint16]*Report{}
	told := func(slot uint16) *Report { return reports[slot] }
	v := &vector{cluster: "story", level: 1}
	v.offer(leafOf(0, 1, 5, "a"))
	v.offer(leafOf(1, 1, 3, "b"))
	v.adopt(&Proposal{Seq: 9, Digest: 0xbad, New: Of(0, 1, 248)}, groups, true)
	compose := func() bool {
		_, ok := v.compose(2, 1, 10, Of(0, 1, 248), told)
		return ok
	}
	if compose() {
		t.Error("composed though nobody told anything")
	}
	reports[0] = &Report{Generation: 1, Seq: 5}
	reports[1] = &Report{Generation: 1, Seq: 4}
	if compose() {
		t.Error("composed of a content older than its leader told")
	}
	if !v.offer(leafOf(1, 1, 4, "b", "c")) || v.offer(leafOf(1, 1, 3, "b")) {
		t.Error("the newer content is not taken, or the older is")
	}
	if !compose() {
		t.Error("not composed, though all is known")
	}
	if changed, less := v.changed(Of(0, 1)); !changed || !less {
		t.Error("after a view that is not known the next is due")
	}
	v.decide(1, Of(0, 1, 248))
	if changed, _ := v.changed(Of(0, 1)); changed {
		t.Error("nothing changed")
	}
	v.offer(leafOf(1, 1, 5, "b", "c", "d"))
	if changed, less := v.changed(Of(0, 1)); !changed || less {
		t.Errorf("one more: changed %v, less %v", changed, less)
	}
	v.offer(leafOf(1, 1, 6, "b"))
	if changed, less := v.changed(Of(0, 1)); !changed || !less {
		t.Errorf("two less: changed %v, less %v", changed, less)
	}
}

// TestVectorKnownBase: a new leader that has the content of the last view goes on from it at once.
func TestVectorKnownBase(t *testing.T) {
	untold := func(uint16) *Report { return nil }
	v := &vector{cluster: "story", level: 1}
	top := view.Compose("story", 2, 1, 0, 1, 9, []*view.Group{leafOf(0, 1, 5, "a"), leafOf(1, 1, 3, "b")})
	v.know(2, top)
	v.adopt(&Proposal{Seq: 9, Digest: top.Digest, New: Of(0, 1)}, groups, false)
	v.decide(1, Of(0, 1))
	if v.base != top {
		t.Fatal("the view it adopted is not what it knows")
	}
	if digest, ok := v.compose(2, 1, 10, Of(0), untold); !ok || digest != view.Compose("story", 2, 1, 0, 1, 10, []*view.Group{leafOf(0, 1, 5, "a")}).Digest {
		t.Error("without one group it is not the rest")
	}
	v.decide(2, Of(0))
	if v.offer(leafOf(1, 1, 3, "b")); v.use(1) == nil {
		t.Error("a group that is back and tells the same is not known")
	}
}

// TestVectorOfEarlierInstance: what is known of an instance is forgotten with it, though a group of the next decided
// as much, or less. The node of a seat outlives an instance in which its host had none.
func TestVectorOfEarlierInstance(t *testing.T) {
	for what, enter := range map[string]func(n *Node){
		"learns of the next": func(*Node) {},
		"is given a seat":    func(n *Node) { n.command(Command{Kind: CommandJoin, Instance: 2}) },
		"held a seat as it was made": func(n *Node) {
			n.Step(n.now, Input{Register: &Register{State: RegisterMember, Instance: 2}, Tally: new(Tally)})
		},
	} {
		n := voter(Config{Level: 1, Self: Peer{Name: "a"}})
		v := n.below
		v.know(1, view.Compose("story", 1, 1, 0, 1, 9, []*view.Group{leafOf(0, 1, 5, "a"), leafOf(1, 1, 3, "b")}))
		if enter(n); what != "learns of the next" && (v.base != nil || v.use(0) != nil) {
			t.Errorf("%s: knows what an earlier instance held", what)
		}
		now := leafOf(1, 1, 3, "x")
		v.know(2, view.Compose("story", 2, 1, 0, 1, 2, []*view.Group{now}))
		if v.use(0) != nil || v.use(1) != now || v.base == nil || v.base.Seq != 2 {
			t.Errorf("%s: knows %+v", what, v.held[:2])
		}
	}
}

// TestClaims: a group's slot goes to who leads it by the highest ballot, in one step; who leads
// an earlier generation is told that it is over.
func TestClaims(t *testing.T) {
	n := voter(Config{Level: 1, Self: Peer{Name: "root"}})
	n.reg.State, n.reg.Instance, n.reg.Slot = RegisterMember, 2, 248
	roster := (&Roster{}).With(Seat{Slot: 3, Peer: peer("a", 100), Below: NewBallot(2, 4, 0)}).With(Seat{Slot: 248, Peer: peer("root", 1)})
	n.role = roleLeader
	n.lead = leadership{roster: roster, decided: true, view: Proposal{New: Of(3, 248), Old: Of(3, 248)}}
	ask := func(name string, incarnation uint64, ballot Ballot) AnswerStatus {
		n.out = Output{}
		n.admit(&Message{Kind: MessageJoin, From: peer(name, incarnation), Standing: &Standing{Slot: 3, Ballot: ballot}})
		return n.out.Messages[0].Message.Answer.Status
	}
	for _, c := range []struct {
		name        string
		incarnation uint64
		ballot      Ballot
		want        AnswerStatus
		asked       int
	}{
		{"a", 100, NewBallot(2, 4, 0), "member", 0},
		{"a", 100, 1, "member", 0}, // as it does before the decree that tells it to begin
		{"b", 101, NewBallot(1, 9, 0), "superseded", 0},
		{"b", 101, NewBallot(2, 3, 0), "waiting", 0}, // another leads
		{"b", 101, NewBallot(2, 5, 1), "waiting", 1},
		{"c", 102, NewBallot(2, 6, 2), "waiting", 1},
	} {
		if got := ask(c.name, c.incarnation, c.ballot); got != c.want || len(n.lead.adm.asked) != c.asked {
			t.Errorf("%s by %v: %s, %d asked, want %s, %d", c.name, c.ballot, got, len(n.lead.adm.asked), c.want, c.asked)
		}
	}
	n.seatJoiners()
	if s := n.lead.adm.roster.At(3); s == nil || s.Name != "c" || s.Below != NewBallot(2, 6, 2) {
		t.Errorf("slot 3 goes to %+v", s)
	}
	if n.lead.inView().Has(249) || n.seats() != 7 {
		t.Error("a leader's claim took a seat")
	}
}
