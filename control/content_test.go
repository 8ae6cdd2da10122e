package control

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rollcall/view"
)

// host2 is one of a cluster of two levels, a follower at level 0, in the middle of a step.
func host2(name string) *Host {
	h := NewHost(HostConfig{Config: Config{Cluster: "story", Self: peer(name, 1), Interval: 100 * time.Millisecond, Rounds: 5}, Top: 1})
	h.now, h.in = Time(time.Hour), &HostInput{Registers: new([Places]Register)}
	h.in.Registers[0].State, h.in.Registers[0].Instance = RegisterMember, 3
	return h
}

// largest is the content of as many groups as two levels have.
func largest(seq uint64) *view.Group { return full(PerBranch, seq) }

// full is the content of so many groups, all of them full, with the longest names that fit where nodes
// are numbered.
func full(groups uint16, seq uint64) *view.Group {
	var below []*view.Group
	for g := range groups {
		v := &view.View{Cluster: "story", Instance: 3, Group: g, Generation: 1, Epoch: 9}
		for s := range uint16(Slots) {
			v.Members = append(v.Members, view.Identity{
				Name: fmt.Sprintf("rack%03d-node%03d.cluster.example.org", g, s), Group: g, Slot: s,
				Incarnation: (uint64(g)<<16 | uint64(s) + 1) * 0x9e3779b97f4a7c15, // as hard to compress as those drawn
			})
		}
		below = append(below, view.Leaf(v))
	}
	return view.Compose("story", 3, 1, 0, 1, seq, below)
}

// letters are those that a host would send, as they arrive.
func letters(t *testing.T, h *Host) (arrived []*Message) {
	t.Helper()
	for i := range h.out.Messages {
		b, err := json.Marshal(&h.out.Messages[i].Message)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > MessageMax {
			t.Errorf("letter %d has %d bytes, at most %d", i, len(b), MessageMax)
		}
		m := new(Message)
		if err := json.Unmarshal(b, m); err != nil {
			t.Fatal(err)
		}
		if err := m.Validate(); err != nil {
			t.Error(err)
		}
		arrived = append(arrived, m)
	}
	h.out = HostOutput{}
	return arrived
}

// TestLargestContent: what 248 groups of 256 nodes decided goes in letters of which none is too
// long, one that is lost is made up for, and what changed later goes in one.
func TestLargestContent(t *testing.T) {
	root, member := host2("a"), host2("b")
	before := largest(7)
	root.sendContent(nil, before, "b:7746")
	sent := letters(t, root)
	if len(sent) < 2 || len(sent) > PartsMax {
		t.Fatalf("%d letters", len(sent))
	}
	for _, m := range sent[:len(sent)-1] { // the last is lost
		member.contentArrived(m)
	}
	if member.content.current != nil {
		t.Fatal("took what is not complete")
	}
	member.in.Registers[0].Epoch, member.in.Registers[0].BeatBallot = 7, NewBallot(1, 1, 0)
	member.nodes[0].rosters = []heldRoster{{rosterOf("a", "b"), 1}}
	member.content.behind = member.now
	member.catchUp()
	if len(member.out.Messages) != 0 {
		t.Error("asked for the rest while it was on its way")
	}
	member.now = member.now.Add(wantEvery)
	member.catchUp()
	if len(member.out.Messages) != 1 || member.out.Messages[0].Message.Kind != MessageWant {
		t.Fatalf("sent %+v, and not one letter that asks for the rest", member.out.Messages)
	}
	member.out = HostOutput{}
	for _, m := range sent {
		member.contentArrived(m)
	}
	if c := member.content.current; c == nil || c.Top.Digest != before.Digest || c.Top.Len() != PerBranch*Slots {
		t.Fatalf("took %+v", c)
	}

	groups := append([]*view.Group(nil), before.Below...)
	v := &view.View{Cluster: "story", Instance: 3, Group: 5, Generation: 1, Epoch: 10, Members: groups[5].Members[1:]}
	groups[5] = view.Leaf(v)
	after := view.Compose("story", 3, 1, 0, 1, 8, groups)
	root.sendContent(before, after, "b:7746")
	sent = letters(t, root)
	if len(sent) != 1 || len(sent[0].Content.Body) > 1<<10 {
		t.Fatalf("%d letters, the first of %d bytes, for one node that is gone", len(sent), len(sent[0].Content.Body))
	}
	member.contentArrived(sent[0])
	if c := member.content.current; c.Top.Digest != after.Digest || c.Top.Of(4) != before.Of(4) && c.Top.Of(4).Digest != before.Of(4).Digest {
		t.Errorf("took epoch %d", c.Epoch())
	}
}

