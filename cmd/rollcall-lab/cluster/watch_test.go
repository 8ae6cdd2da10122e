package cluster

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/control"
	"rollcall/view"
	"rollcall/view/publish"
)

// daemon is a fake that says what a test wants.
type daemon struct {
	publish.Source // nil: nobody asks for anything else
	publish.Signal
	mu     sync.Mutex
	view   publish.Document
	events []publish.EventDocument
}

func (d *daemon) View() publish.Document { d.mu.Lock(); defer d.mu.Unlock(); return d.view }
func (d *daemon) Events(since uint64) []publish.EventDocument {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.events[min(since, uint64(len(d.events))):]
}
func (d *daemon) Changed() <-chan struct{} { return d.Signal.Changed() }

func (d *daemon) say(v publish.Document, events ...publish.EventDocument) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.view = v
	for _, e := range events {
		e.Number = uint64(len(d.events) + 1)
		d.events = append(d.events, e)
	}
	d.Raise()
}

// serve serves the fake at the node's socket until the test or the context ends.
func (d *daemon) serve(ctx context.Context, t *testing.T, n *Node) (done chan struct{}) {
	t.Helper()
	l, err := publish.Listen(n.Socket())
	if err != nil {
		t.Fatal(err)
	}
	done = make(chan struct{})
	go func() {
		defer close(done)
		(&publish.Server{Source: d}).Serve(ctx, l)
	}()
	return done
}

func fakes(t *testing.T, names ...string) (*Cluster, map[string]*daemon) {
	t.Helper()
	c, all := new(Cluster), map[string]*daemon{}
	for _, name := range names {
		n := &Node{Dir: t.TempDir()}
		n.Name = name
		d := new(daemon)
		d.serve(t.Context(), t, n)
		c.nodes, all[name] = append(c.nodes, n), d
	}
	return c, all
}

func document(epoch uint64, names ...string) publish.Document {
	v := &view.View{Cluster: "t", Instance: 1, Epoch: epoch, Leader: names[0]}
	for i, n := range names {
		v.Members = append(v.Members, view.Identity{Name: n, Slot: uint16(i), Incarnation: uint64(i + 1)})
	}
	d := publish.NewDocument(v, nil, []publish.Member{{Name: "other", State: view.Gone}})
	d.Valid = true
	return d
}

