package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/control"
	"rollcall/view"
)

// liar is a real node whose outputs are spoilt: every checker must notice its kind of lie.
type liar struct {
	*control.Node
	spoil func(now control.Time, in *control.Input, out *control.Output)
	idle  bool // its deadline is always now
}

func (l *liar) Step(now control.Time, in control.Input) control.Output {
	out := l.Node.Step(now, in)
	l.spoil(now, &in, &out)
	return out
}

func (l *liar) Deadline() control.Time {
	if l.idle {
		return 1
	}
	return l.Node.Deadline()
}

// caught runs a group of which every node lies and returns what the checkers say.
func caught(t *testing.T, only string, lie func() *liar) *Violation {
	t.Helper()
	o := defaults(7)
	o.Hosts, o.Contacts, o.Nap = 5, 5, time.Microsecond
	w := New(o, func(c control.Config) Node {
		l := lie()
		l.Node = control.New(c)
		return l
	}, nil)
	w.Only = only
	for _, h := range w.hosts {
		h.powerOn()
	}
	w.Run(30 * time.Second)
	return w.failure
}

func TestCheckersCatchLies(t *testing.T) {
	for _, c := range []struct {
		name, guarantee, says string
		lie                   func() *liar
	}{
		{"a view with a member left out", "G1", "decided were", func() *liar {
			return &liar{spoil: func(_ control.Time, _ *control.Input, out *control.Output) {
				if out.View != nil && len(out.View.Members) > 3 {
					v := *out.View
					v.Members = v.Members[1:]
					out.View = &v
				}
			}}
		}},
		{"a view nobody decided", "G1", "not decided", func() *liar {
			return &liar{spoil: func(_ control.Time, _ *control.Input, out *control.Output) {
				if out.View != nil && len(out.View.Members) > 3 {
					v := *out.View
					v.Epoch++
					out.View = &v
				}
			}}
		}},
		{"two contents under one number", "G1", "two proposals", func() *liar {
			return &liar{spoil: func(_ control.Time, _ *control.Input, out *control.Output) {
				for _, c := range out.Commands {
					if c.Kind != control.CommandBeat || c.New.Len() < 5 || c.Beats.Committed != c.Seq {
						continue
					}
					self := control.Of(c.Ballot.Slot())
					c.Seq, c.Now = c.Seq+1, 1
					other := c
					c.New, c.Old = self, self
					out.Commands = append(out.Commands, c, other)
				}
			}}
		}},
		{"a view again that was succeeded", "G2", "after", func() *liar { return &liar{spoil: repeat()} }},
		{"a view that rests on another than was decided", "G3", "were its members", func() *liar {
			return &liar{spoil: func(_ control.Time, _ *control.Input, out *control.Output) {
				for i := range out.Commands {
					if c := &out.Commands[i]; c.Kind == control.CommandBeat && c.Seq > 1 && c.Old.Len() > 1 {
						c.Old.Clear(c.Old.First())
					}
				}
			}}
		}},
		{"a live member thrown out", "G5", "missed rounds", throwOut},
		{"a member thrown out whose lease runs", "G4", "lease", throwOut},
		{"a node that never rests", "contract", "stepped", func() *liar {
			return &liar{idle: true, spoil: func(control.Time, *control.Input, *control.Output) {}}
		}},
		{"a message that nobody may send", "contract", "not valid", func() *liar {
			return &liar{spoil: func(_ control.Time, _ *control.Input, out *control.Output) {
				for i := range out.Messages {
					out.Messages[i].Message.Kind = "gossip"
				}
			}}
		}},
		{"a hand in the register", "contract", "wrote to the register", func() *liar {
			return &liar{spoil: func(_ control.Time, in *control.Input, _ *control.Output) { in.Register.Promised++ }}
		}},
	} {
		v := caught(t, c.guarantee, c.lie)
		if v == nil || v.Guarantee != c.guarantee || !strings.Contains(v.What, c.says) {
			t.Errorf("%s: %v", c.name, v)
		}
	}
}

// repeat publishes the first view again once it was succeeded.
func repeat() func(control.Time, *control.Input, *control.Output) {
	var shown []*view.View
	return func(_ control.Time, _ *control.Input, out *control.Output) {
		switch {
		case out.View != nil:
			shown = append(shown, out.View)
		case len(shown) > 0 && shown[len(shown)-1].Epoch > shown[0].Epoch:
			out.View = shown[0]
		}
	}
}

// throwOut proposes a view without the highest member, for no reason at all.
func throwOut() *liar {
	var last control.Command
	steps := 0
	return &liar{spoil: func(_ control.Time, in *control.Input, out *control.Output) {
		for _, c := range out.Commands {
			if c.Kind == control.CommandBeat && c.Beats.Committed == c.Seq && c.New.Len() >= 5 {
				last, steps = c, 0
			}
		}
		if steps++; steps != 3 || last.Ballot == 0 || in.Tally.Ballot != last.Ballot {
			return
		}
		c := last
		c.Old, c.Seq, c.Now = c.New, c.Seq+1, 1
		c.New.Clear(c.New.Next(4))
		out.Commands = append(out.Commands, c)
	}}
}

