package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view"
	"rollcall/view/publish"
)

type stillPlane struct{}

func (stillPlane) Stats() (n [control.Reasons]uint64) {
	n[control.ReasonBadTag], n[control.ReasonBeatRepeated] = 3, 1
	return n
}
func (stillPlane) Describe() dataplane.Description { return dataplane.Description{Plane: "socket"} }

// counts are those of calls or of the sender.
type counts struct{ done, failed uint64 }

func (c counts) Counts() (uint64, uint64) { return c.done, c.failed }

// newSource is node cn001 of five, in view 7 with cn002 and cn003, its lease valid until 1000.
func newSource() (*source, *control.Register, *control.Time) {
	r := &control.Register{
		Keys: control.KeyIDs{0x10, 0x21}, Key: 1, Newest: 0,
		State: control.RegisterMember, Instance: 2, Incarnation: 0xabc, LeaseUntil: 1000 * control.Time(time.Millisecond), UpperUntil: control.MaxTime,
		Committed: control.Commit{Seq: 7, Members: control.Of(0, 1, 2)}, Accepted: control.Proposal{Seq: 8, New: control.Of(0, 1, 2, 3)},
	}
	now := control.Time(900 * time.Millisecond)
	s := &source{
		cfg: &config.Config{
			Cluster: "tofu", Node: "cn001", Founders: []string{"cn001"}, File: "f",
			Groups: []config.Group{{ID: 4, Nodes: []string{"cn001", "cn002", "cn003", "cn004", "cn005", "cn006"}}},
		},
		plane: stillPlane{}, register: func() control.Register { return *r }, now: func() control.Time { return now },
		loop: &loop{}, called: counts{40, 2}, sender: counts{30, 1},
	}
	seat := func(slot uint16, name string) control.Seat {
		return control.Seat{Slot: slot, Peer: control.Peer{Name: name, Incarnation: uint64(slot) + 1, RPC: "x:1"}}
	}
	seen := &snapshot{at: now, register: *r, status: control.HostStatus{Group: control.Status{
		Role: "leader", Instance: 2, Leader: "cn001",
		Roster: &control.Roster{Seats: []control.Seat{seat(0, "cn001"), seat(1, "cn002"), seat(2, "cn003"), seat(3, "cn004"), seat(4, "cn005")}},
		Past:   []control.Past{{Name: "cn005", State: view.Left}},
	}}}
	seen.status.Group.States[1] = view.Stale
	seen.status.Group.States[2] = view.Suspect
	seen.asking.Round = 20
	seen.members = []member{{slot: 2, round: 15, keys: control.KeyIDs{0x10, 0x21}, wire: [2]int{1, 2}, echoAt: 800 * control.Time(time.Millisecond), agentAgeMS: control.NoAgent}}
	s.seen.Store(seen)
	v := &view.View{Cluster: "tofu", Instance: 2, Group: 4, Epoch: 7, Leader: "cn001"}
	for slot, name := range []string{"cn001", "cn002", "cn003"} {
		v.Members = append(v.Members, view.Identity{Name: name, Group: 4, Slot: uint16(slot), Incarnation: uint64(slot) + 1})
	}
	s.installed.Store(&installed{view: &view.ClusterView{Cluster: v.Cluster, Instance: v.Instance, Leader: v.Leader, Top: view.Leaf(v)}, flat: v, at: time.Unix(1, 0), monoNS: 5})
	return s, r, &now
}

// states gives a document's members as name:state.
func states(d publish.Document) string {
	var list []string
	for _, m := range d.Members {
		list = append(list, m.Name+":"+m.State.String())
	}
	return strings.Join(list, " ")
}

func TestViewDocument(t *testing.T) {
	s, r, now := newSource()
	d := s.View()
	if !d.Valid || d.LeaseMS != 100 || d.Epoch != 7 || d.MonoNS != 5 {
		t.Errorf("got %+v", d)
	}
	want := "cn001:alive cn002:stale cn003:suspect cn004:joining cn005:left cn006:absent"
	if got := states(d); got != want {
		t.Errorf("states %s, want %s", got, want)
	}

	*now = r.LeaseUntil // nobody told the loop, and yet
	d = s.View()
	if d.Valid || d.LeaseMS != 0 {
		t.Errorf("valid %v for %d ms after the lease ended", d.Valid, d.LeaseMS)
	}
	if got := states(d); !strings.HasPrefix(got, "cn001:alive cn002:unknown cn003:unknown ") {
		t.Errorf("states without a lease: %s", got)
	}
}

