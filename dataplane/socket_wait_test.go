package dataplane

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// asker is a socket of somebody who sends what he likes.
type asker struct {
	t  *testing.T
	fd int
}

// newAsker opens a socket that sends to the plane, over IPv4.
func newAsker(t *testing.T, s *Socket) *asker {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	at := netip.MustParseAddrPort(s.Describe().Rails[0].Address)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	return &asker{t: t, fd: fd}
}

func (a *asker) send(b []byte) {
	a.t.Helper()
	if err := unix.Send(a.fd, b, 0); err != nil {
		a.t.Fatal(err)
	}
}

// receive waits for an answer.
func (a *asker) receive() []byte {
	a.t.Helper()
	fds := []unix.PollFd{{Fd: int32(a.fd), Events: unix.POLLIN}}
	if err := pollUntil(Now().Add(patienceOfTests), fds); err != nil {
		a.t.Fatal(err)
	}
	return a.got()
}

// got returns the answer that is there, or nil.
func (a *asker) got() []byte {
	a.t.Helper()
	b := make([]byte, 2*FrameLen)
	n, _, err := unix.Recvfrom(a.fd, b, unix.MSG_DONTWAIT)
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return b[:n]
}

// wrongFrames are frames that must change nothing but one counter.
func wrongFrames(g *planeGroup) []struct {
	name  string
	frame []byte
	want  control.Reason
} {
	keys := testKeys()
	beat := g.ask(control.KindBeat, control.Ask{Seq: 9, New: control.Of(0), Old: control.Of(0), Roster: g.roster.Version()}).Frame
	beat.Round = 100
	echo := beat
	echo.Kind, echo.Ask, echo.From, echo.To = control.KindEcho, control.Ask{}, 0, 1
	with := func(f control.Frame, change func(f *control.Frame)) []byte {
		change(&f)
		return AppendFrame(nil, &f, keys)
	}
	spoilt := func(change func(b []byte)) []byte {
		b := AppendFrame(nil, &beat, keys)
		change(b)
		reseal(b, keys)
		return b
	}
	good := AppendFrame(nil, &beat, keys)
	stranger := &Keys{Slots: [KeySlots][16]byte{{0xff}}}
	return []struct {
		name  string
		frame []byte
		want  control.Reason
	}{
		{"empty", nil, control.ReasonBadLength},
		{"a byte short", good[:FrameLen-1], control.ReasonBadLength},
		{"a byte long", append(good[:FrameLen:FrameLen], 0), control.ReasonBadLength},
		{"much too long", make([]byte, 9000), control.ReasonBadLength},
		{"another protocol", spoilt(func(b []byte) { b[0] = 'X' }), control.ReasonBadVersion},
		{"another version", spoilt(func(b []byte) { b[atVersion] = 2 }), control.ReasonBadVersion},
		{"kind 0", spoilt(func(b []byte) { b[atKind] = 0 }), control.ReasonBadKind},
		{"kind 8", spoilt(func(b []byte) { b[atKind] = 8 }), control.ReasonBadKind},
		{"no tag", func() []byte { b := append([]byte(nil), good...); clear(b[atTag : atTag+8]); return b }(), control.ReasonBadTag},
		{"another key", AppendFrame(nil, &beat, stranger), control.ReasonBadTag},
		{"changed on the way", func() []byte { b := append([]byte(nil), good...); b[atSeq]++; return b }(), control.ReasonBadTag},
		{"a key slot that is none", spoilt(func(b []byte) { b[atKey] = 2 }), control.ReasonUnknownKey},
		{"another cluster", with(beat, func(f *control.Frame) { f.Cluster++ }), control.ReasonBadCluster},
		{"an earlier instance", with(beat, func(f *control.Frame) { f.Instance-- }), control.ReasonBadInstance},
		{"another level", with(beat, func(f *control.Frame) { f.Level++ }), control.ReasonNotMember},
		{"another group", with(beat, func(f *control.Frame) { f.Group++ }), control.ReasonNotMember},
		{"another slot", with(beat, func(f *control.Frame) { f.To = 2 }), control.ReasonBadSlot},
		{"a hand-over of somebody's who does not lead", with(beat, func(f *control.Frame) { f.Kind = control.KindHandOver; f.Ballot++ }), control.ReasonOldBallot},
		{"an echo while nothing is asked", with(echo, func(*control.Frame) {}), control.ReasonNotAsking},
		{"a promise while nothing is asked", with(echo, func(f *control.Frame) { f.Kind = control.KindPromise }), control.ReasonNotAsking},
		{"an answer out of time", with(echo, func(f *control.Frame) { f.Kind = control.KindAnswer }), control.ReasonStale},
		{"an echo from nobody's slot", with(echo, func(f *control.Frame) { f.From = 200 }), control.ReasonBadSlot},
		{"an echo from no slot", with(echo, func(f *control.Frame) { f.From = 300 }), control.ReasonBadSlot},
		{"an echo of another cluster", with(echo, func(f *control.Frame) { f.Cluster++ }), control.ReasonBadCluster},
		{"an echo of another group", with(echo, func(f *control.Frame) { f.Group++ }), control.ReasonNotMember},
		{"an echo to another slot", with(echo, func(f *control.Frame) { f.To = 0 }), control.ReasonBadSlot},
	}
}