// TestCheckerOfRegisters: a register that forgets a promise is noticed.
func TestCheckerOfRegisters(t *testing.T) {
	s := stand(t, 3, 3)
	for _, forget := range []func(r *control.Register){
		func(r *control.Register) { r.Promised-- },
		func(r *control.Register) { r.Accepted.Seq-- },
		func(r *control.Register) { r.Committed.Seq-- },
	} {
		s.failure = nil
		h := s.hosts[1]
		before, kept := h.mark(), h.reg
		forget(&h.reg)
		h.changed(before)
		h.reg = kept
		if s.failure == nil || s.failure.Guarantee != "G9" {
			t.Errorf("%v", s.failure)
		}
	}
}

// TestCheckerOfRecords: a founder that writes down less than it knew is noticed.
func TestCheckerOfRecords(t *testing.T) {
	s := stand(t, 3, 3)
	known := control.InstanceRecord{Instance: 2, Epoch: 5, Closed: true}
	for _, less := range []control.InstanceRecord{{Instance: 1, Epoch: 9}, {Instance: 2, Epoch: 4, Closed: true}, {Instance: 2, Epoch: 5}} {
		s.failure = nil
		if s.hosts[0].recorded(&known, &less); s.failure == nil || s.failure.Guarantee != "G9" {
			t.Errorf("%+v: %v", less, s.failure)
		}
	}
}

// TestCheckerOfInstances: an earlier instance that goes on is noticed.
func TestCheckerOfInstances(t *testing.T) {
	s := stand(t, 3, 3)
	later := *s.ledger.head
	later.instance++
	s.ledger.head = &later
	s.followers(1)[0].powerOff()
	if s.Run(s.patience()); s.failure == nil || s.failure.Guarantee != "G3" {
		t.Errorf("%v", s.failure)
	}
}

// TestCheckerOfBeginnings: an instance that begins while another can go on is put down to what G3 does not cover where
// all holds that control/doc.go says of it, and else is left to the other checks.
func TestCheckerOfBeginnings(t *testing.T) {
	voter := func(h *host) control.Voter { return control.Voter{Name: h.name, RPC: h.peer.RPC} }
	for what, c := range map[string]struct {
		otherwise func(s stage, f *founding)
		excused   bool
	}{
		"as documented": {func(stage, *founding) {}, true},
		"no agent of it runs": {func(s stage, _ *founding) {
			s.isolate(0, false)
			s.isolate(1, false)
			s.hosts[2].killAgent()
			s.hosts[3].stopAgent()
			s.hosts[4].stopAgent()
		}, true},
		"a member can tell it":                 {func(s stage, _ *founding) { s.isolate(0, false) }, false},
		"a member could tell it when it voted": {func(s stage, f *founding) { f.told = true }, false},
		"the record is new":                    {func(_ stage, f *founding) { f.known.Epoch++ }, false},
		"a founder alone":                      {func(s stage, f *founding) { delete(f.votes, s.hosts[1].name) }, false},
		"half of the voters did not": {func(s stage, f *founding) {
			f.known.Voters = append(f.known.Voters, voter(s.hosts[2]), voter(s.hosts[3]))
		}, false},
		"a voter is in the view": {func(s stage, f *founding) {
			f.known.Voters, f.votes[s.hosts[2].name] = []control.Voter{voter(s.hosts[2])}, true
		}, false},
		"one who is off did not": {func(s stage, f *founding) { s.hosts[5].powerOff(); f.known.Voters = []control.Voter{voter(s.hosts[5])} }, false},
		"joiners did not":        {func(s stage, f *founding) { f.known.Joiners = []control.Voter{voter(s.hosts[2]), voter(s.hosts[3])} }, false},
		"the other is over": {func(s stage, _ *founding) {
			for _, h := range s.hosts[2:4] {
				h.powerOff()
			}
		}, false},
	} {
		s := stand(t, 6, 3)
		gone := []*host{s.hosts[0], s.hosts[1], s.hosts[5]} // two founders of three, and another
		for i, h := range gone {
			h.powerOff()
			s.expect("the others go on", func() bool { return s.agreed(s.but(gone[:i+1]...)) })
		}
		last, roster := s.ledger.head, &control.Roster{}
		for i, h := range gone[:2] {
			h.powerOn()
			s.isolate(h.id, true)
			roster = roster.With(control.Seat{Slot: uint16(i), Peer: h.peer})
		}
		gone[2].powerOn()
		f := &founding{
			known: control.InstanceRecord{Instance: last.instance, Epoch: last.seq - 1, Voters: []control.Voter{voter(gone[0]), voter(gone[1])}},
			votes: map[string]bool{gone[0].name: true, gone[1].name: true},
		}
		c.otherwise(s, f)
		begun := *last
		begun.instance, begun.proposal.Ballot, begun.proposal.Roster = last.instance+1, control.NewBallot(1, 1, 0), roster.Version()
		s.ledger.name(roster)
		s.ledger.foundings[proposer{begun.instance, gone[0].peer.RPC}] = f
		s.ledger.begins(&begun)
		if excused := s.failure != nil && s.failure.Guarantee == notCovered; excused != c.excused {
			t.Errorf("%s: excused %v, want %v: %v", what, excused, c.excused, s.failure)
		}
	}
}

