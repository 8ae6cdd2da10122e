package dataplane

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/control"
)

const (
	packetCluster  = uint64(0xc1)
	packetInstance = uint32(3)
	ownSlot        = uint16(5)
	leaderSlot     = uint16(2)
	packetTime     = control.Time(1_000_000_000)
)

// goodBeat is a beat that a joining register in slot 5 of group 7 takes.
func goodBeat() control.Frame {
	return control.Frame{
		Kind: control.KindBeat, Cluster: packetCluster, Instance: packetInstance, Group: 7,
		From: leaderSlot, To: control.ToAll, Ballot: control.NewBallot(1, 1, leaderSlot), Round: 10, Sent: 77,
		Ask: control.Ask{
			Seq: 4, Committed: 3, Digest: 0xd4, Roster: 0x4057, Epoch: 9,
			IntervalUS: 10000, Rounds: 5, LeaseUS: 35000, UpperUS: control.NoUpper,
			New: control.Of(1, 2, 5, 200), Old: control.Of(1, 2, 5),
			Heard1: control.Of(1), Heard2: control.Of(1, 5), Stale: control.Of(1),
		},
	}
}

// goodEcho answers the round-10 beat of this host, which leads in slot 5, from slot 2.
func goodEcho() control.Frame {
	ballot := control.NewBallot(1, 1, ownSlot)
	return control.Frame{
		Kind: control.KindEcho, Cluster: packetCluster, Instance: packetInstance, Group: 7,
		From: leaderSlot, To: ownSlot, Ballot: ballot, Round: 10, Sent: packetTime - 1000,
		Reply: control.Reply{
			Incarnation: 0x12, Promised: ballot, Committed: 3, Roster: 0x4057, SilenceUS: 10, AgentAgeMS: 20, Health: 1,
			Accepted: control.Proposal{Ballot: ballot, Seq: 4, Digest: 0xd4, Roster: 0x4057, New: control.Of(2, 5), Old: control.Of(2, 5)},
			WireMin:  1, WireMax: 1,
		},
	}
}

// place gives the kernel a register in slot 5 of group 7, and a tally that asks as its leader.
func (k *testKernel) place() {
	k.setTime(packetTime)
	k.command(0, &control.Command{Kind: control.CommandVacate, Incarnation: 0xabc})
	k.command(0, &control.Command{Kind: control.CommandJoin, Cluster: packetCluster, Instance: packetInstance, Group: 7, Slot: ownSlot})
	k.command(0, &control.Command{Kind: control.CommandHold, Rosters: [4]uint64{0x4057}})
	k.member(0, int(leaderSlot)).Expected = 0x12
	k.command(0, &control.Command{
		Kind: control.CommandAsk, Ballot: control.NewBallot(1, 1, ownSlot), Seq: 4, WindowNS: uint64(10 * time.Millisecond),
		New: control.Of(2, 5), Old: control.Of(2, 5),
	})
	k.tally(0).Round = 10
}

func signedFrame(f control.Frame) []byte { return AppendFrame(nil, &f, &twinKeys) }

// overwrite replaces bytes of a packet.
func overwrite(at int, with ...byte) func([]byte, carrier) []byte {
	return func(b []byte, _ carrier) []byte {
		copy(b[at:], with)
		return b
	}
}

// inFrame replaces bytes of the frame in a packet, without signing it anew.
func inFrame(at int, with ...byte) func([]byte, carrier) []byte {
	return func(b []byte, t carrier) []byte {
		copy(b[t.at()+at:], with)
		return b
	}
}

// reframe carries the beat after a change, signed.
func reframe(change func(*control.Frame)) func([]byte, carrier) []byte {
	return func(_ []byte, t carrier) []byte {
		f := goodBeat()
		change(&f)
		return packet(t, signedFrame(f))
	}
}

// prioritized puts a tag in front that names no VLAN, only a priority.
func prioritized(b []byte, _ carrier) []byte { return slices.Insert(b, 12, 0x81, 0x00, 0xe0, 0) }

func vlan(tags int) func([]byte, carrier) []byte {
	return func(b []byte, _ carrier) []byte {
		for range tags {
			b = slices.Insert(b, 12, 0x81, 0x00, 0, 42)
		}
		return b
	}
}

