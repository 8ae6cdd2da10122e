package publish

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rollcall/view"
)

// fake is a Source whose view tests set.
type fake struct {
	Signal
	mu     sync.Mutex
	doc    Document
	events []EventDocument
	orders []Order
	fail   error
}

func (f *fake) View() Document {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.doc
}

func (f *fake) Group(_ context.Context, which string) (GroupDocument, error) {
	if which == "nowhere" {
		return GroupDocument{}, errors.New("no such group")
	}
	return GroupDocument{Schema: Schema, Cluster: "tofu", Name: which}, nil
}

func (f *fake) Tree(context.Context) TreeDocument {
	d := f.View()
	return NewTree(&d, []TreeBranch{{Group: 0, Name: "rack0"}}, Structure{Leaders: map[uint16]string{0: "cn001"}})
}

func (f *fake) Diff(from, to uint64) (DiffDocument, error) {
	if from > 5 {
		return DiffDocument{}, errors.New("not held")
	}
	return DiffDocument{From: from, To: to}, nil
}

func (f *fake) Verify(context.Context) (VerifyDocument, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return VerifyDocument{Agree: true}, f.fail
}

func (f *fake) Status(context.Context) StatusDocument {
	return StatusDocument{Schema: Schema, Node: "cn001"}
}
func (f *fake) Node(ctx context.Context, name string) (NodeDocument, bool) {
	d := NodeDocument{Schema: Schema, GroupEntry: GroupEntry{Name: "cn001"}}
	return d, name == "" || name == d.Name
}
func (f *fake) Stats() StatsDocument {
	return StatsDocument{Frames: map[string]uint64{"beat_taken": 7}}
}
func (f *fake) Version() VersionDocument { return VersionDocument{Version: "0", Wire: [2]int{1, 1}} }

func (f *fake) Events(since uint64) (list []EventDocument) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.Number > since {
			list = append(list, e)
		}
	}
	return list
}

func (f *fake) Do(_ context.Context, o Order) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = append(f.orders, o)
	return f.fail
}

func (f *fake) install(epoch uint64) {
	f.mu.Lock()
	f.doc = sample(epoch)
	f.events = append(f.events, EventDocument{Number: epoch, Kind: "installed", To: epoch})
	f.mu.Unlock()
	f.Raise()
}

func sample(epoch uint64) Document {
	d := NewDocument(&view.View{
		Cluster: "tofu", Instance: 1, Epoch: epoch, Leader: "cn001",
		Members: []view.Identity{{Name: "cn001", Slot: 0, Incarnation: 1}, {Name: "cn002", Slot: 1, Incarnation: 2}},
	}, nil, []Member{{Name: "cn003", Slot: 2, State: view.Gone}})
	d.Valid, d.LeaseMS, d.At, d.MonoNS = true, 350, time.Unix(1, 5).UTC(), 99
	return d
}

// start serves a fake until the test ends.
func start(t *testing.T) (*fake, *Client, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{doc: sample(1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- (&Server{Source: f}).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("socket after the end: %v", err)
		}
	})
	return f, NewClient(path), path
}
