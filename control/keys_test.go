package control

import "testing"

// TestTurnKey: the leader's next beat is signed with the newest key when every member, those
// of the view before included, said that it holds that very key.
func TestTurnKey(t *testing.T) {
	const old, next = 0x10, 0x21
	both := KeyIDs{old, next}
	for _, c := range []struct {
		name    string
		reg     Register
		members map[uint16]KeyIDs // what they answered
		want    uint8
	}{
		{"all hold it", Register{Keys: both, Newest: 1}, map[uint16]KeyIDs{1: both, 2: both, 3: both}, 1},
		{"one lacks it", Register{Keys: both, Newest: 1}, map[uint16]KeyIDs{1: both, 2: {old}, 3: both}, 0},
		{"one holds another one of that number", Register{Keys: both, Newest: 1}, map[uint16]KeyIDs{1: both, 2: {old, next + 2}, 3: both}, 0},
		{"one did not answer", Register{Keys: both, Newest: 1}, map[uint16]KeyIDs{1: both, 2: both}, 0},
		{"it signs already", Register{Keys: both, Newest: 1, Key: 1}, nil, 1},
		{"the leader's own is withdrawn", Register{Keys: KeyIDs{old}, Newest: 1}, map[uint16]KeyIDs{1: both, 2: both, 3: both}, 0},
		{"the newest has the lower number", Register{Keys: both, Newest: 0, Key: 1}, map[uint16]KeyIDs{1: both, 2: both, 3: both}, 0},
		{"the leader is told of no keys", Register{}, map[uint16]KeyIDs{1: both, 2: both, 3: both}, 0},
	} {
		n := &Node{reg: c.reg, tally: &Tally{}, role: roleLeader}
		n.lead.view = Proposal{New: Of(0, 1, 2), Old: Of(0, 1, 3)}
		for slot, keys := range c.members {
			n.tally.Heard[slot].Answered, n.tally.Members[slot].Keys = 1, keys
		}
		if got := n.turnKey(); got != c.want {
			t.Errorf("%s: signs with %d, want %d", c.name, got, c.want)
		}
	}
}

// TestKeyFollowsTheBeat: a member signs with the key of the last beat that it took, and
// keeps to it when its file changes.
func TestKeyFollowsTheBeat(t *testing.T) {
	r := Register{State: RegisterMember, Rosters: [HeldRosters]uint64{7}}
	r.apply(&Command{Kind: CommandKeys, Keys: KeyIDs{0x10, 0x21}, Key: 1, Newest: 0})
	if r.Key != 1 {
		t.Fatalf("before the first beat it signs with %d, want the file's first", r.Key)
	}
	beat := func(round uint64, key uint8) {
		f := Frame{Kind: KindBeat, To: ToAll, Key: key, Ballot: NewBallot(0, 1, 3), Round: round, Ask: Ask{Seq: 1, Roster: 7}}
		if o := r.Receive(Time(round), &f); o.Reply && (f.Key != key || f.Reply.Keys != r.Keys) {
			t.Errorf("answer to round %d is signed with %d and tells of %x", round, f.Key, f.Reply.Keys)
		}
	}
	beat(2, 0)
	if r.Key != 0 {
		t.Errorf("took a beat of key 0, signs with %d", r.Key)
	}
	beat(1, 1)
	if r.Key != 0 {
		t.Errorf("a round that was taken before turned the key to %d", r.Key)
	}
	r.apply(&Command{Kind: CommandKeys, Keys: KeyIDs{0x10, 0x21}, Key: 1, Newest: 1})
	if r.Key != 0 {
		t.Errorf("the file turned the key to %d, past the leader", r.Key)
	}
	r.apply(&Command{Kind: CommandVacate, Incarnation: 9})
	if r.Keys == (KeyIDs{}) || r.Newest != 1 {
		t.Errorf("vacated, it holds keys %x", r.Keys)
	}
}
