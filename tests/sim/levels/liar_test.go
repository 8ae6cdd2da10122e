package levels

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/control"
	"rollcall/view"
)

// witness takes what the checkers say, in place of a test.
type witness struct {
	testing.TB
	said string
}

func (w *witness) Helper()                           {}
func (w *witness) Errorf(format string, args ...any) { w.said += fmt.Sprintf(format, args...) }

// TestCheckersCatchLies: hosts say what is not so, and the checker of that guarantee notices.
func TestCheckersCatchLies(t *testing.T) {
	for _, c := range []struct {
		name, guarantee, says string
		lie                   func(h *host, out *control.HostOutput)
		then                  func(w *World)
	}{
		{"an epoch nobody decided", "G1", "which is not decided", spoilView(func(g *view.Group) { g.Seq++ }), nil},
		{"another content of an epoch", "G1", "another epoch", func(h *host, out *control.HostOutput) {
			if h.id == 1 {
				spoilView(func(g *view.Group) { g.Below, g.Digest = g.Below[1:], g.Digest+1 })(h, out)
			}
		}, nil},
		{"an epoch again that was succeeded", "G2", "back to", repeat(), crashMember},
		{"two contents under one number", "G1", "is two proposals", func(h *host, out *control.HostOutput) {
			for _, c := range out.Commands {
				if c.Kind == control.CommandBeat && c.Level == 1 && c.Beats.Committed < c.Seq {
					h.w.Loss = 0.5 // so that some get the second only
					c.Beats.Digest++
					out.Commands = append(out.Commands, c)
					return
				}
			}
		}, nil},
		{"an epoch that follows none", "G3", "were its members", func(_ *host, out *control.HostOutput) {
			for i := range out.Commands {
				if c := &out.Commands[i]; c.Kind == control.CommandBeat && c.Level == 1 && c.Beats.Committed < c.Seq && c.Seq > 3 {
					c.Old = c.New.Minus(control.Of(c.New.First()))
				}
			}
		}, crashMember},
		{"a second instance while leases of the first run", "G3", "trusts a view of instance 1", nil, foundersClosed},
		{"two instances that decide", "G3", "is decided while instance 2 lives", func(h *host, out *control.HostOutput) {
			for i := range out.Commands {
				out.Commands[i].Beats.LeaseUS = 0
			}
		}, foundersClosed},
		{"leases that do not end", "G4", "its leases run", nil, cutGroup},
	} {
		heard := &witness{TB: t}
		w := New(heard, Story(5, 3))
		w.Lie, w.Only = c.lie, c.guarantee
		for _, h := range w.hosts {
			h.boot()
		}
		w.Run(20*time.Second, nil)
		if c.then != nil {
			c.then(w)
			w.Run(20*time.Second, nil)
		}
		if !strings.Contains(heard.said, c.guarantee+": ") || !strings.Contains(heard.said, c.says) {
			t.Errorf("%s: %q", c.name, heard.said)
		}
	}
}

func spoilView(spoil func(g *view.Group)) func(*host, *control.HostOutput) {
	return func(_ *host, out *control.HostOutput) {
		if out.View == nil || len(out.View.Top.Below) < 2 {
			return
		}
		v, g := *out.View, *out.View.Top
		spoil(&g)
		v.Top = &g
		out.View = &v
	}
}

// repeat has hosts show an earlier epoch again.
func repeat() func(*host, *control.HostOutput) {
	shown := map[*host]*view.ClusterView{}
	return func(h *host, out *control.HostOutput) {
		switch first := shown[h]; {
		case out.View != nil && first == nil:
			shown[h] = out.View
		case out.View == nil && first != nil && h.view.Epoch() > first.Epoch():
			out.View = first
		}
	}
}

// foundersClosed has two of three founders boot behind a cut, and their disks say that the cluster was shut down; those
// on the other side, with most of the seats, go on.
func foundersClosed(w *World) {
	for _, f := range w.founders()[:2] {
		f.crash()
		f.side, f.record.Closed = 1, true
		f.boot()
	}
	w.Run(20*time.Second, nil)
	w.in(4)[2].crash()
}

func crashMember(w *World) { w.in(1)[2].crash() }

// cutGroup cuts a group off whose leases run when the epoch without it is decided.
func cutGroup(w *World) {
	root := w.leader(1, 0)
	group := w.in((root.group + 1) % 5)
	for _, h := range group {
		h.side = 1
	}
	w.Decided = func(level uint8, _ control.Proposal) {
		for _, h := range group {
			if level == 1 {
				h.regs[0].LeaseUntil, h.regs[0].UpperUntil = h.clock().Add(time.Hour), h.clock().Add(time.Hour)
			}
		}
	}
}
