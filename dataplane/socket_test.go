package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

func TestSocketGroups(t *testing.T) {
	t.Run("two over IPv4", func(t *testing.T) { agree(t, udpGroup(t, 2, loopback4)) })
	t.Run("three over IPv4", func(t *testing.T) { agree(t, udpGroup(t, 3, loopback4)) })
	t.Run("three over IPv6", func(t *testing.T) { agree(t, udpGroup(t, 3, loopback6)) })
	t.Run("two over Ethernet", func(t *testing.T) { agree(t, etherGroup(t, 2)) })
	t.Run("three over Ethernet", func(t *testing.T) { agree(t, etherGroup(t, 3)) })
}

// agree plays an election, a round that decides a view, and one that tells of it.
func agree(t *testing.T, g *planeGroup) {
	all := g.everybody()
	others := all.Minus(control.Of(0))
	leader := g.planes[0]
	collect := control.Command{Kind: control.CommandAsk, Preparing: 1, Ballot: g.ballot, New: all, Old: all, WindowNS: uint64(patienceOfTests)}
	if err := leader.Apply(collect); err != nil {
		t.Fatal(err)
	}
	g.send(g.ask(control.KindPrepare, control.Ask{}))
	for s := others.First(); s < control.Slots; s = others.Next(s + 1) {
		wake := g.serveUntil(int(s), "the promise", func(r *control.Register, _ *control.Tally) bool { return r.Promised == g.ballot })
		if wake != 0 {
			t.Errorf("a promise woke the agent of slot %d for %b", s, wake)
		}
	}
	if wake := g.serveUntil(0, "the promises", func(_ *control.Register, t *control.Tally) bool { return t.Promises == all }); wake&control.WakePromise == 0 {
		t.Errorf("promises woke the candidate for %b", wake)
	}

	g.beat(control.Ask{Seq: 1, Digest: 0xd1})
	for s := others.First(); s < control.Slots; s = others.Next(s + 1) {
		wake := g.serveUntil(int(s), "the proposal", func(r *control.Register, _ *control.Tally) bool { return r.Accepted.Seq == 1 })
		if wake != 0 {
			t.Errorf("a beat woke the agent of slot %d for %b", s, wake)
		}
	}
	if wake := g.serveUntil(0, "the votes", func(_ *control.Register, t *control.Tally) bool { return t.Votes == all }); wake != control.WakeQuorum {
		t.Errorf("votes woke the leader for %b, want one quorum", wake)
	}

	g.beat(control.Ask{Seq: 1, Digest: 0xd1, Committed: 1, Heard1: all, Epoch: 1})
	want := control.Commit{Ballot: collect.Ballot, Seq: 1, Digest: 0xd1, Roster: g.roster.Version(), Members: all}
	for i := range g.planes {
		wake := g.serveUntil(i, "the commit", func(r *control.Register, _ *control.Tally) bool { return r.Committed.Seq == 1 })
		if r := g.register(i); wake != control.WakeCommitted || r.Committed != want || r.State != control.RegisterMember || r.Epoch != 1 {
			t.Errorf("plane %d: woken for %b, %+v", i, wake, r)
		}
	}

	g.beat(control.Ask{Seq: 1, Digest: 0xd1, Committed: 1, Epoch: 1})
	for i := range g.planes {
		wake := g.serveUntil(i, "the lease", func(r *control.Register, _ *control.Tally) bool { return r.BeatRound == g.round && r.Valid(Now()) })
		if wake != 0 {
			t.Errorf("a beat with nothing new woke plane %d for %b", i, wake)
		}
	}
	g.serveUntil(0, "all echoes", func(_ *control.Register, t *control.Tally) bool {
		for i := range g.planes {
			if t.Members[i].Round != g.round {
				return false
			}
		}
		return true
	})
	for i, p := range g.planes {
		got := counted(p)
		expect := map[string]uint64{"beat_taken": 3, "promised": 1}
		if i == 0 {
			n := uint64(len(g.planes) - 1)
			expect = map[string]uint64{"echo_taken": 3 * n, "promise_taken": n}
		}
		if fmt.Sprint(got) != fmt.Sprint(expect) {
			t.Errorf("plane %d counted %v, want %v", i, got, expect)
		}
		if cpu := p.Describe().Pacing.CPU; (cpu >= 0) != (i == 0) {
			t.Errorf("plane %d, of which the first beats, did so last on CPU %d", i, cpu)
		}
	}
}

func TestSocketTellsOneSlotAlone(t *testing.T) {
	t.Run("udp", func(t *testing.T) { tellOneSlot(t, udpGroup(t, 3, loopback4)) })
	t.Run("ether", func(t *testing.T) { tellOneSlot(t, etherGroup(t, 3)) })
}

