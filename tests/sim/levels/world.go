package levels

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"rollcall/control"
)

// Options are what a run is made of.
type Options struct {
	Seed     uint64
	Groups   []uint16 // numbers of the groups
	PerGroup int
	Founders int // one in each of the first groups
	Top      uint8
	Interval time.Duration
	Loss     float64  // of a frame
	Letters  float64  // of letters, lost
	Jitter   float64  // of latencies, in intervals
	Prefer   []string // who should lead
	Avoid    []string // who should not
	Drift    int      // clocks are at most this many thousandths wrong
	Unaided  bool     // nobody is asked again: what that would hide is seen
	Kernel   bool     // the kernel keeps the time of beats, not a thread of the agent
}

// Story is a faultless network in which nothing is left to chance.
func Story(groups, perGroup int) Options {
	o := Options{Seed: 1, PerGroup: perGroup, Founders: min(groups, 3), Top: 1, Interval: 100 * time.Millisecond}
	for g := range groups {
		o.Groups = append(o.Groups, uint16(g))
	}
	return o
}

// World is a cluster.
type World struct {
	Options
	t       failer
	rng     *rand.Rand
	now     time.Duration
	queue   events
	order   uint64
	hosts   []*host
	ledger  ledger
	Trace   func(string)
	Lie     func(h *host, out *control.HostOutput) // spoils what agents say: the checkers must notice
	Counted func(h *host, f *control.Frame)        // spoils what an answer adds up to
	Decided func(level uint8, p control.Proposal)  // hears of each view that is decided
	Only    string                                 // the guarantee that is checked; empty: all
	Epochs  int
	Frames  int
	Letters int
	Steps   int
	Beside  bool // somebody trusted a view of an instance of which those who founded a later one could not know
	failed  bool
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

type event struct {
	at    time.Duration
	order uint64
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push and Pop implement heap.Interface.
func (e *events) Push(x any) { *e = append(*e, x.(event)) }

// Pop implements heap.Interface.
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// New makes a world whose hosts are switched off.
func New(t failer, o Options) *World {
	w := &World{Options: o, t: t, rng: rand.New(rand.NewPCG(o.Seed, 0x6c6576656c73))}
	w.ledger.start(w)
	for _, g := range o.Groups {
		for i := range o.PerGroup {
			w.hosts = append(w.hosts, newHost(w, g, i))
		}
	}
	return w
}

func (w *World) after(d time.Duration, do func()) {
	w.order++
	heap.Push(&w.queue, event{w.now + max(d, 0), w.order, do})
}

// Run lets time pass, until stop says so if it is not nil.
func (w *World) Run(d time.Duration, stop func() bool) bool {
	end := w.now + d
	busy, at := 0, w.now
	for len(w.queue) > 0 && w.queue[0].at <= end && !w.failed {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		if w.now != at {
			busy, at = 0, w.now
		}
		if busy++; busy > 20000 {
			w.fail("contract", "something turns for ever")
			return false
		}
		e.do()
		if stop != nil && stop() {
			return true
		}
	}
	if !w.failed {
		w.now = end
	}
	return false
}

// fail reports a broken guarantee, once.
func (w *World) fail(guarantee, format string, args ...any) {
	if w.failed || w.Only != "" && w.Only != guarantee {
		return
	}
	w.failed = true
	w.tell(nil, "VIOLATION", "%s: %s", guarantee, fmt.Sprintf(format, args...))
	w.t.Errorf("seed %d, at %v: %s: %s", w.Seed, w.now, guarantee, fmt.Sprintf(format, args...))
}

func (w *World) tell(h *host, what, format string, args ...any) {
	if w.Trace == nil {
		return
	}
	name := "-"
	if h != nil {
		name = h.name
	}
	w.Trace(fmt.Sprintf("%10.2f %-6s %-9s %s", float64(w.now)/float64(w.Interval), name, what, fmt.Sprintf(format, args...)))
}

// latency is in intervals, about.
func (w *World) latency(of float64) time.Duration {
	d := of * float64(w.Interval)
	return time.Duration(d * (1 + w.Jitter*w.rng.Float64()/of))
}

// send puts a frame on the network.
func (w *World) send(from, to *host, f control.Frame) {
	w.Frames++
	if !w.reaches(from, to) || w.rng.Float64() < w.Loss {
		return
	}
	w.after(w.latency(0.01), func() {
		if w.reaches(from, to) {
			to.receive(from, f)
		}
	})
}

func (w *World) reaches(from, to *host) bool {
	return from.up && to.up && from.side == to.side && !from.mute && !to.deaf
}

// named is the host of that name.
func (w *World) named(name string) *host {
	for _, h := range w.hosts {
		if h.name == name {
			return h
		}
	}
	w.t.Fatalf("no host %q", name)
	return nil
}

// in lists the hosts of a group.
func (w *World) in(group uint16) (l []*host) {
	for _, h := range w.hosts {
		if h.group == group {
			l = append(l, h)
		}
	}
	return l
}

// founders are the first hosts of the first groups.
func (w *World) founders() (l []*host) {
	for i := range w.Founders {
		l = append(l, w.in(w.Groups[i])[0])
	}
	return l
}

// agreed reports whether the hosts trust one epoch, whose members are exactly they.
func (w *World) agreed(hosts []*host) bool {
	first := hosts[0].view
	if first == nil || first.Top.Len() != len(hosts) {
		return false
	}
	for _, h := range hosts {
		v := h.view
		if v == nil || v.Instance != first.Instance || v.Epoch() != first.Epoch() || v.Hash() != first.Hash() || !h.regs[0].Valid(h.clock()) {
			return false
		}
		if h.regs[0].Epoch > v.Epoch() {
			return false
		}
		m := v.Group(h.group)
		if m == nil || m.Member(h.regs[0].Slot) == nil || m.Member(h.regs[0].Slot).Incarnation != h.regs[0].Incarnation {
			return false
		}
	}
	return true
}

// Stand runs until the hosts agree.
func (w *World) Stand(hosts []*host, within time.Duration) {
	w.t.Helper()
	if w.agreed(hosts) || w.Run(within, func() bool { return w.agreed(hosts) }) || w.failed {
		return
	}
	w.failed = true
	w.t.Errorf("seed %d, at %v: %d hosts do not agree within %v\n%s", w.Seed, w.now, len(hosts), within, w.Describe())
}

// Describe tells the state of every host.
func (w *World) Describe() string {
	var b strings.Builder
	for _, h := range w.hosts {
		fmt.Fprintln(&b, h.describe())
	}
	return b.String()
}

// leader is the host that leads that group, or nil.
func (w *World) leader(level uint8, group uint16) *host {
	var best *host
	var ballot control.Ballot
	for _, h := range w.hosts {
		if !h.up || h.agent == nil {
			continue
		}
		p := control.SeatAt(level)
		r := &h.regs[p]
		status := h.agent.Status(h.clock(), &h.regs)
		if r.State != control.RegisterVacant && r.Group == group && status.At(p).Role == "leader" && r.Promised > ballot {
			best, ballot = h, r.Promised
		}
	}
	return best
}

// told lets time pass until all these show a view that lacks one host, and gives the intervals since then.
func (w *World) told(since time.Duration, all []*host) float64 {
	w.Run(time.Minute, func() bool {
		return !slices.ContainsFunc(all, func(h *host) bool { return h.view == nil || h.view.Top.Len() != len(w.hosts)-1 })
	})
	return float64(w.now-since) / float64(w.Interval)
}