// packetCases are a good beat and what one change makes of it. Reason none: not counted,
// since not ours.
var packetCases = []struct {
	name   string
	only   []carrier // all when empty
	change func([]byte, carrier) []byte
	want   verdict
	reason control.Reason
}{
	{name: "good", want: sent, reason: control.ReasonBeatTaken},
	{name: "to own slot", change: reframe(func(f *control.Frame) { f.To = ownSlot }), want: sent, reason: control.ReasonBeatTaken},
	{name: "roster missing", change: reframe(func(f *control.Frame) { f.Ask.Roster++ }), want: sent, reason: control.ReasonRosterMissing},
	{name: "probe", change: reframe(func(f *control.Frame) { f.Kind = control.KindProbe }), want: sent, reason: control.ReasonProbeAnswered},
	{name: "prepare", change: reframe(func(f *control.Frame) { f.Kind = control.KindPrepare }), want: sent, reason: control.ReasonPromised},
	{name: "hand-over to a joining node", change: reframe(func(f *control.Frame) { f.Kind = control.KindHandOver }), want: dropped, reason: control.ReasonOldBallot},
	{name: "second key", change: func(_ []byte, t carrier) []byte {
		f := goodBeat()
		f.Key = 1
		return packet(t, AppendFrame(nil, &f, &twinKeys))
	}, want: sent, reason: control.ReasonBeatTaken},
	{name: "group address", only: []carrier{overEther}, change: overwrite(0, hostGroup[:]...), want: sent, reason: control.ReasonBeatTaken},
	{name: "trailer behind the datagram", only: []carrier{overUDP4, overUDP6}, change: func(b []byte, _ carrier) []byte { return append(b, 1, 2) }, want: sent, reason: control.ReasonBeatTaken},

	{name: "another ethertype", only: []carrier{overEther}, change: overwrite(12, 0x88, 0xb6), want: passed},
	{name: "another port", only: []carrier{overUDP4}, change: overwrite(36, 0x1e, 0x43), want: passed},
	{name: "another port", only: []carrier{overUDP6}, change: overwrite(56, 0x1e, 0x43), want: passed},
	{name: "from another port", only: []carrier{overUDP4}, change: overwrite(34, 0x80, 0x01), want: sent, reason: control.ReasonBeatTaken},
	{name: "tcp", only: []carrier{overUDP4}, change: overwrite(23, 6), want: passed},
	{name: "extension header", only: []carrier{overUDP6}, change: overwrite(20, 0), want: passed},
	{name: "first fragment", only: []carrier{overUDP4}, change: overwrite(20, 0x20), want: passed},
	{name: "later fragment", only: []carrier{overUDP4}, change: overwrite(21, 1), want: passed},
	{name: "options", only: []carrier{overUDP4}, change: overwrite(14, 0x46), want: passed},
	{name: "three tags", change: vlan(3), want: passed},

	{name: "one tag", change: vlan(1), want: passed, reason: control.ReasonVLANTagged},
	{name: "two tags", change: vlan(2), want: passed, reason: control.ReasonVLANTagged},
	{name: "a priority tag", change: prioritized, want: sent, reason: control.ReasonBeatTaken},
	{name: "a priority tag before a tag", change: func(b []byte, t carrier) []byte { return prioritized(vlan(1)(b, t), t) }, want: passed, reason: control.ReasonVLANTagged},
	{name: "to another MAC", change: overwrite(5, 2), want: passed, reason: control.ReasonBadDestination},
	{name: "broadcast", change: overwrite(0, 255, 255, 255, 255, 255, 255), want: passed, reason: control.ReasonBadDestination},
	{name: "group address", only: []carrier{overUDP4, overUDP6}, change: overwrite(0, hostGroup[:]...), want: passed, reason: control.ReasonBadDestination},
	{name: "to another address", only: []carrier{overUDP4}, change: overwrite(33, 4), want: passed, reason: control.ReasonBadDestination},
	{name: "to another address", only: []carrier{overUDP6}, change: overwrite(53, 4), want: passed, reason: control.ReasonBadDestination},

	{name: "short", change: func(b []byte, t carrier) []byte { return packet(t, b[t.at():len(b)-1]) }, want: dropped, reason: control.ReasonBadLength},
	{name: "long", change: func(b []byte, t carrier) []byte { return packet(t, append(b[t.at():], 0)) }, want: dropped, reason: control.ReasonBadLength},
	{name: "empty", change: func(b []byte, t carrier) []byte { return packet(t, nil) }, want: dropped, reason: control.ReasonBadLength},
	{name: "cut off", change: func(b []byte, _ carrier) []byte { return b[:len(b)-1] }, want: dropped, reason: control.ReasonBadLength},
	{name: "lengths disagree", only: []carrier{overUDP4}, change: overwrite(16, 1, 0), want: dropped, reason: control.ReasonBadLength},
	{name: "lengths disagree", only: []carrier{overUDP6}, change: overwrite(18, 1, 0), want: dropped, reason: control.ReasonBadLength},
	{name: "magic", change: inFrame(0, 'r'), want: dropped, reason: control.ReasonBadVersion},
	{name: "version", change: inFrame(4, 2), want: dropped, reason: control.ReasonBadVersion},
	{name: "kind 0", change: inFrame(5, 0), want: dropped, reason: control.ReasonBadKind},
	{name: "kind 8", change: inFrame(5, 8), want: dropped, reason: control.ReasonBadKind},
	{name: "tag", change: inFrame(15, 0), want: dropped, reason: control.ReasonBadTag},
	{name: "unsigned change", change: inFrame(287, 1), want: dropped, reason: control.ReasonBadTag},
	{name: "the other key", change: inFrame(34, 1), want: dropped, reason: control.ReasonBadTag},
	{name: "no such key", change: inFrame(34, 2), want: dropped, reason: control.ReasonUnknownKey},
	{name: "cluster", change: reframe(func(f *control.Frame) { f.Cluster++ }), want: dropped, reason: control.ReasonBadCluster},
	{name: "earlier instance", change: reframe(func(f *control.Frame) { f.Instance-- }), want: dropped, reason: control.ReasonBadInstance},
	{name: "later instance", change: reframe(func(f *control.Frame) { f.Instance++ }), want: dropped, reason: control.ReasonHigherInstance},
	{name: "group", change: reframe(func(f *control.Frame) { f.Group++ }), want: dropped, reason: control.ReasonNotMember},
	{name: "level", change: reframe(func(f *control.Frame) { f.Level = 1 }), want: dropped, reason: control.ReasonNotMember},
	{name: "no such level", change: reframe(func(f *control.Frame) { f.Level = 4 }), want: dropped, reason: control.ReasonNotMember},
	{name: "another slot", change: reframe(func(f *control.Frame) { f.To = 6 }), want: dropped, reason: control.ReasonBadSlot},
	{name: "no such slot", change: reframe(func(f *control.Frame) { f.To = 300 }), want: dropped, reason: control.ReasonBadSlot},

	{name: "echo", change: func(_ []byte, t carrier) []byte { return packet(t, signedFrame(goodEcho())) }, want: dropped, reason: control.ReasonEchoTaken},
	{name: "promise unasked", change: func(_ []byte, t carrier) []byte {
		f := goodEcho()
		f.Kind = control.KindPromise
		return packet(t, signedFrame(f))
	}, want: dropped, reason: control.ReasonNotAsking},
	{name: "through a member, at its end", change: reframe(func(f *control.Frame) { f.To, f.Flags, f.Via = ownSlot, control.FlagRelay, 1 }), want: sent, reason: control.ReasonBeatTaken},
	{name: "through another member", change: reframe(func(f *control.Frame) { f.To, f.Flags, f.Via = 200, control.FlagRelay, 1 }), want: dropped, reason: control.ReasonBadSlot},
	{name: "to pass on, before any view", change: reframe(func(f *control.Frame) { f.To, f.Flags, f.Via = 200, control.FlagRelay, ownSlot }), want: dropped, reason: control.ReasonBadSlot},

	{name: "answer", change: func(_ []byte, t carrier) []byte {
		f := goodEcho()
		f.Kind = control.KindAnswer
		return packet(t, signedFrame(f))
	}, want: dropped, reason: control.ReasonAnswerTaken},
	{name: "echo of a stranger", change: func(_ []byte, t carrier) []byte {
		f := goodEcho()
		f.Reply.Incarnation++
		return packet(t, signedFrame(f))
	}, want: dropped, reason: control.ReasonStranger},
	{name: "echo from nobody's slot", change: func(_ []byte, t carrier) []byte {
		f := goodEcho()
		f.From = 9
		return packet(t, signedFrame(f))
	}, want: dropped, reason: control.ReasonBadSlot},
	{name: "echo from no slot", change: func(_ []byte, t carrier) []byte {
		f := goodEcho()
		f.From = 256
		return packet(t, signedFrame(f))
	}, want: dropped, reason: control.ReasonBadSlot},
	{name: "echo to a round not sent", change: func(_ []byte, t carrier) []byte {
		f := goodEcho()
		f.Round++
		return packet(t, signedFrame(f))
	}, want: dropped, reason: control.ReasonStale},
}

