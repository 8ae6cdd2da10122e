package torture

import (
	"slices"
	"time"

	"rollcall/control"
	"rollcall/dataplane"
)

// outage is a time in which a fault makes a node unreachable, so that it may be removed.
type outage struct {
	node        string
	from, until control.Time // until is 0 while it lasts
}

type outages []outage

// unreachable says that the named nodes can no longer be reached.
func (f *field) unreachable(names ...string) {
	f.touch(names...)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range names {
		f.outages = append(f.outages, outage{node: name, from: dataplane.Now()})
	}
}

// reachable says that the named nodes can be reached again.
func (f *field) reachable(names ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.outages {
		if o := &f.outages[i]; o.until == 0 && slices.Contains(names, o.node) {
			o.until = dataplane.Now()
		}
	}
}

// flips are the outages of a node whose link was closed at a moment and is opened and closed after each period.
func flips(node string, began, ended control.Time, period time.Duration) (all outages) {
	for from := began; from.Before(ended); from = from.Add(2 * period) {
		all = append(all, outage{node, from, from.Add(period)})
	}
	return all
}

// explain reports whether what a removal rests on falls into an outage. The last that was heard of a node may be
// older than its outage by as long as somebody well may be silent.
func (l outages) explain(r *removal, silence time.Duration) bool {
	return slices.ContainsFunc(l, func(o outage) bool {
		return o.node == r.node && o.from.Add(-silence).Before(r.since()) && (o.until == 0 || r.since().Before(o.until))
	})
}

// has reports whether a node was ever unreachable.
func (l outages) has(node string) bool {
	return slices.ContainsFunc(l, func(o outage) bool { return o.node == node })
}

// nodes are those that were.
func (l outages) nodes() (names []string) {
	for _, o := range l {
		names = append(names, o.node)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
