package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/view"
	"rollcall/view/publish"
)

func answered(epoch uint64, hash string, valid bool, nodes ...string) *publish.VerifyDocument {
	return &publish.VerifyDocument{Views: []publish.Verdict{{Instance: 2, Epoch: epoch, Hash: hash, Valid: valid, Nodes: nodes}}}
}

// TestVerifyAsksTheGroup asks the two other members of the view, of whom one does not answer.
func TestVerifyAsksTheGroup(t *testing.T) {
	s, _, _ := newSource()
	own := publish.Hex(s.installed.Load().view.Hash())
	roster := s.seen.Load().status.Group.Roster
	for i := range roster.Seats {
		roster.Seats[i].RPC = roster.Seats[i].Name
	}
	other := own
	s.ask = func(_ context.Context, agent string, of calls.Scope) (*publish.VerifyDocument, error) {
		if of != calls.OfNode || agent == "cn001" || agent > "cn003" {
			t.Errorf("asked %s for its %s", agent, of)
		}
		if agent == "cn003" {
			return nil, errors.New("nobody there")
		}
		return answered(7, other, true, "cn002"), nil
	}
	d, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := publish.VerifyDocument{Schema: publish.Schema, Cluster: "tofu", Asked: 3, Agree: true, Silent: []string{"cn003"}, Views: []publish.Verdict{
		{Instance: 2, Epoch: 7, Hash: own, Valid: true, Nodes: []string{"cn001", "cn002"}},
	}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	other = publish.Hex(1)
	if d, err := s.Verify(t.Context()); err != nil || d.Agree || len(d.Views) != 2 {
		t.Errorf("different content for one epoch: %+v, %v", d, err)
	}
}

// agents answer at their addresses that they are there, under the names given, and what the test has for their parts.
func agents(t *testing.T, at map[string]string, parts map[string]*publish.VerifyDocument) func(context.Context, string, calls.Scope) (*publish.VerifyDocument, error) {
	return func(_ context.Context, agent string, of calls.Scope) (*publish.VerifyDocument, error) {
		name, ok := at[agent]
		if agent == "never" {
			t.Errorf("asked %s for its %s", agent, of)
		}
		switch {
		case !ok:
			return nil, errors.New("nobody there")
		case of == calls.OfNode:
			return answered(41, "x", true, name), nil
		}
		if d := parts[agent+" "+string(of)]; d != nil {
			return d, nil
		}
		return nil, errors.New("no place above yet")
	}
}

// twoGroups is newSource in a cluster of groups 4, its own, and 5; cn002 leads it.
func twoGroups() *source {
	s, r, _ := newSource()
	r.Epoch = 41
	s.cfg.Groups = append(s.cfg.Groups, config.Group{ID: 5, Nodes: []string{"dn001", "dn002", "dn003"}})
	s.cfg.RPC = netip.MustParseAddrPort("10.0.0.1:7746")
	s.cfg.Contacts = []string{"contact:1", "contact:2", "contact:3"}
	seen := s.seen.Load()
	seen.status.Group.Roster.Seats[1].RPC = "cn002:1"
	seen.status.Group.Leader = "cn002"
	in := func(group uint16, names ...string) *view.Group {
		v := &view.View{Cluster: "tofu", Instance: 2, Group: group, Epoch: 3}
		for slot, name := range names {
			v.Members = append(v.Members, view.Identity{Name: name, Group: group, Slot: uint16(slot)})
		}
		return view.Leaf(v)
	}
	top := view.Compose("tofu", 2, 1, 0, 0, 41, []*view.Group{in(4, "cn001", "cn002"), in(5, "dn001", "dn002", "dn003")})
	s.installed.Store(newInstalled(&view.ClusterView{Cluster: "tofu", Instance: 2, Leader: "cn003", Top: top}, nil))
	return s
}

// seated gives the source's host a seat above the groups.
func seated(s *source) {
	above := &s.seen.Load().status.Places[control.SeatAt(1)]
	above.Roster = &control.Roster{Seats: []control.Seat{
		{Slot: 4, Peer: control.Peer{Name: "cn002", RPC: "cn002:1"}},
		{Slot: 5, Peer: control.Peer{Name: "dn001", RPC: "dn001:1"}},
		{Slot: 6, Peer: control.Peer{Name: "en001", RPC: "never"}}, // of a group that is gone
		{Slot: control.FirstSeat, Peer: control.Peer{Name: "cn001", RPC: "never"}},
		{Slot: control.FirstSeat + 1, Peer: control.Peer{Name: "dn003", RPC: "dn003:1"}},
		{Slot: control.FirstSeat + 2, Peer: control.Peer{Name: "en001", RPC: "never"}},
	}}
	above.Members, above.Leader = control.Of(4, 5, control.FirstSeat, control.FirstSeat+1), "dn003"
}

// TestVerifyFollowsTheTree: a member of one group of several has its leader ask, and where that is silent,
// or is somebody else by now, the contacts.
func TestVerifyFollowsTheTree(t *testing.T) {
	all := answered(41, "x", true, "cn001", "cn002", "dn001")
	for name, tc := range map[string]struct{ there, answers string }{
		"its leader": {"cn002:1=cn002", "cn002:1"},
		"a contact":  {"contact:1=cn003", "contact:1"},
		// after a stranger, itself, and one without a place
		"the third contact": {"cn002:1=cn009 contact:1=cn001 contact:2=cn003 contact:3=dn001", "contact:3"},
	} {
		s := twoGroups()
		at := map[string]string{}
		for _, agent := range strings.Fields(tc.there) {
			address, name, _ := strings.Cut(agent, "=")
			at[address] = name
		}
		s.ask = agents(t, at, map[string]*publish.VerifyDocument{tc.answers + " cluster": all})
		if d, err := s.Verify(t.Context()); err != nil || len(d.Views) != 1 || len(d.Views[0].Nodes) != 3 {
			t.Errorf("by %s: %+v, %v", name, d, err)
		}
		if d, err := s.held(t.Context(), calls.OfCluster); (err == nil) != (name == "its leader") {
			t.Errorf("asked by an agent, that %s answers: %+v, %v", name, d, err)
		}
	}
	s := twoGroups()
	s.ask = agents(t, nil, nil)
	if d, err := s.Verify(t.Context()); err == nil {
		t.Errorf("by nobody: %+v", d)
	}
}

// TestVerifyAsksStandIns: a group whose leader is silent is asked through another member, one that has a seat or
// one that is called by its name; of a group none of whose members answers, all are silent.
func TestVerifyAsksStandIns(t *testing.T) {
	own, other := answered(41, "x", true, "cn001", "cn002"), answered(41, "x", true, "dn002", "dn003")
	other.Silent = []string{"dn001"}
	for name, tc := range map[string]struct{ there, answers, silent string }{
		"the leader":           {"dn001:1=dn001", "dn001:1", "dn001"},
		"the member of a seat": {"dn003:1=dn003", "dn003:1", "dn001"},
		"a member by its name": {"dn002:7746=dn002", "dn002:7746", "dn001"},
		"a stranger":           {"dn002:7746=fn001", "dn002:7746", "dn001 dn002 dn003"},
		"nobody":               {"", "", "dn001 dn002 dn003"},
	} {
		s := twoGroups()
		seated(s)
		at := map[string]string{"cn002:1": "cn002"}
		if address, name, ok := strings.Cut(tc.there, "="); ok {
			at[address] = name
		}
		s.ask = agents(t, at, map[string]*publish.VerifyDocument{"cn002:1 group": own, tc.answers + " group": other})
		d, err := s.Verify(t.Context())
		if err != nil || d.Asked != 5 || !cmp.Equal(d.Silent, strings.Fields(tc.silent)) {
			t.Errorf("%s answers: %+v, %v", name, d, err)
		}
	}
}

// TestTreeTellsWhoLeads: who has a place above its group knows, others ask their leader or a contact, since the view of
// an epoch names whoever led then; of a view that is not valid nobody tells.
func TestTreeTellsWhoLeads(t *testing.T) {
	told := &publish.Structure{Root: "dn001", Leaders: map[uint16]string{4: "cn001", 5: "dn002"}, Seats: []string{"cn001", "dn001"}}
	asking := func(agent string) *source {
		s := twoGroups()
		s.askStructure = func(_ context.Context, at string) (*publish.Structure, error) {
			if at != agent {
				return nil, errors.New("nobody there")
			}
			return told, nil
		}
		return s
	}
	itself := asking("")
	seated(itself)
	cut := asking("cn002:1")
	cut.register = func() control.Register { return control.Register{} }
	for name, tc := range map[string]struct {
		s           *source
		own, other  string
		seats, root string
	}{
		"a seat":        {itself, "cn002", "dn001", "cn001 dn003", "dn003"},
		"its leader":    {asking("cn002:1"), "cn002", "dn002", "cn001 dn001", "dn001"},
		"a contact":     {asking("contact:2"), "cn002", "dn002", "cn001 dn001", "dn001"},
		"nobody":        {asking(""), "cn002", "", "", "cn003"},
		"no valid view": {cut, "", "", "", "cn003"},
	} {
		d := tc.s.Tree(t.Context())
		if d.Leader != tc.root || d.Groups[0].Leader != tc.own || d.Groups[1].Leader != tc.other || strings.Join(d.Seats, " ") != tc.seats {
			t.Errorf("told by %s: %+v", name, d)
		}
	}
}

// TestVerifyWaitsForNobody: daemons that hang are silent, and those that answer are heard before whoever
// asked gives up.
func TestVerifyWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newSource()
		roster := s.seen.Load().status.Group.Roster
		for i := range roster.Seats {
			roster.Seats[i].RPC = roster.Seats[i].Name
		}
		s.ask = func(ctx context.Context, agent string, _ calls.Scope) (*publish.VerifyDocument, error) {
			if agent == "cn002" {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return answered(7, "x", true, agent), nil
		}
		began := time.Now()
		d, err := s.Verify(t.Context())
		if err != nil || !cmp.Equal(d.Silent, []string{"cn002"}) || d.Asked != 3 {
			t.Errorf("%+v, %v", d, err)
		}
		if took := time.Since(began); took != patience[calls.OfNode].one {
			t.Errorf("took %v", took)
		}
	})
	for _, part := range []calls.Scope{calls.OfNode, calls.OfGroup} {
		above := map[calls.Scope]calls.Scope{calls.OfNode: calls.OfGroup, calls.OfGroup: calls.OfCluster}[part]
		if p := patience[part]; p.one > p.all || p.all >= patience[above].one {
			t.Errorf("who asks for the %s waits %v, who gathers it %v", above, patience[above].one, p.all)
		}
	}
}

