package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/view"
	"rollcall/view/publish"
)

// retry is how often a daemon that does not answer is tried again: no event tells when one
// begins to listen.
const retry = 20 * time.Millisecond

// Sight is what a node's daemon last said. While the daemon is unreachable View is nil.
type Sight struct {
	View   *publish.Document
	Events []publish.EventDocument // all that it told since the watch began, across restarts
	Err    error                   // why it is unreachable
}

// Watch follows what nodes say, on their own streams.
type Watch struct {
	nodes  map[string]*Node
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	sights  map[string]*Sight
	changed chan struct{} // closed at the next change
}

// Watch begins to follow the named nodes, until Stop.
func (c *Cluster) Watch(names ...string) (*Watch, error) {
	w := &Watch{nodes: map[string]*Node{}, sights: map[string]*Sight{}, changed: make(chan struct{})}
	for _, name := range names {
		n, err := c.Node(name)
		if err != nil {
			return nil, err
		}
		w.nodes[name], w.sights[name] = n, &Sight{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	for _, n := range w.nodes {
		w.wg.Go(func() { w.views(ctx, n) })
		w.wg.Go(func() { w.events(ctx, n) })
	}
	return w, nil
}

// Stop ends the watch.
func (w *Watch) Stop() {
	w.cancel()
	w.wg.Wait()
}

func (w *Watch) views(ctx context.Context, n *Node) {
	for ctx.Err() == nil {
		for d, err := range n.Client().Watch(ctx) {
			w.note(n.Name, func(s *Sight) { s.View, s.Err = d, err })
		}
		pause(ctx)
	}
}

// events counts on a daemon's numbers beginning anew when it starts.
func (w *Watch) events(ctx context.Context, n *Node) {
	for ctx.Err() == nil {
		for e, err := range n.Client().Follow(ctx, 0) {
			if err != nil {
				break
			}
			w.note(n.Name, func(s *Sight) {
				known := slices.ContainsFunc(s.Events, func(o publish.EventDocument) bool {
					return o.Number == e.Number && o.AtNS == e.AtNS
				})
				if !known {
					s.Events = append(s.Events, *e)
				}
			})
		}
		pause(ctx)
	}
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(retry):
	}
}

func (w *Watch) note(name string, change func(*Sight)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w.sights[name])
	close(w.changed)
	w.changed = make(chan struct{})
}

// Sight returns what the node said up to now.
func (w *Watch) Sight(name string) Sight {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sights[name]
	if s == nil {
		return Sight{Err: fmt.Errorf("node %s is not watched", name)}
	}
	return Sight{View: s.View, Events: slices.Clone(s.Events), Err: s.Err}
}

// Until returns when ok holds for what every one of the named nodes said. The error, when ctx
// ends first or a node's daemon has ended, says what was waited for and what each node said.
func (w *Watch) Until(ctx context.Context, what string, names []string, ok func(name string, s Sight) bool) error {
	return w.UntilAll(ctx, what, names, func(sights map[string]Sight) bool {
		for name, s := range sights {
			if !ok(name, s) {
				return false
			}
		}
		return true
	})
}

// UntilAll is Until for a condition on all the named nodes together.
func (w *Watch) UntilAll(ctx context.Context, what string, names []string, ok func(map[string]Sight) bool) error {
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		sights := make(map[string]Sight, len(names))
		for _, name := range names {
			sights[name] = w.Sight(name)
		}
		if ok(sights) {
			return nil
		}
		if ended := w.ended(sights); ended != nil {
			return fmt.Errorf("wait until %s: %w", what, ended)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w\n%s", what, context.Cause(ctx), w.tell(names, sights))
		}
	}
}

// ended says which of the unreachable daemons does not run any more.
func (w *Watch) ended(sights map[string]Sight) error {
	for name, s := range sights {
		n := w.nodes[name]
		if s.Err == nil || n == nil {
			continue
		}
		if _, err := n.process(); err == nil && n.PID() == 0 {
			return fmt.Errorf("the daemon of %s has ended; it said last:\n%s", name, n.LogTail(5))
		}
	}
	return nil
}

// tell says what each node said last.
func (w *Watch) tell(names []string, sights map[string]Sight) string {
	var b strings.Builder
	for _, name := range names {
		s := sights[name]
		switch d := s.View; {
		case d == nil && s.Err != nil:
			fmt.Fprintf(&b, "  %s: %v; its log ends with:\n%s\n", name, s.Err, w.nodes[name].LogTail(3))
		case d == nil:
			fmt.Fprintf(&b, "  %s: said nothing\n", name)
		default:
			fmt.Fprintf(&b, "  %s: instance %d epoch %d hash %s leader %s valid %v members %s\n",
				name, d.Instance, d.Epoch, d.Hash, d.Leader, d.Valid, strings.Join(Members(d), ","))
		}
	}
	return b.String()
}

// Members lists the names of those in the view, sorted.
func Members(d *publish.Document) []string {
	var names []string
	for _, m := range d.Members {
		if m.Incarnation != "" {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Agree reports whether all sights show the same valid view and its members are exactly these.
func Agree(sights map[string]Sight, members []string) bool {
	want := slices.Sorted(slices.Values(members))
	var first *publish.Document
	for _, s := range sights {
		d := s.View
		switch {
		case d == nil || !d.Valid || d.Epoch == 0:
			return false
		case first != nil: // of one hash, so it has the same members
			if d.Instance != first.Instance || d.Epoch != first.Epoch || d.Hash != first.Hash {
				return false
			}
		case !slices.Equal(Members(d), want):
			return false
		default:
			first = d
		}
	}
	return first != nil
}

// Agreed waits until all the named nodes show one valid view whose members they are, and
// returns it.
func (w *Watch) Agreed(ctx context.Context, names ...string) (*publish.Document, error) {
	return w.agreed(ctx, "agree that they are the members", names, func(*publish.Document) bool { return true })
}

// Settled is Agreed, and that all the nodes show each other as alive.
func (w *Watch) Settled(ctx context.Context, names ...string) (*publish.Document, error) {
	return w.agreed(ctx, "see each other alive", names, func(d *publish.Document) bool { return d.Counts[view.Alive] == len(names) })
}

func (w *Watch) agreed(ctx context.Context, what string, names []string, also func(*publish.Document) bool) (*publish.Document, error) {
	var d *publish.Document
	what = fmt.Sprintf("%d nodes %s", len(names), what)
	err := w.UntilAll(ctx, what, names, func(sights map[string]Sight) bool {
		if !Agree(sights, names) {
			return false
		}
		for _, s := range sights {
			if !also(s.View) {
				return false
			}
		}
		d = sights[names[0]].View
		return true
	})
	return d, err
}
