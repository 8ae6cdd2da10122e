package control

import (
	"fmt"
	"testing"
	"time"
)

// TestStatusCountsWhoWaits: while there is no cluster a founder counts who asks to be let in, once each, and
// no longer when it asks no more; whoever it answers says the same. Founders are told of by name.
func TestStatusCountsWhoWaits(t *testing.T) {
	for top := range uint8(2) {
		host := func(name string) *waitingHost {
			w := &waitingHost{h: NewHost(HostConfig{Top: top, Config: Config{
				Cluster: "story", Self: peer(name, 0), Interval: 100 * time.Millisecond, Rounds: 5, FoundWait: 10 * time.Second,
				Founders: []string{"a", "b", "c"}, Contacts: []string{"a:7746", "b:7746", "c:7746"},
			}})}
			for p := range w.registers {
				w.registers[p].Incarnation = uint64(1 + p)
			}
			return w
		}
		founder, other := host("a"), host("m")
		now := Time(time.Hour)
		ask := func(name string) {
			m := &Message{Kind: MessageJoin, Cluster: "story", From: peer(name, 7)}
			for _, l := range founder.step(now, m) {
				if l.Message.Kind == MessageAnswer && name == "m" {
					other.step(now, &l.Message)
				}
			}
		}
		want := func(n int, suffix string) {
			t.Helper()
			for _, w := range []*waitingHost{founder, other} {
				s := w.h.Status(now, &w.registers)
				text := "no cluster yet: 1 of 3 founders heard, 2 awaited: b,c" + suffix
				if s.Waiting != n || s.Group.Awaiting != text {
					t.Errorf("top level %d: %s tells of %d that wait, %q; want %d, %q", top, w.h.cfg.Self.Name, s.Waiting, s.Group.Awaiting, n, text)
				}
			}
		}
		period := founder.h.cfg.around()
		for range 3 {
			for i := range 611 {
				ask(fmt.Sprintf("n%03d", i))
			}
			ask("b")
			ask("m")
			now = now.Add(period / 2)
		}
		ask("m")
		want(612, "; nodes waiting: 612")
		now = now.Add(2 * period)
		ask("m") // the others are silent for so long
		want(1, "; nodes waiting: 1")
		ask("n001")
		now = now.Add(period)
		ask("n002")
		ask("m")
		want(3, "; nodes waiting: 3")
	}
}

// waitingHost is a host that never hears enough to found a cluster.
type waitingHost struct {
	h         *Host
	registers [Places]Register
}

// step has it read a letter, and those that it wrote to itself before.
func (w *waitingHost) step(now Time, m *Message) (letters []Letter) {
	for {
		out := w.h.Step(now, HostInput{Registers: &w.registers, Tallies: new([Levels]*Tally), Message: m})
		if letters, m = append(letters, out.Messages...), nil; len(w.h.mail) == 0 {
			return letters
		}
	}
}
