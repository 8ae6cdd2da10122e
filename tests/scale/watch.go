package scale

import (
	"time"

	"rollcall/view"
)

// watch sees what all hosts show, and checks that no two ever show different content of one epoch,
// nor any host an older epoch after a newer one.
type watch struct {
	w        *World
	wanted   int            // hosts that are expected in views
	holds    map[uint64]int // how many of them show a view, by its hash
	epochs   map[[2]uint64]uint64
	fits     map[uint64]bool // whether a view has exactly the wanted
	standing bool            // all wanted show one view, of exactly them
	since    time.Duration
	judging  bool // is about to be done

	// Since the last reset.
	seen   map[uint64]bool // distinct views
	sizes  map[int]bool    // how many members they have
	missed map[string]bool // hosts that nothing befell and that were left out of a view
}

func (v *watch) start(w *World) {
	*v = watch{w: w, holds: map[uint64]int{}, epochs: map[[2]uint64]uint64{}}
	v.changed()
	v.reset()
}

func (v *watch) reset() {
	v.seen, v.sizes, v.missed = map[uint64]bool{}, map[int]bool{}, map[string]bool{}
	v.w.contents.forget()
}

func (v *watch) up(h *host) {
	if !h.out {
		v.wanted++
		v.changed()
	}
}

func (v *watch) down(h *host) {
	if !h.out {
		v.wanted--
		v.drop(h)
		v.changed()
	}
}

// expect says whether a host that is up is expected in views.
func (v *watch) expect(h *host, is bool) {
	if h.out != is {
		return
	}
	if h.out = !is; !h.up {
		return
	}
	if is {
		v.wanted++
		if h.view != nil {
			v.holds[h.view.Hash()]++
		}
	} else {
		v.wanted--
		v.drop(h)
	}
	v.changed()
	if is && h.view != nil && !v.judging { // it may have been in all views all the while
		v.judging = true // once for all of whom this is said now: each would look through a view of everybody
		v.w.At(0, func() {
			if v.judging = false; h.view != nil {
				v.judge(h.view)
			}
		})
	}
}

func (v *watch) drop(h *host) {
	if h.view != nil {
		if k := h.view.Hash(); v.holds[k] > 1 {
			v.holds[k]--
		} else {
			delete(v.holds, k)
		}
	}
}

// changed forgets what fitted those wanted before.
func (v *watch) changed() { v.fits, v.standing = map[uint64]bool{}, false }

// installed takes what a host shows from now on; h.view is what it showed before.
func (v *watch) installed(h *host, c *view.ClusterView) {
	k := c.Hash()
	e := [2]uint64{uint64(c.Instance), c.Epoch()}
	if other, ok := v.epochs[e]; ok && other != k {
		v.w.fail("G1: %s shows another epoch %d than others did", h.peer.Name, c.Epoch())
	}
	v.epochs[e] = k
	if o := h.view; o != nil && (c.Instance < o.Instance || c.Instance == o.Instance && c.Epoch() < o.Epoch()) {
		v.w.fail("G2: %s goes from epoch %d back to %d", h.peer.Name, o.Epoch(), c.Epoch())
	}
	if !v.seen[k] {
		v.seen[k] = true
		v.sizes[c.Top.Len()] = true
	}
	if h.out {
		return
	}
	v.drop(h)
	v.holds[k]++
	v.judge(c)
}

// judge notes whether all wanted show this view, of exactly them.
func (v *watch) judge(c *view.ClusterView) {
	k := c.Hash()
	if v.w.starting && v.holds[k] < v.wanted {
		return // who is not in yet is not left out
	}
	fits, known := v.fits[k]
	if !known {
		fits = v.exact(c)
		v.fits[k] = fits
	}
	if fits && v.holds[k] == v.wanted && !v.standing {
		v.standing, v.since = true, v.w.now
	}
}

// exact reports whether the view has exactly the wanted, and notes those that it has not.
func (v *watch) exact(c *view.ClusterView) bool {
	in := make([]bool, len(v.w.hosts))
	n := 0
	for m := range c.Top.All() {
		h := v.w.named(m.Name)
		if !h.up || h.out || h.reg.Incarnation != m.Incarnation {
			n++
			continue
		}
		in[h.id] = true
		n++
	}
	exact := n == v.wanted
	for i := range v.w.hosts {
		if h := &v.w.hosts[i]; h.up && !h.out && !in[i] {
			if !h.struck {
				v.missed[h.peer.Name] = true
			}
			exact = false
		}
	}
	return exact
}

// most is how many hosts show the view that most do.
func (v *watch) most() (n int) {
	for _, c := range v.holds {
		n = max(n, c)
	}
	return n
}
