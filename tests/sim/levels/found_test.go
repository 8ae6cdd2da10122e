package levels

import (
	"slices"
	"testing"
	"time"

	"rollcall/control"
)

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