func TestValidIsOnlyTheRegistersOwnView(t *testing.T) {
	for name, change := range map[string]func(*control.Register){
		"a later view is decided": func(r *control.Register) { r.Committed.Seq++ },
		"another instance":        func(r *control.Register) { r.Instance++ },
		"out":                     func(r *control.Register) { r.State = control.RegisterOut },
		"the level above is lost": func(r *control.Register) { r.UpperUntil = 0 },
	} {
		s, r, _ := newSource()
		change(r)
		if s.View().Valid || s.Status(t.Context()).Valid {
			t.Errorf("%s: still valid", name)
		}
	}
}

// TestClusterView is the same node in a cluster of two groups, of which the register knows the epoch
// by the beats.
func TestClusterView(t *testing.T) {
	s, r, _ := newSource()
	s.cfg.Groups = append(s.cfg.Groups, config.Group{ID: 5, Nodes: []string{"dn001", "dn002", "dn003"}})
	other := func(names ...string) *view.ClusterView {
		v := &view.View{Cluster: "tofu", Instance: 2, Group: 5, Epoch: 3}
		for slot, name := range names {
			v.Members = append(v.Members, view.Identity{Name: name, Group: 5, Slot: uint16(slot), Incarnation: 9})
		}
		first := s.installed.Load()
		top := view.Compose("tofu", 2, 1, 0, 0, 40+uint64(len(names)), []*view.Group{view.Leaf(&view.View{
			Cluster: "tofu", Instance: 2, Group: 4, Epoch: 7, Members: first.flat.Members[:3],
		}), view.Leaf(v)})
		return &view.ClusterView{Cluster: "tofu", Instance: 2, Leader: "dn001", Top: top}
	}
	s.installed.Store(newInstalled(other("dn001", "dn002"), nil))
	s.installed.Store(newInstalled(other("dn001"), s.installed.Load()))
	r.Epoch = 41
	d := s.View()
	if !d.Valid || d.Epoch != 41 || d.Hash != publish.Hex(s.installed.Load().view.Hash()) {
		t.Errorf("got %+v", d)
	}
	want := "cn001:alive cn002:stale cn003:suspect dn001:alive cn004:joining cn005:left cn006:absent dn002:gone dn003:absent"
	if got := states(d); got != want {
		t.Errorf("states %s, want %s", got, want)
	}
	r.EpochDigest = s.installed.Load().view.Hash()
	if d := s.View(); !d.Valid {
		t.Error("not valid when beats tell the digest")
	}
	r.EpochDigest++
	if d := s.View(); d.Valid {
		t.Error("valid when beats tell another digest")
	}
	r.Epoch, r.EpochDigest = r.Epoch+1, 0
	if d := s.View(); d.Valid || !strings.HasPrefix(states(d), "cn001:alive cn002:stale cn003:suspect dn001:unknown ") {
		t.Errorf("an epoch later: valid %v, %s", d.Valid, states(d))
	}
	s.installed.Store(newInstalled(other("dn001", "dn002"), s.installed.Load())) // back
	if got := states(s.View()); !strings.HasSuffix(got, "dn002:alive cn004:joining cn005:left cn006:absent dn003:absent") {
		t.Errorf("states %s", got)
	}
}

// TestOwnGroupIsKnown: a node whose group is cut off from all others knows how that fares, as long as it has a
// leader, and who is in it no longer.
func TestOwnGroupIsKnown(t *testing.T) {
	s, r, now := newSource()
	r.UpperUntil = 0
	if d := s.View(); d.Valid || !strings.HasPrefix(states(d), "cn001:alive cn002:stale cn003:suspect ") {
		t.Errorf("cut off: valid %v, %s", d.Valid, states(d))
	}
	seen := *s.seen.Load()
	seen.register.Committed = control.Commit{Seq: 8, Members: control.Of(0, 1)}
	s.seen.Store(&seen)
	if got := states(s.View()); !strings.HasPrefix(got, "cn001:alive cn002:stale cn003:gone ") {
		t.Errorf("one removed since: %s", got)
	}
	*now = r.LeaseUntil
	if got := states(s.View()); !strings.HasPrefix(got, "cn001:alive cn002:unknown cn003:unknown ") {
		t.Errorf("without a leader: %s", got)
	}
}