func TestSocketCountsWrongFrames(t *testing.T) {
	g := udpGroup(t, 2, loopback4)
	s, a := g.socket(1), newAsker(t, g.socket(1))
	for _, c := range wrongFrames(g) {
		r, tally := g.look(1)
		before := s.Stats()
		want := before
		want[c.want]++
		a.send(c.frame)
		g.serveUntil(1, c.name, func(*control.Register, *control.Tally) bool { return s.Stats() != before })
		if got := s.Stats(); got != want {
			t.Errorf("%s: counted %v, want one more %v", c.name, counted(s), c.want)
		}
		if after, t2 := g.look(1); after != r || *t2 != *tally {
			t.Errorf("%s: the register or the tally changed", c.name)
		}
		if b := a.got(); b != nil {
			t.Errorf("%s: answered", c.name)
		}
	}
}

// TestSocketReplay sends a beat again that was taken: it counts, and extends no lease.
func TestSocketReplay(t *testing.T) {
	g := udpGroup(t, 2, loopback4)
	s, a := g.socket(1), newAsker(t, g.socket(1))
	g.round = 1
	o := g.ask(control.KindBeat, control.Ask{Seq: 1, New: g.everybody(), Old: g.everybody(), Roster: g.roster.Version(), Heard1: g.everybody()})
	frame := AppendFrame(nil, &o.Frame, testKeys())
	a.send(frame)
	g.serveUntil(1, "the beat", func(r *control.Register, _ *control.Tally) bool { return r.BeatRound == 1 })
	if a.receive() == nil {
		t.Fatal("no echo")
	}
	before := g.register(1)
	a.send(frame)
	g.serveUntil(1, "the replay", func(*control.Register, *control.Tally) bool { return s.Stats()[control.ReasonOldRound] == 1 })
	if after := g.register(1); after != before || a.got() != nil {
		t.Error("a replayed beat changed the register or was answered")
	}
}

func TestSocketHigherInstanceWakes(t *testing.T) {
	g := udpGroup(t, 2, loopback4)
	before := g.register(1)
	f := g.ask(control.KindBeat, control.Ask{}).Frame
	f.Instance++
	newAsker(t, g.socket(1)).send(AppendFrame(nil, &f, testKeys()))
	wake, err := g.planes[1].Wait(Now().Add(patienceOfTests))
	if err != nil || wake != (Wakes{control.WakeInstance}) {
		t.Errorf("woken for %b, %v", wake, err)
	}
	if g.register(1) != before {
		t.Error("the register changed")
	}
}

// TestSocketVacant: a node without a group answers nobody.
func TestSocketVacant(t *testing.T) {
	g := udpGroup(t, 2, loopback4)
	s, a := g.socket(1), newAsker(t, g.socket(1))
	if err := s.Apply(control.Command{Kind: control.CommandVacate}); err != nil {
		t.Fatal(err)
	}
	for n, kind := range []control.Kind{control.KindBeat, control.KindPrepare, control.KindProbe, control.KindHandOver, control.KindEcho} {
		f := g.ask(kind, control.Ask{}).Frame
		a.send(AppendFrame(nil, &f, testKeys()))
		g.serveUntil(1, "the frame", func(*control.Register, *control.Tally) bool { return s.Stats()[control.ReasonNotMember] == uint64(n)+1 })
	}
	if a.got() != nil {
		t.Error("a vacant register answered")
	}
}

func TestSocketInterrupt(t *testing.T) {
	g := udpGroup(t, 1, loopback4)
	s := g.socket(0)
	for range 2 {
		s.Interrupt() // before: the next Wait returns; two are one
		s.Interrupt()
		if wake, err := s.Wait(control.MaxTime); wake.Any() || err != nil {
			t.Fatalf("interrupted: %b, %v", wake, err)
		}
	}
	go s.Interrupt() // during, as far as the scheduler has it
	if wake, err := s.Wait(control.MaxTime); wake.Any() || err != nil {
		t.Fatalf("interrupted: %b, %v", wake, err)
	}
	deadline := Now().Add(1e6)
	if wake, err := s.Wait(deadline); wake.Any() || err != nil || Now() < deadline {
		t.Errorf("after the interrupts: %b, %v, %v before the deadline", wake, err, deadline.Since(Now()))
	}
}

