package sim

import (
	"fmt"
	"testing"
	"time"

	"rollcall/control"
)

// The scenarios below are stories in a faultless network. What they do not say, the checkers
// say in every run.

// stage is a world in which a scenario plays.
type stage struct {
	*World
	t *testing.T
}

// stand raises a group and waits until all agree.
func stand(t *testing.T, hosts, founders int) stage {
	t.Helper()
	o := defaults(uint64(hosts)<<8 | uint64(founders))
	o.Hosts, o.Founders, o.Contacts = hosts, founders, founders
	return standAs(t, o)
}

// standAs raises one by options of its own.
func standAs(t *testing.T, o Options) stage {
	t.Helper()
	var trace func(string)
	if *flagTrace {
		trace = func(line string) { fmt.Println(line) }
	}
	s := stage{New(o, realNode, trace), t}
	for _, h := range s.hosts {
		h.powerOn()
	}
	s.expect("all agree", func() bool { return s.agreed(s.hosts) })
	return s
}

// expect waits for something that a healthy group owes.
func (s stage) expect(what string, holds func() bool) {
	s.t.Helper()
	if !s.Until(s.patience(), holds) {
		s.t.Fatalf("%s: did not happen by %v: %v\n%s", what, time.Duration(s.now), s.failure, s.Describe())
	}
}

// quiet lets intervals pass in which nothing may be decided.
func (s stage) quiet(intervals float64) {
	s.t.Helper()
	head := s.ledger.head
	if !s.Run(time.Duration(intervals * float64(s.Interval))) {
		s.t.Fatalf("%v\n%s", s.failure, s.Describe())
	}
	if s.ledger.head != head {
		s.t.Fatalf("decided seq %d: %s\n%s", s.ledger.head.seq, slots(s.ledger.head.proposal.New), s.Describe())
	}
}

// but lists the hosts except some.
func (s stage) but(gone ...*host) (rest []*host) {
	for _, h := range s.hosts {
		out := false
		for _, g := range gone {
			out = out || g == h
		}
		if !out {
			rest = append(rest, h)
		}
	}
	return rest
}

// followers lists n hosts that do not lead.
func (s stage) followers(n int) []*host { return s.but(s.leader())[:n] }

// removals are the view changes from now on that take somebody out.
func (s stage) removals() func() []removal {
	n := len(s.ledger.removals)
	return func() []removal { return s.ledger.removals[n:] }
}

// onlyRemoval checks that the given hosts went in one view, and how many rounds it took.
func (s stage) onlyRemoval(got []removal, rounds int, of ...control.Bitmap) {
	s.t.Helper()
	if len(got) != 1 || got[0].rounds != rounds || got[0].gone != of[0] {
		s.t.Fatalf("removals %+v, want one of %s in %d rounds", got, slots(of[0]), rounds)
	}
}

// TestStaleRemoved: where the operator wants it, nodes whose agents stay silent go in one view,
// after their leases, and come back when their agents do.
func TestStaleRemoved(t *testing.T) {
	o := defaults(1)
	o.Hosts, o.OnStale, o.AgentGrace = 6, true, 2*time.Second
	s := stage{New(o, realNode, nil), t}
	for _, h := range s.hosts {
		h.powerOn()
	}
	s.expect("all agree", func() bool { return s.agreed(s.hosts) })
	victims, removals := s.followers(2), s.removals()
	gone := slotsOf(victims...)
	for _, h := range victims {
		h.stamp(h.agent.life)
		h.stopAgent()
	}
	s.quiet(float64(s.AgentGrace / s.Interval))
	s.expect("the others agree", func() bool { return s.agreed(s.but(victims...)) })
	s.onlyRemoval(removals(), 1, gone)
	for _, h := range victims {
		h.contAgent()
	}
	s.expect("they come back", func() bool { return s.agreed(s.hosts) })
}

func slotsOf(hosts ...*host) (b control.Bitmap) {
	for _, h := range hosts {
		b.Set(h.reg.Slot)
	}
	return b
}

