package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/view"
	"rollcall/view/publish"
)

// fake is a daemon without a cluster: it answers what the test sets.
type fake struct {
	publish.Signal
	socket string

	mu     sync.Mutex
	doc    publish.Document
	events []publish.EventDocument
	orders []publish.Order
	refuse string
	turned bool // the next key signs
	paced  publish.Pacing
}

// start serves a fake daemon of a group of four nodes until the test ends.
func start(t *testing.T) *fake {
	t.Helper()
	f := &fake{socket: filepath.Join(t.TempDir(), "socket"), doc: document(7), events: history(), paced: ticking()}
	l, err := publish.Listen(f.socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	server := &publish.Server{Source: f}
	if g, err := user.LookupGroupId(strconv.Itoa(os.Getgid())); err == nil {
		server.Group = g.Name // so that orders work without root as well
	}
	go func() { done <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("fake daemon: %v", err)
		}
	})
	return f
}

// document is a view of cn001 to cn004, of which cn002 is stale and cn004 was removed.
func document(epoch uint64) publish.Document {
	v := &view.View{Cluster: "tofu", Instance: 2, Epoch: epoch, Leader: "cn001"}
	for i, name := range []string{"cn001", "cn002", "cn003"} {
		v.Members = append(v.Members, view.Identity{Name: name, Slot: uint16(i), Incarnation: uint64(0xa0 + i)})
	}
	state := func(m view.Identity) view.State {
		if m.Name == "cn002" {
			return view.Stale
		}
		return view.Alive
	}
	d := publish.NewDocument(v, state, []publish.Member{{Name: "cn004", Slot: 3, State: view.Gone}})
	d.Valid, d.LeaseMS, d.MonoNS = true, 312, 99
	d.At = time.Date(2026, 11, 22, 10, 20, 30, 40, time.UTC)
	return d
}

// ticking is what the kernel's clock does.
func ticking() publish.Pacing {
	return publish.Pacing{
		Pacer: "kernel", Ticking: true, CPU: 3, Ticks: 36_000, IntervalUS: 100_000, LateUS: 12, LatestUS: 230,
		Levels: []publish.PacedLevel{{Level: 0, IntervalUS: 100_000, Kernel: 35_000, Thread: 9}},
	}
}

func history() []publish.EventDocument {
	at := func(second int) time.Time { return time.Date(2026, 11, 22, 10, 20, second, 5e6, time.UTC) }
	return []publish.EventDocument{
		{Number: 1, Kind: "founded", At: at(1), AtNS: 1e9, Node: "cn001", Instance: 2, Top: true, Ballot: "0.1.0", Leader: "cn001"},
		{Number: 2, Kind: "installed", At: at(2), AtNS: 2e9, Node: "cn001", Instance: 2, Top: true, From: 5, To: 6, Ballot: "0.1.0",
			Leader: "cn001", Joined: []string{"cn001", "cn002", "cn003", "cn004"}, Why: "asked to join", RoundsUsed: 1},
		{Number: 3, Kind: "suspect", At: at(3), AtNS: 3e9, Node: "cn001", Instance: 2, Top: true, Leader: "cn001", Suspected: []string{"cn004"}},
		{Number: 4, Kind: "installed", At: at(4), AtNS: 4e9, Node: "cn001", Instance: 2, Top: true, From: 6, To: 7, Ballot: "0.1.0",
			Leader: "cn001", Removed: []string{"cn004"}, Why: "5 rounds unanswered", RoundsUsed: 1,
			Evidence:       []publish.Evidence{{Name: "cn004", Slot: 3, Missed: 5, LastEchoNS: 3.4e9, Why: "5 rounds unanswered"}},
			LastEvidenceNS: 3_500_000_000, VerdictNS: 3_950_000_000, CommitNS: 3_950_120_000, InstallNS: 3_950_180_000},
	}
}

func (f *fake) View() publish.Document {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.doc
}

// set changes the view and tells those who watch.
func (f *fake) set(change func(*publish.Document)) {
	f.mu.Lock()
	change(&f.doc)
	f.mu.Unlock()
	f.Raise()
}

