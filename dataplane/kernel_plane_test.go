package dataplane

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"rollcall/control"
)

// station is a kernel plane in a group of two.
type station struct {
	*Kernel
	end  int
	slot uint16
}

// newPair opens a plane at each end of a wire and gives them slots 0 and 1 of a group.
func newPair(t *testing.T, change func(end int, o *Options)) (*wire, [2]*station, *control.Roster) {
	t.Helper()
	w := newWire(t)
	roster := &control.Roster{}
	var pair [2]*station
	for i := range pair {
		w.enter(t, i)
		opt := testOptions(pinDir(t))
		change(i, &opt)
		pair[i] = &station{Kernel: openKernel(t, opt), end: i, slot: uint16(i)}
		at, err := LocalEndpoints(pair[i].opt)
		if err != nil {
			t.Fatal(err)
		}
		roster.Seats = append(roster.Seats, control.Seat{Slot: uint16(i), Peer: control.Peer{
			Name: []string{"cn001", "cn002"}[i], Incarnation: pair[i].incarnation(), RPC: "x:1", Rails: at,
		}})
	}
	for i, s := range pair {
		w.enter(t, i)
		s.join(t, roster)
	}
	return w, pair, roster
}

func (s *station) incarnation() uint64 {
	r, _ := s.look(control.Bitmap{})
	return r.Incarnation
}

func (s *station) look(of control.Bitmap) (*control.Register, *control.Tally) {
	r, tally := &control.Register{}, &control.Tally{}
	s.Snapshot(0, r, tally, of)
	return r, tally
}