// elected has a host of two levels lead its group of these.
func elected(h *Host, names ...string) {
	n := h.nodes[0]
	n.role, n.lead.decided, n.lead.roster = roleLeader, true, rosterOf(names...)
	for s := range names {
		n.lead.view.New.Set(uint16(s))
	}
}

// TestNoWholeContentUnasked: a leader whose agent was just started knows only one content, and sends it to
// nobody who has it: who has none asks, once, and gets all of it, and who has an earlier one gets it too.
func TestNoWholeContentUnasked(t *testing.T) {
	before, now := full(50, 6), full(50, 7)
	leader := host2("a")
	elected(leader, "a", "b", "c", "d")
	leader.learn(3, now)
	leader.inform()
	sent := letters(t, leader)
	if len(sent) != 3 {
		t.Fatalf("%d letters to three members", len(sent))
	}
	for _, m := range sent {
		if m.Kind != MessageContent || len(m.Content.Body) > 1<<8 {
			t.Errorf("a letter of kind %s with %d bytes of content", m.Kind, len(m.Content.Body))
		}
	}
	for name, has := range map[string]*view.Group{"b": now, "c": before, "d": nil} {
		member := host2(name)
		if has != nil {
			member.learn(3, has)
		}
		member.contentArrived(sent[0])
		asked := letters(t, member)
		if has == now {
			if len(asked) != 0 {
				t.Errorf("who has the content sends %+v", asked)
			}
			continue
		}
		if len(asked) != 1 || asked[0].Kind != MessageWant {
			t.Fatalf("%s sends %+v, and not one letter that asks", name, asked)
		}
		leader.wanted(asked[0])
		for _, m := range letters(t, leader) {
			member.contentArrived(m)
		}
		if c := member.content.current; c == nil || c.Top.Digest != now.Digest || len(member.out.Messages) != 0 {
			t.Errorf("%s has %+v, and sends %+v", name, c, member.out.Messages)
		}
	}

	// Elected once more, it does not tell from what its members had then.
	leader.nodes[0].role = roleFollower
	for seq := uint64(8); seq < 10; seq++ {
		leader.learn(3, full(50, seq))
		leader.inform()
	}
	elected(leader, "a", "b")
	leader.inform()
	d, err := view.ParseDelta(letters(t, leader)[0].Content.Body)
	if want := leader.content.past[1].Digest; err != nil || d.Base != want {
		t.Errorf("tells what changed since %x, want since the content before, %x: %v", d.Base, want, err)
	}
}

// TestWrongWholeContent: all of a content that is not what its digest says is not asked for again at once.
func TestWrongWholeContent(t *testing.T) {
	d := view.Between("story", 3, nil, full(2, 7))
	d.Digest++
	body, err := d.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	member := host2("b")
	member.contentArrived(&Message{Kind: MessageContent, Cluster: "story", Level: 1, Instance: 3, From: peer("a", 1), Content: &Content{Seq: 7, Parts: 1, Body: body}})
	if member.content.current != nil || len(member.out.Messages) != 0 {
		t.Errorf("has %+v, and sends %+v", member.content.current, member.out.Messages)
	}
}