func TestKernelPackets(t *testing.T) {
	k := openTestKernel(t)
	for _, door := range testDoors {
		for _, c := range packetCases {
			on := c.only
			if len(on) == 0 {
				on = carriers
			}
			for _, tr := range on {
				t.Run(door.name+"/"+tr.String()+"/"+c.name, func(t *testing.T) {
					k.TB = t
					k.place()
					b := packet(tr, signedFrame(goodBeat()))
					if c.change != nil {
						b = c.change(b, tr)
					}
					before := *k.counters()
					action, out := k.run(door.program, b)
					want := [...]uint32{passed: door.pass, dropped: door.drop, sent: door.send}[c.want]
					if action != want {
						t.Errorf("action %d, want %d", action, want)
					}
					if c.want != sent && !bytes.Equal(out, untagged(b)) {
						t.Errorf("a packet that is not answered was changed")
					}
					if c.reason != control.ReasonNone {
						before[c.reason]++
					}
					if diff := cmp.Diff(before, *k.counters()); diff != "" {
						t.Errorf("counters (-want +got), want one more of %v:\n%s", c.reason, diff)
					}
				})
			}
		}
	}
}

// TestKernelAnswer compares the answer to the good beat with one composed by hand.
func TestKernelAnswer(t *testing.T) {
	k := openTestKernel(t)
	for _, door := range testDoors {
		for _, tr := range carriers {
			for _, tag := range []string{"", "/tagged"} {
				t.Run(door.name+"/"+tr.String()+tag, func(t *testing.T) {
					k.TB = t
					k.place()
					beat := goodBeat()
					ask := packet(tr, signedFrame(beat))
					if tag != "" {
						ask = prioritized(ask, tr)
					}
					_, out := k.run(door.program, ask)
					got, why := ParseFrame(out[tr.at():], &twinKeys)
					if why != control.ReasonNone {
						t.Fatalf("the answer is no good frame: %v", why)
					}
					a := beat.Ask
					want := control.Frame{
						Kind: control.KindEcho, Cluster: packetCluster, Instance: packetInstance, Group: 7,
						From: ownSlot, To: leaderSlot, Ballot: beat.Ballot, Round: 10, Sent: 77,
						Reply: control.Reply{
							Incarnation: 0xabc, Promised: beat.Ballot, Committed: 3, Roster: 0x4057,
							Accepted:   control.Proposal{Ballot: beat.Ballot, Seq: 4, Digest: 0xd4, Roster: 0x4057, New: a.New, Old: a.Old},
							AgentAgeMS: control.NoAgent, WireMin: 1, WireMax: 1,
						},
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("answer (-want +got):\n%s", diff)
					}
					checkHeaders(t, tr, out)
					if s := k.register(0).State; s != control.RegisterMember {
						t.Errorf("register state %d, want member", s)
					}
				})
			}
		}
	}
}