func (s *station) join(t *testing.T, roster *control.Roster) {
	t.Helper()
	for _, c := range []control.Command{
		{Kind: control.CommandJoin, Cluster: s.opt.ClusterID, Instance: 1, Slot: s.slot},
		{Kind: control.CommandHold, Rosters: [control.HeldRosters]uint64{roster.Version()}},
	} {
		if err := s.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Name(0, roster); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until a wake carries the bit, for longer than any healthy answer takes.
func (s *station) waitFor(t *testing.T, bit control.Wake) {
	t.Helper()
	end := s.Now().Add(10 * time.Second)
	for s.Now().Before(end) {
		wake, err := s.Wait(end)
		if err != nil {
			t.Fatal(err)
		}
		if wake[0]&bit != 0 {
			return
		}
	}
	t.Fatalf("no wake %#x; counters %v", bit, nonzero(s.Stats()))
}

func nonzero(counts [control.Reasons]uint64) map[string]uint64 {
	m := make(map[string]uint64)
	for i, n := range counts {
		if n != 0 {
			m[control.Reason(i).String()] = n
		}
	}
	return m
}

var both = control.Of(0, 1)

// beatCommand orders beats of a leader in slot 0, the first at once.
func beatCommand(roster *control.Roster, to control.Bitmap) control.Command {
	return control.Command{
		Kind: control.CommandBeat, Now: 1, Ballot: control.NewBallot(0, 1, 0), Seq: 1, New: to, Old: to, WindowNS: uint64(time.Second),
		Beats: control.Beats{
			Digest: 77, Roster: roster.Version(), IntervalUS: 10_000, Rounds: 5, LeaseUS: 35_000,
			GraceNS: 1 << 62,
		},
	}
}

// beat has a leader in slot 0 send its next beat to both at once.
func (s *station) beat(t *testing.T, roster *control.Roster) {
	t.Helper()
	s.Stamp(0)
	if err := errors.Join(s.Apply(beatCommand(roster, both)), s.Trouble()); err != nil {
		t.Fatal(err)
	}
}

// asked is a beat as it might come from slot 0.
func asked(s *station, roster *control.Roster, round uint64) control.Outgoing {
	return control.Outgoing{To: both, Frame: control.Frame{
		Kind: control.KindBeat, Cluster: s.opt.ClusterID, Instance: 1, From: 0, To: control.ToAll,
		Ballot: control.NewBallot(0, 1, 0), Round: round,
		Ask: control.Ask{
			Seq: 1, Digest: 77, Roster: roster.Version(), IntervalUS: 10_000, Rounds: 5, LeaseUS: 35_000,
			UpperUS: control.NoUpper, New: both, Old: both,
		},
	}}
}

// TestKernelRound has a leader's beat answered by the other kernel, whichever way it travels
// and wherever the door hangs, and finds the echoes added up and the leader's agent woken.
func TestKernelRound(t *testing.T) {
	for _, attach := range []string{AttachNative, AttachTC, AttachGeneric} {
		for _, travel := range []string{"udp4", "udp6", TransportEther} {
			t.Run(attach+"/"+travel, func(t *testing.T) {
				w := (*wire)(nil)
				w, pair, roster := newPair(t, func(end int, o *Options) {
					o.Attach, o.Transport = attach, TransportUDP
					switch travel {
					case TransportEther:
						o.Transport = TransportEther
					case "udp6":
						o.Rails[0].Address = w.six(end)
					}
				})
				w.enter(t, 0)
				leader, member := pair[0], pair[1]
				if got := leader.Describe().Attach; got != attach {
					t.Fatalf("attached %s, want %s", got, attach)
				}
				leader.beat(t, roster)
				leader.waitFor(t, control.WakeQuorum)
				r, tally := leader.look(both)
				if tally.Votes != both || tally.Quorate != 1 || tally.Round != 1 {
					t.Errorf("tally: votes %v quorate %d round %d", tally.Votes, tally.Quorate, tally.Round)
				}
				if r.Accepted.Seq != 1 || r.Accepted.Digest != 77 {
					t.Errorf("leader's own register accepted %+v", r.Accepted)
				}
				for slot := range pair {
					m, h := &tally.Members[slot], &tally.Heard[slot]
					if h.Round != 1 || h.Answered != 1 || h.InTime != 1 || m.Round != 1 || m.Accepted.Seq != 1 {
						t.Errorf("slot %d: %+v, %+v; counters %v", slot, m, h, nonzero(pair[slot].Stats()))
					}
				}
				r, _ = member.look(both)
				if r.Promised != control.NewBallot(0, 1, 0) || r.Accepted.Seq != 1 || r.BeatRound != 1 {
					t.Errorf("member's register: %+v", r)
				}
				if n := member.Stats()[control.ReasonBeatTaken]; n != 1 {
					t.Errorf("member took %d beats: %v", n, nonzero(member.Stats()))
				}
			})
		}
	}
}

// TestKernelAdopt closes a plane and opens it again: same incarnation, same promises, the
// door never off.
func TestKernelAdopt(t *testing.T) {
	w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach = AttachTC })
	w.enter(t, 0)
	leader, member := pair[0], pair[1]
	if member.Describe().Adopted {
		t.Error("a new plane says that it adopted something")
	}
	if err := member.Close(); err != nil {
		t.Fatal(err)
	}
	leader.beat(t, roster)
	leader.waitFor(t, control.WakeQuorum) // the member's kernel voted while it had no agent
	before, _ := leader.look(both)

	w.enter(t, 1)
	again := &station{Kernel: openKernel(t, member.opt), slot: 1}
	r, _ := again.look(both)
	if !again.Describe().Adopted {
		t.Error("pinned state was not adopted")
	}
	if r.Incarnation != roster.Seats[1].Incarnation || r.Promised != before.Promised || r.Accepted != before.Accepted {
		t.Errorf("adopted register: %+v", r)
	}
	if got := again.Describe(); got.Attach != AttachTC || len(got.Refused) != 0 || got.Pacing.Refused != ByConfiguration {
		t.Errorf("description after adoption: %+v", got)
	}
	w.enter(t, 0)
	leader.beat(t, roster)
	again.waitFor(t, control.WakeSilent) // the leader stops: the adopted timer tells
}

// TestKernelVacate draws another incarnation and forgets the group.
func TestKernelVacate(t *testing.T) {
	_, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach = AttachTC })
	s := pair[1]
	if err := s.Apply(control.Command{Kind: control.CommandVacate}); err != nil {
		t.Fatal(err)
	}
	r, _ := s.look(both)
	if r.State != control.RegisterVacant || r.Incarnation == 0 || r.Incarnation == roster.Seats[1].Incarnation {
		t.Errorf("vacated register: %+v", r)
	}
}