func TestFoundAndGrow(t *testing.T) {
	s := stand(t, 3, 3)
	if c := s.ledger.head; c.instance != 1 {
		t.Errorf("the first instance is %d", c.instance)
	}
	for _, n := range []int{1, 16, 64} {
		s = stand(t, n, min(n, 3))
		s.quiet(100)
	}
}

func TestCrashOne(t *testing.T) {
	s := stand(t, 16, 3)
	victim, removals := s.followers(1)[0], s.removals()
	gone := slotsOf(victim)
	victim.powerOff()
	s.expect("the survivors agree", func() bool { return s.agreed(s.but(victim)) })
	s.onlyRemoval(removals(), 1, gone)
	before := victim.boot
	victim.powerOn()
	s.expect("it comes back", func() bool { return s.agreed(s.hosts) })
	if victim.boot == before || len(removals()) != 1 {
		t.Errorf("removals %+v", removals())
	}
}

func TestCrashLeader(t *testing.T) {
	s := stand(t, 16, 3)
	old, removals := s.leader(), s.removals()
	gone := slotsOf(old)
	old.powerOff()
	s.expect("the survivors agree", func() bool { return s.agreed(s.but(old)) })
	s.onlyRemoval(removals(), 2, gone)
	old.powerOn()
	s.expect("it comes back", func() bool { return s.agreed(s.hosts) })
}

func TestCrashFourAtOnce(t *testing.T) {
	s := stand(t, 16, 3)
	victims, removals := s.followers(4), s.removals()
	gone := slotsOf(victims...)
	for _, h := range victims {
		h.powerOff()
	}
	s.expect("the survivors agree", func() bool { return s.agreed(s.but(victims...)) })
	s.onlyRemoval(removals(), 1, gone)
}

// TestCrashWithinWindow: who falls a little later goes with those who fell first.
func TestCrashWithinWindow(t *testing.T) {
	s := stand(t, 16, 3)
	victims, removals := s.followers(3), s.removals()
	gone := slotsOf(victims...)
	for _, h := range victims {
		h.powerOff()
		s.Run(s.Interval * 3 / 4)
	}
	s.expect("the survivors agree", func() bool { return s.agreed(s.but(victims...)) })
	s.onlyRemoval(removals(), 1, gone)
}

func TestAgentStopped(t *testing.T) {
	s := stand(t, 5, 3)
	removals := s.removals()
	s.followers(1)[0].stopAgent()
	s.quiet(1000)
	lead := s.leader()
	lead.stopAgent()
	s.expect("leadership moves", func() bool { l := s.leader(); return l != nil && l != lead })
	s.Run(100 * s.Interval)
	lead.contAgent()
	s.Run(1000 * s.Interval)
	if s.failure != nil || len(removals()) != 0 {
		t.Fatalf("%v, removals %+v", s.failure, removals())
	}
}

// TestOneWayCuts: whoever cannot hear the leader, or cannot be heard, is asked through others: nobody is
// removed, and all leases go on.
func TestOneWayCuts(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		for _, multicast := range []bool{false, true} {
			s := stand(t, 8, 3)
			s.Multicast = multicast
			lead := s.leader()
			for _, h := range s.followers(2) {
				if deaf {
					s.cut(lead.id, h.id, true)
				} else {
					s.cut(h.id, lead.id, true)
				}
			}
			for range 600 {
				s.quiet(0.37)
				for _, h := range s.hosts {
					if !h.reg.Valid(h.now()) {
						t.Fatalf("deaf %v, multicast %v: %s has no valid view", deaf, multicast, h.name)
					}
				}
			}
			if s.leader() != lead {
				t.Errorf("deaf %v, multicast %v: leadership moved", deaf, multicast)
			}
		}
	}
}