func (f *fake) Group(_ context.Context, which string) (publish.GroupDocument, error) {
	if which == "rack9" {
		return publish.GroupDocument{}, fmt.Errorf("no group %q: rollcall tree -o wide lists them", which)
	}
	if which == "rack7" {
		return publish.GroupDocument{Cluster: "tofu", Instance: 2, Group: 7, Name: which, Role: "other"}, nil
	}

	entry := func(slot uint16, s view.State) publish.GroupEntry {
		return publish.GroupEntry{
			Name: fmt.Sprintf("cn%03d", slot+1), Slot: slot, State: s, Incarnation: publish.Hex(0xa0 + uint64(slot)),
			Addresses: []string{fmt.Sprintf("10.0.0.%d:7746", slot+1)}, EchoAgeMS: 12, AgentAgeMS: 480, RTTNS: 84_321,
			Accepted: 7, Committed: 7, Keys: []string{"1f0c22aa", "9d31c0e5"},
		}
	}
	g := publish.GroupDocument{
		Schema: publish.Schema, Cluster: "tofu", Instance: 2, Role: "leader", Leader: "cn001", Ballot: "0.1.0",
		Accepted: 7, Committed: 7, Roster: publish.Hex(9), Round: 4321, Quorum: 2, Key: "1f0c22aa", NextKey: "9d31c0e5",
		Members: []publish.GroupEntry{entry(0, view.Alive), entry(1, view.Stale), entry(2, view.Alive)},
	}
	g.Members[1].AgentAgeMS, g.Members[1].AgentExited, g.Members[1].Relayed = 45_000, true, true
	g.Members[1].Keys = []string{"1f0c22aa"}
	if f.turned {
		g.Key, g.NextKey = g.NextKey, ""
		g.Members[1].Keys = g.Members[0].Keys
	}
	g.Members[2].EchoAgeMS, g.Members[2].AgentAgeMS, g.Members[2].RTTNS = -1, -1, 0
	if which == "rack1" { // another
		g.Group, g.Role, g.Leader, g.Ballot, g.Round = 1, "other", "cn002", "1.-.-", 0
		for i := range g.Members {
			m := &g.Members[i]
			*m = publish.GroupEntry{Name: m.Name, Slot: m.Slot, State: view.Alive, Incarnation: m.Incarnation, EchoAgeMS: -1, AgentAgeMS: -1}
		}
	}
	g.Name = which
	return g, nil
}

// Tree is a cluster of five groups of two, of which group 2 lost a node and group 4 both.
func (f *fake) Tree(context.Context) publish.TreeDocument {
	d := f.View()
	d.Members = nil
	var groups []publish.TreeBranch
	for g := range uint16(5) {
		groups = append(groups, publish.TreeBranch{Group: g, Name: fmt.Sprintf("rack%d", g), Seq: 3, Down: []publish.Member{}})
		for slot := range uint16(2) {
			m := publish.Member{Name: fmt.Sprintf("cn%03d", 2*g+slot+1), Group: g, Slot: slot, Incarnation: publish.Hex(1), State: view.Alive}
			switch {
			case !d.Valid:
				m.State = view.Unknown
			case g == 4, g == 2 && slot == 1:
				m.State, m.Incarnation = view.Gone, ""
			}
			d.Members = append(d.Members, m)
		}
	}
	groups[3].Name, groups[2].Generation = "", 2
	return publish.NewTree(&d, groups, publish.Structure{
		Leaders: map[uint16]string{0: "cn001", 1: "cn003", 2: "cn005", 3: "cn007"}, Seats: []string{"cn001", "cn003", "cn005"},
	})
}

func (f *fake) Diff(from, to uint64) (publish.DiffDocument, error) {
	if from < 5 || to > 7 {
		return publish.DiffDocument{}, fmt.Errorf("this node does not hold epoch %d: it has some of 5 to 7", from)
	}
	a, b := document(from), document(to)
	d := publish.DiffDocument{Schema: publish.Schema, Cluster: a.Cluster, Instance: a.Instance, From: a.Epoch, To: b.Epoch, Joined: []string{}, Removed: []string{}, Restarted: []string{}}
	if from != to {
		d.Removed, d.Restarted = []string{"cn004"}, []string{"cn002", "cn003"}
	}
	return d, nil
}

func (f *fake) Verify(context.Context) (publish.VerifyDocument, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := publish.VerifyDocument{Schema: publish.Schema, Cluster: "tofu", Asked: 4, Agree: true, Silent: []string{"cn004"}, Views: []publish.Verdict{
		{Instance: 2, Epoch: 7, Hash: publish.Hex(0xabc), Valid: true, Nodes: []string{"cn001", "cn002"}},
		{Instance: 2, Epoch: 6, Hash: publish.Hex(0xdef), Nodes: []string{"cn003"}},
	}}
	if !f.doc.Valid {
		d.Agree, d.Views[1].Epoch = false, 7
	}
	return d, nil
}

