package levels

import (
	"slices"
	"testing"
	"time"

	"rollcall/control"
)

// TestFoundersAreFirst: a founder has the first slot of its group and leads it, unless somebody else there should.
func TestFoundersAreFirst(t *testing.T) {
	for _, c := range []struct {
		what          string
		prefer, avoid []string
		first         []string // of each group
	}{
		{"nothing is asked for", nil, nil, []string{"g0n0", "g1n0", "g2n0"}},
		{"another is preferred", []string{"g2n2"}, nil, []string{"g0n0", "g1n0", "g2n2"}},
		{"the founder is avoided", nil, []string{"g1n0"}, []string{"g0n0", "g1n1", "g2n0"}},
	} {
		o := Story(5, 3)
		o.Prefer, o.Avoid = c.prefer, c.avoid
		w := New(t, o)
		for _, h := range w.hosts {
			h.boot()
		}
		w.Stand(w.hosts, 60*time.Second)
		for g, name := range c.first {
			h := w.named(name)
			if lead := w.leader(0, uint16(g)); h.regs[0].Slot != 0 || lead != h {
				t.Errorf("%s: %s has slot %d of group %d, which %s leads", c.what, name, h.regs[0].Slot, g, lead.name)
			}
		}
	}
}

// TestFirstRosterLost: the letters are lost that give the first seats their roster. They are sent again, though
// nothing is decided yet and nobody can vote without it: the instance is not given up for them.
func TestFirstRosterLost(t *testing.T) {
	o := Story(5, 2)
	o.Founders = 5
	w := New(t, o)
	founded, lost := 0, 0
	w.Lie = func(_ *host, out *control.HostOutput) {
		for i := range out.Events {
			if e := &out.Events[i]; e.Kind == control.EventFounded && e.Level == 1 {
				founded++
			}
		}
		if founded > 0 && lost == 0 {
			before := len(out.Messages)
			out.Messages = slices.DeleteFunc(out.Messages, func(l control.Letter) bool {
				return l.Message.Kind == control.MessageRoster && l.Message.Level == 1
			})
			lost = before - len(out.Messages)
		}
	}
	for _, h := range w.hosts {
		h.boot()
	}
	w.Stand(w.hosts, 60*time.Second)
	if lost < 2 {
		t.Fatalf("%d letters were lost: who founds decides alone, and this shows nothing", lost)
	}
	if founded != 1 {
		t.Errorf("%d instances were founded until one stood", founded)
	}
}