// TestLeaderAils: a leader that reaches most of the others through some of them only is the one whose link
// is broken, and hands over to one that it hears.
func TestLeaderAils(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		s := stand(t, 9, 3)
		lead, heard := s.leader(), s.followers(8)[6:]
		removals := s.removals()
		for _, h := range s.but(lead, heard[0], heard[1]) {
			if deaf {
				s.cut(h.id, lead.id, true)
			} else {
				s.cut(lead.id, h.id, true)
			}
		}
		s.expect("the lead moves", func() bool { l := s.leader(); return l != nil && l != lead })
		if l := s.leader(); l != heard[0] && l != heard[1] {
			t.Errorf("deaf %v: %s leads, which it did not hear", deaf, l.name)
		}
		moved := s.Elections
		s.expect("all agree", func() bool { return s.agreed(s.hosts) })
		s.Run(3 * time.Second)
		if len(removals()) != 0 || s.Elections != moved || !s.agreed(s.hosts) {
			t.Errorf("deaf %v: removals %+v, %d more elections", deaf, removals(), s.Elections-moved)
		}
	}
}

// TestSuccessorOneWay: a leader that is starved and cannot hear its successor, or be heard by it,
// answers that one through others: the lead moves, and nobody is removed.
func TestSuccessorOneWay(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		s := stand(t, 8, 3)
		old, next, removals := s.leader(), s.successor(), s.removals()
		from, to := next, old
		if deaf {
			from, to = old, next
		}
		s.cut(from.id, to.id, true)
		old.stopAgent()
		s.expect("the lead moves", func() bool { l := s.leader(); return l != nil && l != old })
		if l := s.leader(); l != next {
			t.Fatalf("deaf %v: %s leads, not %s", deaf, l.name, next.name)
		}
		s.quiet(100)
		if len(removals()) != 0 || !old.reg.Valid(old.now()) {
			t.Errorf("deaf %v: removals %+v; %s has a valid view: %v", deaf, removals(), old.name, old.reg.Valid(old.now()))
		}
	}
}

// TestLossAtOneHost: a link that loses a fifth of all frames, each way, for a minute removes nobody.
func TestLossAtOneHost(t *testing.T) {
	s := stand(t, 16, 3)
	victim := s.followers(1)[0]
	for _, h := range s.but(victim) {
		s.net.link(0, h.id, victim.id).loss = 0.2
		s.net.link(0, victim.id, h.id).loss = 0.2
	}
	s.quiet(float64(time.Minute / s.Interval))
}

// TestLeaderDeaf: a leader that reaches everybody and hears nobody falls silent, so that the
// others, who would refuse another while it beats, get one; nobody is removed but maybe itself.
func TestLeaderDeaf(t *testing.T) {
	s := stand(t, 5, 3)
	deaf, removals := s.leader(), s.removals()
	for _, h := range s.but(deaf) {
		s.cut(h.id, deaf.id, true)
	}
	s.expect("leadership moves", func() bool { l := s.leader(); return l != nil && l != deaf })
	s.Run(100 * s.Interval)
	s.net.heal()
	s.expect("all agree again", func() bool { return s.agreed(s.hosts) })
	for _, r := range removals() {
		if gone := r.gone.Minus(slotsOf(deaf)); !gone.Empty() {
			t.Errorf("%s were removed", slots(gone))
		}
	}
}

// TestLeaderStale: a leader whose agent stands still longer than its grace is succeeded by
// another, whatever else keeps its beats going, and is not removed: its kernel answers.
func TestLeaderStale(t *testing.T) {
	for _, kernel := range []bool{false, true} {
		s := stand(t, 5, 3)
		s.Kernel = kernel
		stale, removals := s.leader(), s.removals()
		stale.stopAgent()
		s.Run(s.AgentGrace)
		s.expect("leadership moves", func() bool { l := s.leader(); return l != nil && l != stale })
		stale.contAgent()
		s.expect("all agree again", func() bool { return s.agreed(s.hosts) })
		if len(removals()) != 0 {
			t.Errorf("removals %+v", removals())
		}
	}
}

