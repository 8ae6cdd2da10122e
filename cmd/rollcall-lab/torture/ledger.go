package torture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"rollcall/control"
	"rollcall/view/publish"
)

// crash is a node that was crashed on purpose.
type crash struct {
	victim string
	fault  control.Time
	back   control.Time // when it was booted; 0: not yet
	found  control.Time // when the view without it was decided; 0: it never was

	foundByPeers control.Time // when the first of the peers removed it; 0: none did
}

// removal is a view change that took a node out.
type removal struct {
	node string
	publish.EventDocument
}

// at is when the removal was decided, as far as the record tells.
func (r *removal) at() control.Time { return control.Time(cmp.Or(r.CommitNS, r.InstallNS)) }

// since is when the evidence for the removal began, as far as the record tells.
func (r *removal) since() control.Time {
	return control.Time(cmp.Or(r.LastEvidenceNS, r.VerdictNS, r.CommitNS, r.InstallNS))
}

// account is what the nodes recorded during one scenario.
type account struct {
	live     []removal               // of nodes that lived and could be reached
	excused  []removal               // of nodes that the fault made unreachable
	elected  []publish.EventDocument // leaders, in order
	views    int
	splits   []string // epochs of which two nodes have different views
	recorded int      // events
}

// number names a view.
type number struct {
	instance uint32
	epoch    uint64
}

// audit judges what the nodes recorded from a moment on. Only crashed nodes may have been removed, once for each crash,
// and by removals for which excused holds.
func audit(events map[string][]publish.EventDocument, from control.Time, crashes []crash, excused func(*removal) bool) account {
	var a account
	hashes := map[number]map[string][]string{}
	removals := map[number]map[string]publish.EventDocument{}
	for _, node := range slices.Sorted(maps.Keys(events)) {
		for _, e := range events[node] {
			n := number{e.Instance, e.To}
			if e.Kind == "installed" && e.Hash != "" { // splits are looked for in all that is known
				if hashes[n] == nil {
					hashes[n] = map[string][]string{}
				}
				hashes[n][e.Hash] = append(hashes[n][e.Hash], node)
			}
			if control.Time(e.AtNS).Before(from) {
				continue
			}
			a.recorded++
			switch {
			case e.Kind == "elected":
				a.elected = append(a.elected, e)
			case e.Kind != "installed":
			default:
				if removals[n] == nil {
					removals[n] = map[string]publish.EventDocument{}
					a.views++
				}
				if e.To != e.From+1 {
					break // it caught up; who installed each view tells
				}
				for _, gone := range e.Removed {
					if known, ok := removals[n][gone]; !ok || known.VerdictNS == 0 {
						removals[n][gone] = e
					}
				}
			}
		}
	}
	slices.SortFunc(a.elected, func(x, y publish.EventDocument) int { return cmp.Compare(x.AtNS, y.AtNS) })
	a.elected = slices.CompactFunc(a.elected, func(x, y publish.EventDocument) bool { return x.Instance == y.Instance && x.Ballot == y.Ballot })
	for n, list := range hashes {
		if len(list) > 1 {
			a.splits = append(a.splits, fmt.Sprintf("view %d.%d: %v", n.instance, n.epoch, list))
		}
	}
	slices.Sort(a.splits)
	var all []removal
	for _, list := range removals {
		for node, e := range list {
			all = append(all, removal{node, e})
		}
	}
	slices.SortFunc(all, func(x, y removal) int { return cmp.Compare(x.at(), y.at()) })
	unexplained := slices.Clone(crashes)
	for i := range all {
		r := &all[i]
		switch c := slices.IndexFunc(unexplained, func(c crash) bool { return c.explains(r) }); {
		case c >= 0:
			unexplained = slices.Delete(unexplained, c, c+1)
		case excused(r):
			a.excused = append(a.excused, *r)
		default:
			a.live = append(a.live, *r)
		}
	}
	return a
}

// electedWithin counts the leaders elected within a span of time.
func (a *account) electedWithin(from, to control.Time) (n int) {
	for i := range a.elected {
		if at := control.Time(a.elected[i].AtNS); !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n
}

// explains reports whether the removal is that of the crashed node. The old self of a node
// that boots before it was removed is removed when the new one says so.
func (c *crash) explains(r *removal) bool {
	const reboot = 5 * time.Second
	return c.victim == r.node && c.fault.Before(r.at()) && (c.back == 0 || r.since().Before(c.back.Add(reboot)))
}

// intervals is how long it took to decide on the view without the node.
func (c *crash) intervals(interval time.Duration) float64 {
	return float64(c.found.Since(c.fault)) / float64(interval)
}
