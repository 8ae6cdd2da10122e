package main

import (
	"fmt"
	"sync"

	"rollcall/view"
	"rollcall/view/publish"
)

// epochsMax is how many views are kept to be compared. What two of them have in common
// they share.
const epochsMax = 64

// epochs are the views of the current instance that this node installed last.
type epochs struct {
	mu    sync.Mutex
	views []*view.ClusterView // the oldest first
}

func (e *epochs) add(v *view.ClusterView) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.views); n > 0 && e.views[n-1].Instance != v.Instance {
		e.views = nil
	}
	if len(e.views) == epochsMax {
		e.views = append(e.views[:0:0], e.views[1:]...)
	}
	e.views = append(e.views, v)
}

// find returns the view of an epoch as one list, or nil.
func (e *epochs) find(epoch uint64) *view.View {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range e.views {
		if v.Epoch() == epoch {
			return v.Flat()
		}
	}
	return nil
}

// span is from which epoch to which views are held; 0 without any.
func (e *epochs) span() (first, last uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.views); n > 0 {
		return e.views[0].Epoch(), e.views[n-1].Epoch()
	}
	return 0, 0
}

// Diff implements publish.Source.
func (s *source) Diff(from, to uint64) (publish.DiffDocument, error) {
	a, b := s.epochs.find(from), s.epochs.find(to)
	if a == nil || b == nil {
		missing := from
		if a != nil {
			missing = to
		}
		first, last := s.epochs.span()
		if last == 0 {
			return publish.DiffDocument{}, errNoView
		}
		return publish.DiffDocument{}, fmt.Errorf("this node does not hold epoch %d: it has some of %d to %d", missing, first, last)
	}
	return publish.NewDiff(a, b), nil
}