// TestLeaderAway: a leader whose agent is away while its kernel beats is succeeded once somebody
// falls, and no sooner: the crash is decided on in rounds, not after the agent's grace.
func TestLeaderAway(t *testing.T) {
	for name, away := range map[string]func(*host){"stopped": (*host).stopAgent, "killed": (*host).killAgent} {
		s := stand(t, 8, 3)
		s.Kernel = true
		lead, victim, removals := s.leader(), s.followers(1)[0], s.removals()
		gone := slotsOf(victim)
		elections := s.Elections
		away(lead)
		s.quiet(100)
		if s.Elections != elections {
			t.Errorf("%s: leadership moved, and nobody had fallen", name)
		}
		victim.powerOff()
		bound := s.now + Instant(s.Rounds+3)*Instant(s.Interval)
		s.expect("the crash is decided on", func() bool { return len(removals()) > 0 })
		if s.now > bound {
			t.Errorf("%s: %v later than %d intervals after the crash", name, time.Duration(s.now-bound), s.Rounds+3)
		}
		if r := removals(); r[0].gone != gone {
			t.Errorf("%s: removals %+v, want %s", name, r, slots(gone))
		}
		lead.contAgent()
		lead.startAgent()
		s.expect("the others agree", func() bool { return s.agreed(s.but(victim)) })
		if len(removals()) != 1 {
			t.Errorf("%s: removals %+v", name, removals())
		}
	}
}

// TestLeaderGivesUpForGood: an agent that comes back after its tally gave the lead up beats no more
// under that ballot, though nobody took over; then the group gets a leader by the usual rule.
func TestLeaderGivesUpForGood(t *testing.T) {
	s := stand(t, 8, 3)
	s.Kernel = true
	lead, victim, removals := s.leader(), s.followers(1)[0], s.removals()
	others := s.but(lead, victim)
	gone := slotsOf(victim)
	for _, h := range s.but(victim) {
		h.stopAgent()
	}
	victim.powerOff()
	s.expect("the lead is given up", func() bool { return lead.tally.Away != 0 })
	given, round := lead.tally.Ballot, lead.tally.Round
	lead.contAgent()
	s.quiet(3)
	for _, h := range others {
		if h.reg.BeatBallot != given || h.reg.BeatRound != round || h.reg.Away == 0 || h.reg.Accused != gone {
			t.Errorf("%s took round %d of %v after round %d of %v, and knows of %s", h.name, h.reg.BeatRound, h.reg.BeatBallot, round, given, slots(h.reg.Accused))
		}
	}
	for _, h := range others {
		h.contAgent()
	}
	s.expect("the others agree", func() bool { return s.agreed(s.but(victim)) })
	if r := removals(); len(r) != 1 || r[0].gone != gone {
		t.Errorf("removals %+v", r)
	}
}

// TestAccusedAnswers: who was cut off from a leader that gives the lead up, and is heard by the next, stays.
func TestAccusedAnswers(t *testing.T) {
	s := stand(t, 6, 3)
	s.Kernel, s.Unaided = true, true
	lead, cutOff, removals := s.leader(), s.followers(1)[0], s.removals()
	lead.stopAgent()
	s.cut(lead.id, cutOff.id, true)
	s.cut(cutOff.id, lead.id, true)
	s.expect("the lead is given up", func() bool { return lead.tally.Away != 0 })
	if b := lead.tally.Fallen; b != slotsOf(cutOff) {
		t.Fatalf("fallen: %s", slots(b))
	}
	s.expect("another leads", func() bool { l := s.leader(); return l != nil && l != lead })
	s.quiet(50)
	if r := removals(); len(r) != 0 {
		t.Errorf("removals %+v", r)
	}
}

// TestAgentStarvedFast: at 1 ms an agent is starved for many rounds at a time. While nobody falls,
// that moves nothing.
func TestAgentStarvedFast(t *testing.T) {
	o := defaults(1)
	o.Hosts, o.Interval, o.Kernel = 8, time.Millisecond, true
	s := stage{New(o, realNode, nil), t}
	for _, h := range s.hosts {
		h.powerOn()
	}
	s.expect("all agree", func() bool { return s.agreed(s.hosts) })
	elections := s.Elections
	for range 100 {
		for _, h := range s.hosts {
			h.starve(10 * s.Interval)
		}
		s.quiet(12)
	}
	if s.Elections != elections {
		t.Errorf("%d elections", s.Elections-elections)
	}
}