func (f *fake) Status(context.Context) publish.StatusDocument {
	return publish.StatusDocument{
		Schema: publish.Schema, Cluster: "tofu", Node: "cn001", Role: "leader", Instance: 2, Epoch: 7, Leader: "cn001",
		Key: "1f0c22aa", Keys: []string{"1f0c22aa", "9d31c0e5"},
		Places: []publish.Place{
			{Level: 1, Slot: 3, Role: "follower", Leader: "cn002"},
			{Level: 1, Slot: 249, Seat: true, Role: "absent", Awaiting: "founder cn002"},
		},
		Incarnation: publish.Hex(0xa0), Valid: true, LeaseMS: 312, Roster: publish.Hex(9), Profile: "safe",
		IntervalUS: 100_000, Rounds: 5, Plane: "kernel", Attach: "tc", Transport: "udp", Interface: "hsn0",
		Address: "10.0.0.1:7746", PinDir: "/sys/fs/bpf/rollcall/tofu", Refused: []string{"native: the driver has no XDP"},
		Rails: []publish.Rail{
			{Interface: "hsn0", Address: "10.0.0.1:7746", Attach: "tc"},
			{Interface: "eth1", Address: "10.1.0.1:7746", Attach: "native", LostTo: []string{"cn003", "cn004"}},
		},
		Pacing: f.paced,
		PID:    4711, Realtime: true, Started: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC), Version: "v0.1.0",
		Socket: "/run/rollcall/rollcall.sock", Config: "/etc/rollcall/rollcall.toml",
	}
}

func (f *fake) Node(ctx context.Context, name string) (publish.NodeDocument, bool) {
	d := publish.NodeDocument{Schema: publish.Schema, Cluster: "tofu", Role: "member", RPC: "10.0.0.3:7746", Wire: [2]int{1, 1}, Events: []publish.EventDocument{}}
	g, _ := f.Group(ctx, "")
	switch name {
	case "", "cn001":
		own := f.Status(ctx)
		d.Role, d.GroupEntry, d.Own = "leader", g.Members[0], &own
		d.Denied = &publish.Denied{Frames: map[string]uint64{"bad_tag": 2, "stranger": 5}, Calls: 2}
	case "cn002":
		d.GroupEntry = g.Members[1]
	case "cn004":
		d.Role, d.RPC, d.Wire, d.Events = "", "", [2]int{}, f.Events(1)
		d.GroupEntry = publish.GroupEntry{Name: name, Slot: 3, State: view.Gone, EchoAgeMS: -1, AgentAgeMS: -1}
	default:
		return d, false
	}
	return d, true
}

func (f *fake) Stats() publish.StatsDocument {
	return publish.StatsDocument{
		Schema: publish.Schema, Node: "cn001", Plane: "kernel", MonoNS: 99, Wakes: 10, Steps: 12, Sent: 4400, Views: 7, Taken: 51, Denied: 2,
		Frames: map[string]uint64{"beat_taken": 4321, "bad_tag": 2, "stranger": 0}, Voluntary: 31, UserUS: 1200, SystemUS: 3400,
	}
}

func (f *fake) Version() publish.VersionDocument {
	return publish.VersionDocument{Version: "v0.1.0", Go: "go1.26", Kernel: "6.18.0", Wire: [2]int{1, 1}, Schema: publish.Schema}
}

func (f *fake) Events(since uint64) (list []publish.EventDocument) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.Number > since {
			list = append(list, e)
		}
	}
	return list
}

func (f *fake) Do(_ context.Context, o publish.Order) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != "" {
		return errors.New(f.refuse)
	}
	f.orders = append(f.orders, o)
	return nil
}

// result is what a command line did.
type result struct {
	code        int
	out, errors string
}

// invoke runs one command line as a process would, with the socket of f by environment.
func invoke(ctx context.Context, socket string, args ...string) result {
	var out, errs bytes.Buffer
	env := environment{stdout: &out, stderr: &errs, getenv: func(name string) string {
		if name == "ROLLCALL_SOCKET" {
			return socket
		}
		return ""
	}}
	code := run(ctx, env, args)
	hide := func(s string) string { return strings.ReplaceAll(s, socket, "SOCKET") }
	return result{code, hide(out.String()), hide(errs.String())}
}

func (r result) String() string {
	s := r.out
	for line := range strings.Lines(r.errors) {
		s += "stderr: " + line
	}
	return s + fmt.Sprintf("exit %d\n", r.code)
}