func TestDiffOfEpochs(t *testing.T) {
	s, _, _ := newSource()
	at := func(instance uint32, epoch uint64, names ...string) {
		v := &view.View{Cluster: "tofu", Instance: instance, Group: 4, Epoch: epoch}
		for slot, name := range names {
			v.Members = append(v.Members, view.Identity{Name: name, Group: 4, Slot: uint16(slot), Incarnation: 1})
		}
		s.epochs.add(&view.ClusterView{Cluster: "tofu", Instance: instance, Top: view.Leaf(v)})
	}
	at(1, 9, "cn009")
	at(2, 1, "cn001")
	at(2, 2, "cn001", "cn002")
	if d, err := s.Diff(1, 2); err != nil || !cmp.Equal(d.Joined, []string{"cn002"}) || len(d.Removed)+len(d.Restarted) != 0 {
		t.Errorf("got %+v, %v", d, err)
	}
	if d, err := s.Diff(2, 1); err != nil || !cmp.Equal(d.Removed, []string{"cn002"}) {
		t.Errorf("backwards: %+v, %v", d, err)
	}
	if _, err := s.Diff(1, 9); err == nil {
		t.Error("an epoch of another instance was found")
	}
	for epoch := range uint64(epochsMax) {
		at(2, epoch+3, "cn001")
	}
	if first, last := s.epochs.span(); last-first != epochsMax-1 || last != epochsMax+2 {
		t.Errorf("held are %d to %d", first, last)
	}
}