// TestRefutedContent: what is not the content whose digest the beats tell is not taken, and if it was taken
// before they did, it is fetched again, all of it.
func TestRefutedContent(t *testing.T) {
	compose := func(seq uint64, names ...string) *view.Group {
		v := &view.View{Cluster: "story", Instance: 3, Epoch: 4}
		for s, name := range names {
			v.Members = append(v.Members, view.Identity{Name: name, Slot: uint16(s), Incarnation: 9})
		}
		return view.Compose("story", 3, 1, 0, 1, seq, []*view.Group{view.Leaf(v)})
	}
	right, wrong := compose(7, "a", "b"), compose(7, "a", "b", "c")
	member := host2("b")
	r := &member.in.Registers[0]
	r.BeatBallot, member.nodes[0].rosters = NewBallot(1, 1, 0), []heldRoster{{rosterOf("a", "b"), 1}}
	member.learn(3, wrong)
	r.Epoch = 7 // of which no digest is known yet
	member.inform()
	if c := member.content.current; c == nil || c.Top != wrong || len(member.out.Events) != 0 {
		t.Fatalf("has %+v; events %+v", c, member.out.Events)
	}
	r.EpochDigest = right.Digest
	member.inform()
	if e := member.out.Events; member.content.current != nil || len(e) != 1 || e[0].Kind != EventMismatch {
		t.Fatalf("has %+v; events %+v", member.content.current, e)
	}
	member.now = member.now.Add(wantAfter)
	member.inform()
	if m := member.out.Messages; len(m) != 1 || m[0].Message.Kind != MessageWant || m[0].Message.Version != 0 {
		t.Fatalf("sent %+v, and not one letter that asks for all", m)
	}
	member.learn(3, wrong)
	if member.content.current != nil || len(member.out.Events) != 2 {
		t.Errorf("takes what beats refute; events %+v", member.out.Events)
	}
	member.learn(3, right)
	member.inform()
	if c := member.content.current; c == nil || c.Top != right || len(member.out.Events) != 2 {
		t.Errorf("has %+v; events %+v", c, member.out.Events)
	}
}

// TestOtherInstanceIsNoWitness: a host that comes into an instance above, and has a register of an earlier one
// below, is told nothing by that of the epochs of the new one.
func TestOtherInstanceIsNoWitness(t *testing.T) {
	h := host2("b")
	r := &h.in.Registers[0]
	g := full(2, 7)
	r.Instance, r.Epoch, r.EpochDigest = 2, g.Seq, g.Digest+1
	if h.refuted(3, g) || h.knownEpoch(3) != 0 {
		t.Errorf("refuted: %v; epoch %d is known of", h.refuted(3, g), h.knownEpoch(3))
	}
	if !h.refuted(2, g) || h.knownEpoch(2) != g.Seq {
		t.Errorf("of its own instance, refuted: %v; epoch %d is known of", h.refuted(2, g), h.knownEpoch(2))
	}
}

// TestSpoiledContent: of a content that comes in parts one part has a bit turned over, or is lost. Nothing of it is
// installed, and what was sent again is, whole.
func TestSpoiledContent(t *testing.T) {
	root, right := host2("a"), full(50, 7)
	root.sendContent(nil, right, "b:7746")
	sent := letters(t, root)
	if len(sent) < 3 {
		t.Fatalf("%d parts", len(sent))
	}
	random := rand.New(rand.NewPCG(4, 4))
	for i := range 3 * len(sent) {
		member := host2("b")
		r := &member.in.Registers[0]
		r.Epoch, r.BeatBallot = 7, NewBallot(1, 1, 0)
		member.nodes[0].rosters = []heldRoster{{rosterOf("a", "b"), 1}}
		member.inform() // an epoch is known that is not here
		spoiled := i % len(sent)
		body := sent[spoiled].Content.Body
		bit := random.IntN(8 * len(body))
		for part, m := range sent {
			if part != spoiled {
				member.contentArrived(m)
				continue
			}
			if i < len(sent) {
				continue // lost
			}
			m, c := *m, *m.Content
			c.Body = slices.Clone(body)
			c.Body[bit/8] ^= 1 << (bit % 8)
			m.Content = &c
			member.contentArrived(&m)
		}
		if member.content.current != nil {
			t.Fatalf("bit %d of part %d: installed", bit, spoiled)
		}
		member.now = member.now.Add(wantEvery)
		member.inform()
		if m := member.out.Messages; len(m) == 0 || m[len(m)-1].Message.Kind != MessageWant || m[len(m)-1].Message.Version != 0 {
			t.Fatalf("bit %d of part %d: sent %+v, and no letter that asks for all", bit, spoiled, m)
		}
		for _, m := range sent {
			member.contentArrived(m)
		}
		if c := member.content.current; c == nil || c.Top.Digest != right.Digest || c.Top.Len() != right.Len() {
			t.Fatalf("bit %d of part %d: has %+v after all came again", bit, spoiled, c)
		}
	}
}