// TestKernelSecondAgent refuses a second agent on the same pins, and names the first.
func TestKernelSecondAgent(t *testing.T) {
	newWire(t)
	opt := testOptions(pinDir(t))
	opt.Attach = AttachAuto
	openKernel(t, opt)
	_, err := Open(opt)
	if err == nil || !strings.Contains(err.Error(), "another rollcalld (pid ") || strings.Contains(err.Error(), "unknown") {
		t.Fatalf("second open: %v", err)
	}
	opt.PinDir = pinDir(t)
	opt.Attach = AttachTC
	opt.Transport = TransportEther // the port is taken too
	if _, err = OpenKernel(opt); err == nil || !strings.Contains(err.Error(), "rc_tc_door") {
		t.Fatalf("second door on the interface: %v", err)
	}
	if _, err := os.Stat(opt.PinDir); err == nil {
		t.Error("a refused start left something pinned")
	}
}

// TestKernelHookTaken names the program that is in the way, and auto goes around it.
func TestKernelHookTaken(t *testing.T) {
	newWire(t)
	pass(t)
	opt := testOptions(pinDir(t))
	opt.Attach = AttachNative
	_, err := OpenKernel(opt)
	if err == nil || !strings.Contains(err.Error(), "pass_all") || !strings.Contains(err.Error(), "xdp off") {
		t.Fatalf("taken hook: %v", err)
	}
	opt.Attach = AttachAuto
	k := openKernel(t, opt)
	if d := k.Describe(); d.Attach != AttachTC || len(d.Refused) != 1 {
		t.Errorf("description: %+v", d)
	}
}

// TestKernelNoHook says so when a device has no native hook, and auto goes around it.
func TestKernelNoHook(t *testing.T) {
	newWire(t)
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
	if err := netlink.LinkAdd(bridge); err != nil {
		t.Fatal("make a bridge:", err)
	}
	opt := testOptions(pinDir(t))
	opt.Rails, opt.Transport, opt.Attach = []Rail{{Interface: "br0"}}, TransportEther, AttachNative
	_, err := OpenKernel(opt)
	if err == nil || !strings.Contains(err.Error(), "no such hook") {
		t.Fatalf("native on a bridge: %v", err)
	}
	opt.Attach = AttachAuto
	k := openKernel(t, opt)
	if d := k.Describe(); d.Attach != AttachTC || len(d.Refused) != 1 {
		t.Errorf("description: %+v", d)
	}
}

// TestKernelNativeOnVeth does as it is told, and says where the replies go.
func TestKernelNativeOnVeth(t *testing.T) {
	newWire(t)
	opt := testOptions(pinDir(t))
	opt.Attach = AttachNative
	k := openKernel(t, opt)
	if d := k.Describe(); d.Attach != AttachNative || !strings.Contains(d.Warning, "other end") {
		t.Errorf("description: %+v", d)
	}
	k.Close()
	if d := openKernel(t, opt).Describe(); !d.Adopted || !strings.Contains(d.Warning, "other end") {
		t.Errorf("description after a restart: %+v", d)
	}
}

// TestKernelAutoOnVeth takes native XDP only where the other end lets replies through.
func TestKernelAutoOnVeth(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		newWire(t)
		k := openKernel(t, testOptions(pinDir(t)))
		if d := k.Describe(); d.Attach != AttachTC || len(d.Refused) != 1 || !strings.Contains(d.Refused[0], "other end") {
			t.Errorf("description: %+v", d)
		}
	})
	t.Run("passing", func(t *testing.T) {
		w := newWire(t)
		w.enter(t, 1)
		pass(t)
		w.enter(t, 0)
		k := openKernel(t, testOptions(pinDir(t)))
		if d := k.Describe(); d.Attach != AttachNative || len(d.Refused) != 0 || d.Warning != "" {
			t.Errorf("description: %+v", d)
		}
	})
}