// A whole group is lost, a member of another restarts and one joins: the difference is of all groups together.
func TestDiffOfGroups(t *testing.T) {
	s, _, _ := newSource()
	at := func(epoch uint64, groups ...*view.Group) {
		s.epochs.add(&view.ClusterView{Cluster: "tofu", Instance: 2, Top: view.Compose("tofu", 2, 1, 0, 0, epoch, groups)})
	}
	group := func(number uint16, members ...view.Identity) *view.Group {
		for i := range members {
			members[i].Group, members[i].Slot = number, uint16(i)
		}
		return view.Leaf(&view.View{Cluster: "tofu", Instance: 2, Group: number, Generation: 1, Epoch: 1, Members: members})
	}
	at(5, group(0, view.Identity{Name: "an1", Incarnation: 1}, view.Identity{Name: "an2", Incarnation: 2}),
		group(1, view.Identity{Name: "bn1", Incarnation: 3}, view.Identity{Name: "bn2", Incarnation: 4}))
	at(6, group(0, view.Identity{Name: "an1", Incarnation: 1}, view.Identity{Name: "an2", Incarnation: 5}, view.Identity{Name: "an3", Incarnation: 6}))
	want := publish.DiffDocument{
		Schema: publish.Schema, Cluster: "tofu", Instance: 2, From: 5, To: 6,
		Joined: []string{"an3"}, Removed: []string{"bn1", "bn2"}, Restarted: []string{"an2"},
	}
	if d, err := s.Diff(5, 6); err != nil || !cmp.Equal(d, want) {
		t.Errorf("got %+v, %v, want %+v", d, err, want)
	}
	want.From, want.To, want.Joined, want.Removed = 6, 5, want.Removed, want.Joined
	if d, err := s.Diff(6, 5); err != nil || !cmp.Equal(d, want) {
		t.Errorf("backwards: got %+v, %v, want %+v", d, err, want)
	}
}