func TestAgreedWaitsForTheLast(t *testing.T) {
	c, all := fakes(t, "a", "b", "c")
	w, err := c.Watch("a", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	all["a"].say(document(3, "a", "b", "c"))
	all["b"].say(document(3, "a", "b", "c"))
	all["c"].say(document(2, "a", "b", "c"))
	behind := func(s map[string]Sight) bool { return s["c"].View != nil && s["c"].View.Epoch == 2 }
	if err := w.UntilAll(t.Context(), "c is seen", []string{"c"}, behind); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.Agreed(ctx, "a", "b", "c"); err == nil || !strings.Contains(err.Error(), "c: instance 1 epoch 2") {
		t.Errorf("agreed, or does not say who is behind: %v", err)
	}
	all["c"].say(document(3, "a", "b", "c"))
	if d, err := w.Agreed(t.Context(), "a", "b", "c"); err != nil || d.Epoch != 3 {
		t.Errorf("%v, %v", d, err)
	}
}

func TestAgree(t *testing.T) {
	sights := func(docs ...publish.Document) map[string]Sight {
		m := map[string]Sight{}
		for i := range docs {
			m[string(rune('a'+i))] = Sight{View: &docs[i]}
		}
		return m
	}
	good := document(3, "a", "b")
	ended, otherHash, otherEpoch := good, good, good
	ended.Valid, otherHash.Hash, otherEpoch.Epoch = false, "0", 4
	for name, tc := range map[string]struct {
		sights map[string]Sight
		want   bool
	}{
		"same":         {sights(good, good), true},
		"lease ended":  {sights(good, ended), false},
		"other hash":   {sights(good, otherHash), false},
		"other epoch":  {sights(good, otherEpoch), false},
		"other member": {sights(good, document(3, "a", "c")), false},
		"nothing said": {map[string]Sight{"a": {View: &good}, "b": {}}, false},
		"nobody":       {nil, false},
	} {
		if got := Agree(tc.sights, []string{"b", "a"}); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRemovedTellsTheStory(t *testing.T) {
	c, all := fakes(t, "a", "b")
	w, err := c.Watch("a", "b")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	installed := func(node string, at uint64, removed ...string) publish.EventDocument {
		return publish.EventDocument{Kind: "installed", Node: node, Instance: 1, Top: true, From: 3, To: 4, Hash: "h", Removed: removed, InstallNS: at}
	}
	decided := installed("a", 1500, "c")
	decided.VerdictNS, decided.CommitNS, decided.RoundsUsed = 1300, 1400, 1
	all["a"].say(publish.Document{}, installed("a", 900, "c"), decided) // the first was before the fault
	all["b"].say(publish.Document{}, installed("b", 1700, "c"))
	r, err := w.Removed(t.Context(), 1000, []string{"c"}, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	if r.First() != (Install{"a", 1500}) || r.Last() != (Install{"b", 1700}) || r.Since(r.Last().At) != 700 || r.Record.RoundsUsed != 1 {
		t.Errorf("%+v", r)
	}

	other := installed("b", 2700, "d")
	other.Hash = "g"
	all["a"].say(publish.Document{}, installed("a", 2600, "d"))
	all["b"].say(publish.Document{}, other)
	if _, err := w.Removed(t.Context(), 2000, []string{"d"}, []string{"a", "b"}); err == nil || !strings.Contains(err.Error(), "disagree") {
		t.Errorf("two views for one number: %v", err)
	}
}

func TestWatchOutlivesADaemon(t *testing.T) {
	n := &Node{Dir: t.TempDir()}
	n.Name = "a"
	c := &Cluster{nodes: []*Node{n}}
	w, err := c.Watch("a")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	event := publish.EventDocument{Kind: "founded", AtNS: 1}
	for life := uint64(1); life <= 3; life++ {
		ctx, end := context.WithCancel(t.Context())
		d := new(daemon)
		event.AtNS = life
		d.say(document(life, "a"), event)
		done := d.serve(ctx, t, n)
		err := w.Until(t.Context(), "the daemon is seen", []string{"a"}, func(_ string, s Sight) bool {
			return s.View != nil && s.View.Epoch == life && len(s.Events) == int(life)
		})
		if err != nil {
			t.Fatal(err)
		}
		end()
		<-done
		err = w.Until(t.Context(), "it is missed", []string{"a"}, func(_ string, s Sight) bool { return s.View == nil && s.Err != nil })
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEndedDaemonEndsTheWait(t *testing.T) {
	n := &Node{Dir: t.TempDir()}
	n.Name = "a"
	if err := writeJSON(filepath.Join(n.Dir, "pid"), process{PID: 1 << 30, Start: 1}); err != nil {
		t.Fatal(err)
	}
	w, err := (&Cluster{nodes: []*Node{n}}).Watch("a")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if _, err := w.Agreed(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("waited for a daemon that has ended: %v", err)
	}
}

func TestExchangeCountsRounds(t *testing.T) {
	ballot := control.NewBallot(0, 2, 1)
	var f Frames
	add := func(kind control.Kind, round, seq, committed uint64) {
		m := control.Frame{Kind: kind, Ballot: ballot, Round: round}
		switch kind {
		case control.KindBeat:
			m.Ask.Seq, m.Ask.Committed = seq, committed
		case control.KindEcho:
			m.Reply.Accepted = control.Proposal{Ballot: ballot, Seq: seq}
		}
		f.seen = append(f.seen, Seen{Frame: m})
	}
	for round := uint64(1); round < 4; round++ { // before the proposal
		add(control.KindBeat, round, 7, 7)
		add(control.KindEcho, round, 7, 0)
	}
	add(control.KindBeat, 4, 8, 7)
	add(control.KindBeat, 4, 8, 7)
	add(control.KindEcho, 4, 8, 0)
	add(control.KindEcho, 4, 8, 0)
	add(control.KindBeat, 5, 8, 8) // tells the decision
	add(control.KindEcho, 5, 8, 0)
	f.seen = append(f.seen, Seen{Frame: control.Frame{Kind: control.KindBeat, Ballot: ballot + 1<<16, Round: 9, Ask: control.Ask{Seq: 8}}})
	if got, want := f.Exchange(ballot.String(), 8), (Exchange{Rounds: 1, Beats: 2, Echoes: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}

	f.seen = nil
	add(control.KindPrepare, 1, 0, 0)
	add(control.KindPromise, 1, 0, 0)
	add(control.KindBeat, 2, 8, 7)
	add(control.KindBeat, 3, 8, 7) // not decided in time: another round
	add(control.KindEcho, 2, 8, 0)
	add(control.KindBeat, 4, 8, 8)
	if got, want := f.Exchange(ballot.String(), 8), (Exchange{Rounds: 3, Prepares: 1, Promises: 1, Beats: 2, Echoes: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