// TestCheckerOfCuts: removals in several views or rounds are noticed.
func TestCheckerOfCuts(t *testing.T) {
	s := stand(t, 3, 3)
	one := removal{carried: 1, rounds: 1}
	for _, c := range []struct {
		guarantee  string
		cuts       []removal
		withLeader bool
	}{
		{"", []removal{one}, false},
		{"", []removal{{carried: 1, rounds: 2}, one}, true},
		{"G7", []removal{one, one}, false},
		{"G7", []removal{one, one, one}, true},
		{"G6", []removal{{carried: 2, rounds: 1}}, false},
		{"G6", []removal{{carried: 1, rounds: 2}}, false},
		{"G6", []removal{{carried: 1, rounds: 3}}, true},
	} {
		s.failure = nil
		s.judgeCuts(c.cuts, 2, c.withLeader)
		if got := s.failure; (got == nil) != (c.guarantee == "") || got != nil && got.Guarantee != c.guarantee {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestCheckerCountsProbes: what a deputy's probes that went through others say of a member, they say but once a round,
// and only of those who were asked.
func TestCheckerCountsProbes(t *testing.T) {
	const silent, witness, stranger = 4, 7, 9
	var r record
	direct, relayed := control.Frame{Kind: control.KindProbe}, control.Frame{Kind: control.KindProbe, Flags: control.FlagRelay}
	for at := control.Time(1); at <= 3; at++ {
		r.sent(&direct, control.Of(silent).Or(control.Of(witness)), new(control.Register), 2*at, 0)
		for range 2 * len(r.probes) {
			r.sent(&relayed, control.Of(witness), new(control.Register), 2*at, 0)
		}
		r.heard(control.ReasonAnswerTaken, witness, 0, 2*at+1)
	}
	for m, want := range map[uint16]int{silent: 3, witness: 0, stranger: 0} {
		if n := r.ignored(m); n != want {
			t.Errorf("slot %d left %d probes unanswered, not %d", m, n, want)
		}
	}
}

// TestCheckerOfProgress: nodes of which none ever stands do not succeed a leader that is gone.
func TestCheckerOfProgress(t *testing.T) {
	o := defaults(3)
	o.Plan = []Mishap{{Fault: faultIsolate, A: 0}, {At: 20 * o.Interval, Fault: faultCrash, A: 0}}
	shy := func(c control.Config) Node {
		return &liar{Node: control.New(c), spoil: func(_ control.Time, _ *control.Input, out *control.Output) {
			out.Frames = slices.DeleteFunc(out.Frames, func(f control.Outgoing) bool { return f.Frame.Kind == control.KindPrepare })
		}}
	}
	if r := Run(o, realNode, nil); r.Outcome != Passed {
		t.Errorf("honest nodes: %s, %v", r.Outcome, r.Violation)
	}
	if r := Run(o, shy, nil); r.Outcome != Liveness {
		t.Errorf("%s, %v", r.Outcome, r.Violation)
	}
}

// TestLeasesNeedTheRules: without the rules that leases rest on, random runs break G4 soon.
func TestLeasesNeedTheRules(t *testing.T) {
	for name, tamper := range map[string]func(h *host, f *control.Frame){
		"prepares are never refused": func(h *host, f *control.Frame) {
			if f.Kind == control.KindPrepare {
				f.Flags, f.Ask.Prior = control.FlagHandOver, h.reg.Promised
			}
		},
		"leases run from the beat": func(h *host, f *control.Frame) {
			if f.Kind == control.KindBeat && f.Ballot == h.reg.BeatBallot && f.Ask.New.Has(h.reg.Slot) {
				f.Ask.Heard1.Set(h.reg.Slot)
				h.reg.Echoed[0] = control.Echoed{Round: f.Round - 1, At: h.now()}
			}
		},
	} {
		seed := uint64(1)
		for ; seed < 400; seed++ {
			o := Draw(seed)
			if o.Class != Chaos {
				continue
			}
			o.tamper, o.Unaided = tamper, true
			if r := Run(o, realNode, nil); r.Violation != nil && (r.Violation.Guarantee == "G4" || r.Violation.Guarantee == "G3") {
				break
			}
		}
		if seed == 400 {
			t.Errorf("%s, and no checker noticed", name)
		}
	}
}