func TestSocketTellsOfSilenceOnce(t *testing.T) {
	g := udpGroup(t, 2, loopback4)
	member := g.socket(1)
	for silence := range 3 {
		g.round++
		o := g.ask(control.KindBeat, control.Ask{Seq: 1, New: g.everybody(), Old: g.everybody(), Roster: g.roster.Version()})
		o.Frame.Ask.IntervalUS, o.Frame.Ask.Rounds = 2000, 5
		g.send(o)
		wake := g.serveUntil(1, "the beat", func(r *control.Register, _ *control.Tally) bool { return r.BeatRound == g.round })
		beat := g.register(1).BeatAt
		var err error
		if wake == 0 {
			var wakes Wakes
			wakes, err = member.Wait(control.MaxTime)
			wake = wakes[0]
		}
		if err != nil || wake != control.WakeSilent {
			t.Fatalf("silence %d: woken for %b, %v", silence, wake, err)
		}
		if after := Now().Since(beat); after < 6e6 {
			t.Errorf("silence %d: told after %v, want three intervals of 2ms", silence, after)
		}
		if wake, err := member.Wait(Now().Add(10e6)); wake.Any() || err != nil {
			t.Errorf("silence %d: told again: %b, %v", silence, wake, err)
		}
	}
	if err := member.Apply(control.Command{Kind: control.CommandVacate}); err != nil {
		t.Fatal(err)
	}
	if at := member.silentAt(); at != control.MaxTime {
		t.Errorf("a vacant register watches a leader until %d", at)
	}
}

// TestSocketServesOverdueBeatsFirst: a node that was kept from the CPU has its leader's
// beats waiting, and must not call it silent.
func TestSocketServesOverdueBeatsFirst(t *testing.T) {
	g := udpGroup(t, 2, loopback4)
	beat := func() {
		g.round++
		o := g.ask(control.KindBeat, control.Ask{Seq: 1, New: g.everybody(), Old: g.everybody(), Roster: g.roster.Version()})
		o.Frame.Ask.IntervalUS = 100e3
		g.send(o)
	}
	beat()
	g.serveUntil(1, "the beat", func(r *control.Register, _ *control.Tally) bool { return r.BeatRound == g.round })
	s := g.socket(1)
	s.registers[0].BeatAt -= control.Time(3600e9) // an hour of starvation
	beat()
	wake, err := s.Wait(0)
	if err != nil || wake[0]&control.WakeSilent != 0 || s.registers[0].BeatRound != g.round {
		t.Errorf("woken for %b, %v, at round %d of %d", wake, err, s.registers[0].BeatRound, g.round)
	}
}

// TestSocketFlood: Wait keeps its deadline however many frames there are.
func TestSocketFlood(t *testing.T) {
	g := udpGroup(t, 1, loopback4)
	s, a := g.socket(0), newAsker(t, g.socket(0))
	for range 2 * framesAtOnce {
		a.send([]byte("flood"))
	}
	for before := uint64(0); ; {
		if wake, err := s.Wait(0); wake.Any() || err != nil {
			t.Fatalf("woken for %b, %v", wake, err)
		}
		now := s.Stats()[control.ReasonBadLength]
		if now-before > framesAtOnce {
			t.Errorf("%d frames were served before the deadline was looked at", now-before)
		}
		if now == before {
			break
		}
		before = now
	}
	if got := s.Stats()[control.ReasonBadLength]; got <= framesAtOnce {
		t.Errorf("only %d frames arrived: the flood was none", got)
	}
}