func TestTreeAndOtherGroups(t *testing.T) {
	s, r, _ := newSource()
	s.cfg.Groups = append(s.cfg.Groups, config.Group{ID: 1, Name: "rack1", Nodes: []string{"dn001", "dn002"}})
	if _, err := s.Group(t.Context(), "rack2"); err == nil {
		t.Error("there is a rack2")
	}
	if tree := s.Tree(t.Context()); tree.State != publish.Degraded || tree.Here != 2 || tree.Nodes != 8 || tree.Groups[0].Group != 1 || tree.Groups[0].State != publish.Lost {
		t.Errorf("tree %+v", tree)
	}
	top := view.Compose("tofu", 2, 1, 0, 0, 41, []*view.Group{view.Leaf(&view.View{
		Cluster: "tofu", Instance: 2, Group: 1, Generation: 2, Epoch: 3, Members: []view.Identity{{Name: "dn001", Group: 1}, {Name: "dn002", Group: 1, Slot: 1}},
	})})
	s.installed.Store(newInstalled(&view.ClusterView{Cluster: "tofu", Instance: 2, Top: top}, nil))
	r.Epoch = 41
	tree := s.Tree(t.Context())
	if b := tree.Groups[0]; b.State != publish.Full || b.Seq != 3 || b.Generation != 2 || b.Here != 2 {
		t.Errorf("rack1 %+v", b)
	}
	for _, which := range []string{"1", "rack1"} {
		g, err := s.Group(t.Context(), which)
		if err != nil || g.Name != "rack1" || g.Committed != 3 || len(g.Members) != 2 || g.Members[1].State != view.Alive || g.Role != "other" {
			t.Errorf("group %s: %+v, %v", which, g, err)
		}
	}
}
