package main

import (
	"errors"
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
