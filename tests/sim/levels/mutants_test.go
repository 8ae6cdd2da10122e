package levels

import (
	"strings"
	"testing"
	"time"

	"rollcall/control"
)

// TestMutantsAreCaught: rules of the hierarchy are broken one at a time, in a story where that
// matters, and the checkers notice; unbroken, the same story passes.
func TestMutantsAreCaught(t *testing.T) {
	for _, c := range []struct {
		name, says string
		groups     int
		perGroup   int
		mutate     func(w *World)
		story      func(w *World)
	}{
		{"leaders of groups vote above", "takes", 12, 3, leadersVote, fewSeats},
		{"a new root uses the number of an epoch again", "is two proposals", 4, 3, reuseEpoch, rootDies},
		{"a second host forms the generation that was decreed to another", "was decided twice", 3, 4, formAnew, halfGroupDies},
	} {
		for _, broken := range []bool{false, true} {
			heard := &witness{TB: t}
			w := New(heard, Story(c.groups, c.perGroup))
			w.Only = "G1"
			for _, h := range w.hosts {
				h.boot()
			}
			w.Stand(w.hosts, 60*time.Second)
			w.Run(12*time.Second, nil)
			if broken {
				c.mutate(w)
			}
			c.story(w)
			w.Run(20*time.Second, nil)
			switch {
			case !broken && heard.said != "":
				t.Errorf("%s, not broken: %s", c.name, heard.said)
			case broken && !strings.Contains(heard.said, c.says):
				t.Errorf("%s: %q", c.name, heard.said)
			}
		}
	}
}

// leadersVote has a root count every slot's vote.
func leadersVote(w *World) {
	w.Counted = func(h *host, f *control.Frame) {
		if t := h.tallies[f.Level]; f.Level == 1 && t.Quorate == 0 && 2*t.Votes.And(t.New).Len() > t.New.Len() {
			t.Quorate = t.Round
		}
	}
}

// fewSeats leaves the root with most groups and few seats, and a member of a group that it still
// hears dies.
func fewSeats(w *World) {
	root := w.leader(1, 0)
	away := 0
	for g := range w.Groups {
		seated := false
		for _, h := range w.in(uint16(g)) {
			seated = seated || h.regs[3].State != control.RegisterVacant
		}
		if uint16(g) != root.group && seated && away < 4 {
			away++
			for _, h := range w.in(uint16(g)) {
				h.side = 1
			}
		}
	}
	for _, h := range w.in(root.group) {
		if h != root && h != w.leader(0, root.group) {
			h.crash()
			return
		}
	}
}

// reuseEpoch has a root that was elected go on with the number that it found decided.
func reuseEpoch(w *World) {
	was := w.leader(1, 0).regs[3].Promised
	w.Lie = func(_ *host, out *control.HostOutput) {
		for i := range out.Commands {
			c := &out.Commands[i]
			if c.Kind == control.CommandBeat && c.Level == 1 && c.Ballot > was && c.Beats.Committed < c.Seq && c.Seq > 2 {
				c.Seq, c.Beats.Committed, c.Beats.Epoch = c.Seq-1, c.Beats.Committed-1, c.Beats.Epoch-1
			}
		}
	}
}

func rootDies(w *World) { w.leader(1, 0).crash() }

// formAnew has a member whose leader fell silent form its group by itself.
func formAnew(w *World) {
	root := w.leader(1, 0)
	group, done := (root.group+1)%3, map[*host]bool{}
	w.Lie = func(h *host, out *control.HostOutput) {
		r := &h.regs[0]
		if h.group != group || r.State != control.RegisterMember || done[h] || h.clock().Since(r.BeatAt) < 3*r.Calm() {
			return
		}
		done[h] = true
		self := control.Of(r.Slot)
		out.Commands = append(out.Commands, control.Command{
			Kind: control.CommandBeat, Now: 1, Ballot: control.NewBallot(r.Promised.Generation()+1, 1, r.Slot), Seq: r.Accepted.Seq + 1, New: self, Old: self,
			Beats: control.Beats{
				Committed: r.Accepted.Seq, Digest: uint64(h.id + 1), Roster: r.Accepted.Roster, GraceNS: uint64(time.Minute),
				IntervalUS: r.IntervalUS, LeaseUS: r.LeaseUS, Rounds: r.Rounds, Upper: 1,
			},
		})
	}
}

func halfGroupDies(w *World) {
	root := w.leader(1, 0)
	lead := w.leader(0, (root.group+1)%3)
	lead.crash()
	for _, h := range w.in(lead.group) {
		if h != lead && (h.regs[0].Slot == 0 || lead.regs[0].Slot == 0) {
			h.crash()
			return
		}
	}
}