// checkHeaders looks at what carries an answer from the tests' host to the peer.
func checkHeaders(t *testing.T, tr carrier, b []byte) {
	t.Helper()
	if len(b) != tr.at()+FrameLen || !bytes.Equal(b[:6], peerMAC[:]) || !bytes.Equal(b[6:12], hostMAC[:]) {
		t.Errorf("%d bytes from %x to %x", len(b), b[6:12], b[:6])
	}
	switch tr {
	case overUDP4:
		if !bytes.Equal(b[26:30], hostIP4[:]) || !bytes.Equal(b[30:34], peerIP4[:]) || sum(b[14:34]) != 0xffff {
			t.Errorf("bad IPv4 header %x", b[14:34])
		}
		if check := binary.BigEndian.Uint16(b[40:]); check != 0 {
			t.Errorf("UDP checksum %#x, want none", check)
		}
	case overUDP6:
		if !bytes.Equal(b[22:38], hostIP6[:]) || !bytes.Equal(b[38:54], peerIP6[:]) {
			t.Errorf("bad IPv6 header %x", b[14:54])
		}
		if got, want := binary.BigEndian.Uint16(b[60:]), udp6Sum(b[14:54], b[54:]); got != want {
			t.Errorf("UDP checksum %#x, want %#x", got, want)
		}
	}
	if tr != overEther && (binary.BigEndian.Uint16(b[tr.at()-8:]) != DefaultPort || binary.BigEndian.Uint16(b[tr.at()-6:]) != DefaultPort) {
		t.Errorf("bad ports %x", b[tr.at()-8:tr.at()-4])
	}
}