// TestAgentsRestarted: registers serve on, and new agents find them.
func TestAgentsRestarted(t *testing.T) {
	s := stand(t, 5, 3)
	removals := s.removals()
	incarnations := map[string]uint64{}
	for _, h := range s.hosts {
		incarnations[h.name] = h.reg.Incarnation
	}
	for _, pause := range []time.Duration{0, 20 * s.Interval} {
		for _, h := range s.hosts { // all in the same instant, the second time down for a while
			h.killAgent()
		}
		s.Run(pause)
		for _, h := range s.hosts {
			h.startAgent()
		}
		s.expect("all agree again", func() bool { return s.agreed(s.hosts) })
	}
	for _, h := range s.hosts {
		h.killAgent()
		h.startAgent()
		s.Run(3 * s.Interval)
	}
	s.expect("all agree again", func() bool { return s.agreed(s.hosts) })
	for _, h := range s.hosts {
		if h.reg.Incarnation != incarnations[h.name] {
			t.Errorf("%s has another incarnation", h.name)
		}
	}
	if len(removals()) != 0 {
		t.Errorf("removals %+v", removals())
	}
}

// TestCutNode: its own clock tells it before the others decide without it.
func TestCutNode(t *testing.T) {
	s := stand(t, 5, 3)
	for _, victim := range []*host{s.followers(1)[0], s.leader()} {
		was := victim.reg.Incarnation
		head := s.ledger.head
		s.isolate(victim.id, true)
		s.until(s.now+Instant(s.patience()), func() bool { return s.ledger.head != head })
		if victim.reg.Valid(victim.now()) {
			t.Fatal("still valid when the others decided")
		}
		s.expect("the others agree", func() bool { return s.agreed(s.but(victim)) })
		s.net.heal()
		s.expect("it comes back", func() bool { return s.agreed(s.hosts) })
		if victim.reg.Incarnation == was {
			t.Error("it came back as the one that was removed")
		}
	}
}

func TestNoQuorum(t *testing.T) {
	s := stand(t, 5, 3)
	var cut []*host
	for _, h := range s.hosts[:3] {
		s.isolate(h.id, true)
		cut = append(cut, h)
	}
	s.Run(20 * s.Interval)
	for range 50 {
		s.quiet(10)
		for _, h := range s.hosts {
			if h.reg.Valid(h.now()) {
				t.Fatalf("%s trusts its view without a quorum", h.name)
			}
		}
	}
	for _, h := range cut {
		if r := h.reg; h.agent.node.Status(h.now(), &r).Awaiting == "" {
			t.Errorf("%s does not say what it waits for", h.name)
		}
	}
	s.net.heal()
	s.expect("it goes on", func() bool { return s.agreed(s.hosts) })
	if s.ledger.head.instance != 1 {
		t.Errorf("as instance %d", s.ledger.head.instance)
	}
}

// TestFoundersRebooted: connected or cut off, founders that lost their registers never begin
// a second cluster beside one that lives.
func TestFoundersRebooted(t *testing.T) {
	for _, cut := range []bool{false, true} {
		s := stand(t, 12, 3)
		founders := s.hosts[:3]
		for _, h := range founders {
			h.powerOff()
		}
		if cut {
			for i := range s.hosts {
				for j := range s.hosts {
					s.cut(i, j, (i < 3) != (j < 3))
				}
			}
		}
		for _, h := range founders {
			h.powerOn()
		}
		if cut {
			s.expect("the others go on", func() bool { return s.agreed(s.hosts[3:]) })
			s.Run(10 * s.FoundWait)
			for _, h := range founders {
				if h.reg.State != control.RegisterVacant {
					t.Errorf("%s has a register of instance %d", h.name, h.reg.Instance)
				}
			}
			s.net.heal()
		}
		s.expect("they come back", func() bool { return s.agreed(s.hosts) })
		if s.ledger.head.instance != 1 {
			t.Errorf("cut off %v: instance %d", cut, s.ledger.head.instance)
		}
	}
}

// TestAllRebooted: a cluster that nobody remembers but the founders' disks begins anew.
func TestAllRebooted(t *testing.T) {
	s := stand(t, 5, 3)
	for _, h := range s.hosts {
		h.powerOff()
	}
	for _, h := range s.hosts {
		h.powerOn()
	}
	s.expect("the next instance", func() bool { return s.agreed(s.hosts) && s.ledger.head.instance > 1 })
}