// FuzzSocketServe hands any bytes to a register and tally in the midst of a round. What is
// not served must leave both as they were.
func FuzzSocketServe(f *testing.F) {
	keys := testKeys()
	for _, v := range vectors {
		frame := v.frame()
		f.Add(AppendFrame(nil, &frame, keys), uint64(5e9), true)
	}
	for kind := control.KindBeat; kind <= control.KindHandOver; kind++ {
		for _, to := range []uint16{1, 2, control.ToAll} {
			frame := vectorBeat()
			frame.Cluster, frame.Instance, frame.Level, frame.Group, frame.From, frame.To = 1, 1, 0, 1, 0, to
			frame.Kind, frame.Ballot, frame.Ask.Roster = kind, control.NewBallot(0, 2, 0), 7
			f.Add(AppendFrame(nil, &frame, keys), uint64(5e9), true)
			frame.Level = 1
			f.Add(AppendFrame(nil, &frame, keys), uint64(5e9), true)
			frame.To = control.FirstSeat
			f.Add(AppendFrame(nil, &frame, keys), uint64(5e9), true)
		}
	}
	f.Add([]byte{}, uint64(0), false)
	f.Fuzz(func(t *testing.T, b []byte, now uint64, seal bool) {
		if seal {
			reseal(b, keys)
		}
		registers, tallies := fuzzRegisters()
		before, asked := *registers, *tallies
		p, o, reply := serve(control.Time(now), 0, registers, tallies, new([control.Levels]control.Relays), keys, b, nil)
		if o.Reason == control.ReasonNone || o.Reason >= control.Reasons {
			t.Fatalf("reason %d", o.Reason)
		}
		if (o.Reply || o.PassOn) != (len(reply) == FrameLen) {
			t.Fatalf("reply %v, of %d bytes", o.Reply, len(reply))
		}
		if o.Reply {
			f, why := ParseFrame(reply, keys)
			if why != control.ReasonNone || isAsk(f.Kind) || f.From != registers[p].Slot || reply[atKey] != b[atKey] {
				t.Fatalf("bad reply: %v %+v", why, f)
			}
		}
		if changesRegister(o.Reason) {
			before[p] = registers[p]
		}
		if *registers != before {
			t.Fatalf("%v changed a register", o.Reason)
		}
		if changesTally(o.Reason) {
			asked[p.Level()] = tallies[p.Level()]
		}
		if *tallies != asked {
			t.Fatalf("%v changed a tally", o.Reason)
		}
	})
}

// fuzzRegisters are those of a member that leads, at level 0 and in a seat of level 1: both
// registers and tallies have much to lose.
func fuzzRegisters() (*[control.Places]control.Register, *[control.Levels]control.Tally) {
	registers, tallies := new([control.Places]control.Register), new([control.Levels]control.Tally)
	for p, slot := range map[control.Place]uint16{0: 1, 2: 1, 3: control.FirstSeat} {
		r, t := &registers[p], &tallies[p.Level()]
		control.Apply(&control.Command{Kind: control.CommandJoin, Level: p.Level(), Seat: p.Seat(), Cluster: 1, Instance: 1, Group: 1, Slot: slot}, r, t)
		control.Apply(&control.Command{Kind: control.CommandHold, Rosters: [control.HeldRosters]uint64{7}}, r, t)
		r.State, r.Incarnation, r.Promised, r.BeatAt, r.IntervalUS, r.Rounds = control.RegisterMember, 11, control.NewBallot(0, 1, slot), 4e9, 1000, 5
		if p.Votes() {
			control.Apply(&control.Command{Kind: control.CommandAsk, Ballot: control.NewBallot(0, 1, slot), Seq: 2, WindowNS: 1e9}, r, t)
			t.Members[0].Expected, t.Members[12].Expected = 10, 0x0123456789abcdef
		}
	}
	return registers, tallies
}

func changesRegister(why control.Reason) bool {
	switch why {
	case control.ReasonBeatTaken, control.ReasonRosterMissing, control.ReasonPromised, control.ReasonOut:
		return true
	}
	return false
}

func changesTally(why control.Reason) bool {
	switch why {
	case control.ReasonEchoTaken, control.ReasonPromiseTaken, control.ReasonAnswerTaken, control.ReasonStranger:
		return true
	}
	return false
}

func BenchmarkSocketServe(b *testing.B) {
	keys := testKeys()
	registers, tallies := fuzzRegisters()
	f := vectorBeat()
	f.Cluster, f.Instance, f.Group, f.From, f.To, f.Ballot, f.Ask.Roster = 1, 1, 1, 0, 1, control.NewBallot(0, 2, 0), 7
	room := make([]byte, 0, FrameLen)
	b.ReportAllocs()
	for round := uint64(1); b.Loop(); round++ {
		b.StopTimer()
		f.Round = round
		frame := AppendFrame(nil, &f, keys)
		b.StartTimer()
		if _, o, _ := serve(5e9, 0, registers, tallies, new([control.Levels]control.Relays), keys, frame, room); !o.Reply {
			b.Fatal(o.Reason)
		}
	}
}

// BenchmarkSocketRound is one beat, its echo and the taking of it, all on one thread: what two
// nodes spend together, the kernel's part over the loopback included.
func BenchmarkSocketRound(b *testing.B) {
	g := udpGroup(b, 2, loopback4)
	b.ReportAllocs()
	for b.Loop() {
		g.beat(control.Ask{Seq: 1})
		for _, i := range []int{1, 0} {
			if _, err := g.planes[i].Wait(0); err != nil {
				b.Fatal(err)
			}
		}
	}
	if got := g.planes[0].Stats()[control.ReasonEchoTaken]; got != g.round {
		b.Errorf("%d of %d rounds were echoed", got, g.round)
	}
}