func tellOneSlot(t *testing.T, g *planeGroup) {
	o := g.ask(control.KindProbe, control.Ask{})
	o.To, o.Frame.To = control.Of(2), 2
	g.send(o)
	g.serveUntil(2, "the probe", func(*control.Register, *control.Tally) bool {
		return g.planes[2].Stats()[control.ReasonProbeAnswered] == 1
	})
	if _, err := g.planes[1].Wait(0); err != nil {
		t.Fatal(err)
	}
	want := g.planes[1].Stats()
	want[control.ReasonBadDestination] = 0 // a switch that has not learnt the address floods
	if want != [control.Reasons]uint64{} {
		t.Errorf("the slot that was not asked counted %v", counted(g.planes[1]))
	}
}

// TestSocketAnswersWithTheKeyAsked: while a key is being replaced, who asks may not have
// the new one yet.
func TestSocketAnswersWithTheKeyAsked(t *testing.T) {
	g := udpGroup(t, 1, loopback4)
	asker := newAsker(t, g.socket(0))
	for slot := range uint8(KeySlots) {
		f := g.ask(control.KindProbe, control.Ask{}).Frame
		f.Key = slot
		asker.send(AppendFrame(nil, &f, testKeys()))
		g.serveUntil(0, "the probe", func(*control.Register, *control.Tally) bool {
			return g.planes[0].Stats()[control.ReasonProbeAnswered] == uint64(slot)+1
		})
		answer := asker.receive()
		if _, why := ParseFrame(answer, testKeys()); why != control.ReasonNone || answer[atKey] != slot {
			t.Errorf("answer signed with key %d: %v; asked with key %d", answer[atKey], why, slot)
		}
	}
}

func TestSocketIncarnations(t *testing.T) {
	opt := udpOptions(t, "127.0.0.1")
	seen := map[uint64]bool{0: true}
	see := func(s *Socket, when string) {
		var r control.Register
		s.Snapshot(0, &r, new(control.Tally), control.Bitmap{})
		if seen[r.Incarnation] {
			t.Errorf("%s: incarnation %#x is not a new one", when, r.Incarnation)
		}
		seen[r.Incarnation] = true
	}
	for range 3 {
		s, err := OpenSocket(opt)
		if err != nil {
			t.Fatal(err)
		}
		see(s, "opened")
		if err := s.Apply(control.Command{Kind: control.CommandVacate}); err != nil {
			t.Fatal(err)
		}
		see(s, "vacated")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s.Interrupt() // late, and harmless
	}
}

func TestSocketSendTellsTheFirstFailure(t *testing.T) {
	g := udpGroup(t, 2, loopback4)
	o := g.ask(control.KindProbe, control.Ask{})
	o.To.Set(9)
	err := g.planes[0].Send([]control.Outgoing{o, g.ask(control.KindProbe, control.Ask{})})
	if !errors.Is(err, errNoAddress) {
		t.Errorf("error %v, want that slot 9 has no address", err)
	}
	g.serveUntil(1, "both probes", func(*control.Register, *control.Tally) bool {
		return g.planes[1].Stats()[control.ReasonProbeAnswered] == 2
	})
}

func TestSocketPages(t *testing.T) {
	g := udpGroup(t, 2, loopback4)
	s := g.socket(1)
	p := s.Pages()
	b, err := unix.Mmap(p.Register, 0, p.RegisterSize, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(b)
	mapped := (*control.Register)(unsafe.Pointer(&b[0]))
	check := func(when string) {
		t.Helper()
		got, want := *mapped, g.register(1)
		if got.Version&1 != 0 || got.Version == 0 {
			t.Errorf("%s: version %d of the page at rest", when, got.Version)
		}
		if got.Version = 0; got != want {
			t.Errorf("%s: the page has\n%+v\nthe register\n%+v", when, got, want)
		}
	}
	check("seated")
	s.Stamp(7)
	if mapped.Health != 7 || mapped.AgentAt == 0 {
		t.Errorf("stamped: health %d, at %d", mapped.Health, mapped.AgentAt)
	}
	check("stamped")
	g.beat(control.Ask{Seq: 1})
	g.serveUntil(1, "the beat", func(r *control.Register, _ *control.Tally) bool { return r.BeatRound == g.round })
	check("after a beat")

	p.ViewPage[0] = 42
	view, err := unix.Mmap(p.View, 0, len(p.ViewPage), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(view)
	if view[0] != 42 {
		t.Error("the view page does not show what was published")
	}
	for name, fd := range map[string]int{"register": p.Register, "view": p.View} {
		if _, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
			t.Errorf("a reader of the %s page mapped it for writing", name)
		}
		if err := unix.Ftruncate(fd, 0); err == nil {
			t.Errorf("a reader of the %s page took it away from the others", name)
		}
		again, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDWR, 0)
		if err != nil {
			continue
		}
		if _, err := unix.Write(again, binary.NativeEndian.AppendUint64(nil, 1)); err == nil {
			t.Errorf("a reader of the %s page opened it again and wrote to it", name)
		}
		unix.Close(again)
	}
}