// TestLostGroupIsUnknown: the nodes of a group that left the view as a whole are unknown as long as it may be
// formed anew; if it is, or nobody forms it, those that are not in it are gone.
func TestLostGroupIsUnknown(t *testing.T) {
	s, r, _ := newSource()
	s.cfg.Groups = append(s.cfg.Groups, config.Group{ID: 5, Nodes: []string{"dn001", "dn002", "dn003"}})
	epoch := uint64(40)
	install := func(names ...string) {
		epoch++
		groups := []*view.Group{view.Leaf(&view.View{Cluster: "tofu", Instance: 2, Group: 4, Epoch: 7, Members: s.installed.Load().flat.Members[:3]})}
		if len(names) > 0 {
			v := &view.View{Cluster: "tofu", Instance: 2, Group: 5, Epoch: epoch}
			for slot, name := range names {
				v.Members = append(v.Members, view.Identity{Name: name, Group: 5, Slot: uint16(slot), Incarnation: 9})
			}
			groups = append(groups, view.Leaf(v))
		}
		top := view.Compose("tofu", 2, 1, 0, 0, epoch, groups)
		s.installed.Store(newInstalled(&view.ClusterView{Cluster: "tofu", Instance: 2, Leader: "cn001", Top: top}, s.installed.Load()))
		r.Epoch = epoch
	}
	check := func(when, want string) {
		t.Helper()
		var got []string
		for _, m := range s.View().Members {
			if m.Group == 5 {
				got = append(got, m.Name+":"+m.State.String())
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", when, strings.Join(got, " "), want)
		}
	}
	install("dn001", "dn002", "dn003")
	install("dn001", "dn002")
	check("one removed", "dn001:alive dn002:alive dn003:gone")
	install()
	check("the group is lost", "dn001:unknown dn002:unknown dn003:gone")
	install("dn002")
	check("formed anew", "dn002:alive dn001:gone dn003:gone")
	install()
	check("lost again", "dn001:gone dn002:unknown dn003:gone")
	gone := s.installed.Load().gone
	for i := range gone {
		gone[i].at = gone[i].at.Add(-formAnew(r))
	}
	check("nobody formed it", "dn001:gone dn002:gone dn003:gone")
}

func TestBeforeTheFirstView(t *testing.T) {
	s, _, _ := newSource()
	roster := *s.seen.Load()
	s.installed.Store(nil)
	s.seen.Store(nil)
	d := s.View()
	if d.Valid || d.Cluster != "tofu" || d.Instance != 0 || d.Counts[view.Absent] != 6 {
		t.Errorf("got %+v", d)
	}
	roster.register, roster.status.Group.Past = control.Register{}, nil // of before the host was started anew
	s.seen.Store(&roster)
	if d := s.View(); d.Counts[view.Absent] != 6 {
		t.Errorf("with an old roster: %+v", d)
	}
	if tree := s.Tree(t.Context()); tree.State != publish.Unseen || tree.Groups[0].State != publish.Unseen {
		t.Errorf("tree %+v", tree)
	}
	if _, err := s.Verify(t.Context()); !errors.Is(err, errNoView) {
		t.Errorf("verify: %v", err)
	}
	if _, err := s.Diff(1, 2); !errors.Is(err, errNoView) {
		t.Errorf("diff: %v", err)
	}
	s.seen.Store(nil)
	if g := s.ownGroup(); len(g.Members) != 0 || g.Group != 4 {
		t.Errorf("group %+v", g)
	}
	if st := s.Status(t.Context()); st.Role != "absent" || st.Valid {
		t.Errorf("status %+v", st)
	}
}

func TestGroupDocument(t *testing.T) {
	s, _, _ := newSource()
	g, err := s.Group(t.Context(), "4")
	if err != nil {
		t.Fatal(err)
	}
	if same, err := s.Group(t.Context(), publish.GroupLabel("", 4)); err != nil || !cmp.Equal(same, g) {
		t.Errorf("as the tree names it: %+v, %v", same, err)
	}
	if g.Committed != 7 || g.Accepted != 8 || g.Quorum != 2 || g.Leader != "cn001" || len(g.Members) != 4 {
		t.Fatalf("got %+v", g)
	}
	want := publish.GroupEntry{
		Name: "cn003", Slot: 2, State: view.Suspect, Incarnation: publish.Hex(3), Addresses: []string{},
		Missed: 4, EchoAgeMS: 100, AgentAgeMS: -1, Keys: []string{"00000010", "00000021"},
	}
	if diff := cmp.Diff(want, g.Members[2]); diff != "" {
		t.Errorf("suspect (-want +got):\n%s", diff)
	}
	if g.Key != "00000021" || g.NextKey != "00000010" || len(g.Members[0].Keys) != 2 || len(g.Members[1].Keys) != 0 {
		t.Errorf("key %s, next %s, own %v, cn002's %v", g.Key, g.NextKey, g.Members[0].Keys, g.Members[1].Keys)
	}
	if g.Members[3].State != view.Joining {
		t.Errorf("cn004 is %v", g.Members[3].State)
	}
}

func TestNodeDocument(t *testing.T) {
	s, _, now := newSource()
	s.history.add(publish.EventDocument{Kind: "suspect", Suspected: []string{"cn003"}})
	s.history.add(publish.EventDocument{Kind: "installed", Removed: []string{"cn005"}})
	for range 2 * eventsOfNode {
		s.history.add(publish.EventDocument{Kind: "installed", Joined: []string{"cn002"}})
	}
	d, ok := s.Node(t.Context(), "")
	if !ok || d.Name != "cn001" || d.Role != "leader" || d.Own == nil || d.Own.Node != "cn001" || d.RPC != "x:1" || len(d.Keys) != 2 {
		t.Errorf("own %+v", d)
	}
	if want := (&publish.Denied{Frames: map[string]uint64{"bad_tag": 3}, Calls: 2}); !cmp.Equal(d.Denied, want) {
		t.Errorf("refused %+v, want %+v", d.Denied, want)
	}
	d, _ = s.Node(t.Context(), "cn003")
	if d.State != view.Suspect || d.Role != "member" || d.Own != nil || d.Denied != nil || d.Missed != 4 || len(d.Events) != 1 || d.Keys[0] != "00000010" || d.Wire != [2]int{1, 2} {
		t.Errorf("suspect %+v", d)
	}
	if d, _ = s.Node(t.Context(), "cn002"); len(d.Events) != eventsOfNode || d.Events[eventsOfNode-1].Number != 2+2*eventsOfNode {
		t.Errorf("%d events of cn002", len(d.Events))
	}
	if d, _ = s.Node(t.Context(), "cn005"); d.State != view.Left || d.Role != "" || len(d.Events) != 1 || d.RPC != "x:1" || d.EchoAgeMS != -1 {
		t.Errorf("left %+v", d)
	}
	if d, _ = s.Node(t.Context(), "cn006"); d.State != view.Absent || d.RPC != "" {
		t.Errorf("absent %+v", d)
	}
	if _, ok = s.Node(t.Context(), "cn007"); ok {
		t.Error("a node that is in no inventory is known")
	}
	*now *= 2
	if d, _ = s.Node(t.Context(), "cn003"); d.State != view.Unknown {
		t.Errorf("after the lease ended cn003 is %v", d.State)
	}
}

func TestOrders(t *testing.T) {
	for _, test := range []struct {
		role  string
		state control.RegisterState
		order publish.Order
		want  control.Order
		fails string
	}{
		{"leader", control.RegisterMember, publish.Order{Verb: publish.Leave}, control.OrderLeave, ""},
		{"left", control.RegisterVacant, publish.Order{Verb: publish.Leave}, 0, "left already"},
		{"left", control.RegisterVacant, publish.Order{Verb: publish.Join}, control.OrderJoin, ""},
		{"leader", control.RegisterMember, publish.Order{Verb: publish.Join}, 0, "has not left"},
		{"leader", control.RegisterMember, publish.Order{Verb: publish.Shutdown}, control.OrderShutdown, ""},
		{"absent", control.RegisterVacant, publish.Order{Verb: publish.Shutdown}, 0, "no member"},
		{"absent", control.RegisterVacant, publish.Order{Verb: publish.Found, Abandon: 3}, control.OrderAbandon, ""},
		{"leader", control.RegisterMember, publish.Order{Verb: publish.Found}, 0, "nothing to found"},
		{"leader", control.RegisterMember, publish.Order{Verb: publish.Recover}, 0, "one group"},
		{"leader", control.RegisterMember, publish.Order{Verb: "dance"}, 0, "no order"},
	} {
		s, r, _ := newSource()
		r.State = test.state
		s.seen.Store(&snapshot{status: control.HostStatus{Group: control.Status{Role: test.role}}})
		var got control.HostInput
		s.offer = func(in input) error {
			got = in.HostInput
			in.taken <- nil
			return nil
		}
		err := s.Do(t.Context(), test.order)
		if got.Order != test.want || got.Abandon != test.order.Abandon && err == nil {
			t.Errorf("%s while %s: ordered %+v", test.order.Verb, test.role, got)
		}
		if (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%s while %s: %v", test.order.Verb, test.role, err)
		}
	}
}

// TestRecoverIsRefused: whoever has no seat cannot recover the cluster, and what the host has against it is told.
func TestRecoverIsRefused(t *testing.T) {
	s := twoGroups()
	refused := errors.New("somebody leads")
	s.offer = func(in input) error {
		if in.Order != control.OrderRecover {
			t.Errorf("ordered %v", in.Order)
		}
		in.taken <- refused
		return nil
	}
	order := publish.Order{Verb: publish.Recover}
	if err := s.Do(t.Context(), order); err == nil || !strings.Contains(err.Error(), "no seat") {
		t.Errorf("without a seat: %v", err)
	}
	s.seen.Load().status.Places[control.SeatAt(1)].Role = "follower"
	if err := s.Do(t.Context(), order); !errors.Is(err, refused) {
		t.Errorf("while somebody leads: %v", err)
	}
	refused = nil
	if err := s.Do(t.Context(), order); err != nil {
		t.Error(err)
	}
}

func TestOrderGivesUpOnABusyLoop(t *testing.T) {
	s, _, _ := newSource()
	s.offer = func(input) error { return errBusy }
	if err := s.Do(t.Context(), publish.Order{Verb: publish.Leave}); !errors.Is(err, errBusy) {
		t.Errorf("full queue: %v", err)
	}
	s.offer = func(input) error { return nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Do(ctx, publish.Order{Verb: publish.Leave}); !errors.Is(err, context.Canceled) {
		t.Errorf("loop that never takes it: %v", err)
	}
}

func TestStatsDocument(t *testing.T) {
	s, _, _ := newSource()
	s.loop.counts.wakes.Store(4)
	d := s.Stats()
	if d.Frames["bad_tag"] != 3 || d.Wakes != 4 || d.MonoNS == 0 || d.Voluntary+d.Involuntary == 0 {
		t.Errorf("got %+v", d)
	}
	if d.Taken != 40 || d.Denied != 2 || d.Failed != 1 {
		t.Errorf("calls %+v", d)
	}
	if len(d.Frames) != int(control.Reasons)-1 {
		t.Errorf("%d counters of %d reasons", len(d.Frames), control.Reasons-1)
	}
}

func TestHistoryKeepsTheNewest(t *testing.T) {
	var h history
	if got := h.since(0); len(got) != 0 {
		t.Errorf("an empty history has %d events", len(got))
	}
	for range 3*historyMax + 7 {
		h.add(publish.EventDocument{})
	}
	const last = 3*historyMax + 7
	all := h.since(0)
	if n := len(all); n > historyMax || n < historyMax/2 || all[n-1].Number != last {
		t.Errorf("kept %d events, the newest number %d", n, all[n-1].Number)
	}
	for i, e := range all {
		if e.Number != all[0].Number+uint64(i) {
			t.Fatalf("event %d has number %d", i, e.Number)
		}
	}
	if got := h.since(last - 2); len(got) != 2 || got[0].Number != last-1 {
		t.Errorf("since %d: %d events", last-2, len(got))
	}
	if got := h.since(last + 100); len(got) != 0 {
		t.Errorf("from the future: %d events", len(got))
	}
}

func TestEventDocument(t *testing.T) {
	wall := time.Unix(1000, 0)
	s := &source{cfg: &config.Config{Node: "n", Groups: []config.Group{{ID: 0}, {ID: 3}}}}
	e := &control.Event{
		Kind: control.EventInstalled, At: 7e9, Instance: 1, Level: 1, From: 7, To: 8, Ballot: control.NewBallot(1, 2, 3), Leader: "a", Removed: []string{"b"},
		Why: "silent", Rounds: 1, Missed: 4e9, Verdict: 5e9, Commit: 6e9, Install: 7e9,
		Evidence: []control.Evidence{{Name: "b", Slot: 1, LastEcho: 3e9, Missed: 5, Why: "silent"}},
	}
	want := publish.EventDocument{
		Kind: "installed", At: time.Unix(997, 0), AtNS: 7e9, Node: "n", Instance: 1, Level: 1, Top: true, From: 7, To: 8, Hash: publish.Hex(0xabc), Ballot: "1.2.3",
		Leader: "a", Removed: []string{"b"}, Why: "silent", RoundsUsed: 1, LastEvidenceNS: 4e9, VerdictNS: 5e9, CommitNS: 6e9, InstallNS: 7e9,
		Evidence: []publish.Evidence{{Name: "b", Slot: 1, LastEchoNS: 3e9, Missed: 5, Why: "silent"}},
	}
	if diff := cmp.Diff(want, s.eventDocument(e, 0xabc, 10e9, wall)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if d := s.eventDocument(&control.Event{Group: 3, To: 9}, 0, 0, wall); d.Top || d.Group != 3 || d.Hash != "" {
		t.Errorf("of a group below the top: %+v", d)
	}
}

func TestSuspectsAreNotRemoved(t *testing.T) {
	s := &source{cfg: &config.Config{Groups: make([]config.Group, 1)}}
	d := s.eventDocument(&control.Event{Kind: control.EventSuspect, Removed: []string{"b"}}, 0, 0, time.Now())
	if d.Removed != nil || len(d.Suspected) != 1 {
		t.Errorf("removed %v, suspected %v; want just b suspected", d.Removed, d.Suspected)
	}
}

// TestLostRails tells which, and to whom, by the names of this node's interfaces.
func TestLostRails(t *testing.T) {
	s, _, _ := newSource()
	s.cfg.Interfaces = []string{"hsn0", "eth1"}
	seen := *s.seen.Load()
	seen.status.Group.LostRails[1] = control.Of(1, 2)
	s.seen.Store(&seen)
	if d, ok := s.Node(t.Context(), "cn003"); !ok || !slices.Equal(d.LostRails, []string{"eth1"}) {
		t.Errorf("node cn003: %+v", d)
	}
	if d, ok := s.Node(t.Context(), "cn004"); !ok || d.LostRails != nil {
		t.Errorf("node cn004: %+v", d)
	}
	rails := s.rails([]dataplane.OnRail{{Interface: "hsn0"}, {Interface: "eth1", Address: "10.1.0.1:7746", Attach: "tc"}})
	want := []publish.Rail{{Interface: "hsn0"}, {Interface: "eth1", Address: "10.1.0.1:7746", Attach: "tc", LostTo: []string{"cn002", "cn003"}}}
	if diff := cmp.Diff(want, rails); diff != "" {
		t.Errorf("rails (-want +got):\n%s", diff)
	}
	d := s.eventDocument(&control.Event{Kind: control.EventRailLost, Rail: 1, Nodes: []string{"cn002"}}, 0, 0, time.Now())
	if d.Kind != "rail_lost" || d.Rail != "eth1" || !slices.Equal(d.Nodes, []string{"cn002"}) || d.Removed != nil {
		t.Errorf("event: %+v", d)
	}
}

// TestStatusOfARemovedNode keeps instance and epoch together: both are of the last view.
func TestStatusOfARemovedNode(t *testing.T) {
	s, r, _ := newSource()
	*r = control.Register{}
	seen := *s.seen.Load()
	seen.status.Group.Instance, seen.status.Group.Role = 0, "absent"
	s.seen.Store(&seen)
	if d := s.Status(t.Context()); d.Instance != 2 || d.Epoch != 7 || d.Valid {
		t.Errorf("instance %d, epoch %d, valid %v; want the view 2.7, not valid", d.Instance, d.Epoch, d.Valid)
	}
}
