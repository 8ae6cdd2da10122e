package dataplane

import (
	"bytes"
	"testing"

	"rollcall/control"
)

// relayed is what a leader in slot 2 asks the member in slot to, through the member in slot via.
func relayed(kind control.Kind, round uint64, via, to uint16) control.Frame {
	f := goodBeat()
	f.Kind, f.Round, f.Flags, f.Via, f.To = kind, round, control.FlagRelay, via, to
	return f
}

// TestKernelRelay has the kernel program pass frames on, and refuse to.
func TestKernelRelay(t *testing.T) {
	k := openTestKernel(t)
	const ether, udp4, udp6, nowhere = 200, 1, 254, 3 // see wayBy
	answer := func(f control.Frame) control.Frame {
		f.Kind, f.From, f.To = f.Kind+1, f.To, f.From // an ask's answer is the next kind
		f.Ask = control.Ask{}
		return f
	}
	for _, door := range testDoors {
		t.Run(door.name, func(t *testing.T) {
			k.TB = t
			k.place()
			*k.relay(0, int(leaderSlot)) = control.Relay{}
			b := goodBeat()
			b.Ask.New = control.Of(1, 2, 3, 5, 200, 254)
			b.Ask.Committed = b.Ask.Seq
			k.run(door.program, packet(overEther, signedFrame(b)))
			ask := relayed(control.KindBeat, 11, ownSlot, ether)
			for _, c := range []struct {
				name string
				over carrier
				f    control.Frame
				want control.Reason
			}{
				{"a beat", overEther, ask, control.ReasonRelayed},
				{"the same again", overEther, ask, control.ReasonReplayed},
				{"its echo", overUDP6, answer(ask), control.ReasonRelayed},
				{"its echo again", overUDP6, answer(ask), control.ReasonReplayed},
				{"to another", overUDP4, relayed(control.KindBeat, 11, ownSlot, udp4), control.ReasonRelayed},
				{"to a third", overUDP6, relayed(control.KindBeat, 11, ownSlot, udp6), control.ReasonRelayed},
				{"by another transport", overUDP4, relayed(control.KindBeat, 12, ownSlot, ether), control.ReasonNoWay},
				{"to where no way leads", overEther, relayed(control.KindBeat, 12, ownSlot, nowhere), control.ReasonNoWay},
				{"of an old round", overEther, ask, control.ReasonOldRound},
				{"an echo that nobody asked for", overUDP6, answer(relayed(control.KindBeat, 12, ownSlot, udp6)), control.ReasonNotAsking},
				{"a probe", overEther, relayed(control.KindProbe, 13, ownSlot, ether), control.ReasonRelayed},
				{"a prepare", overEther, relayed(control.KindPrepare, 14, ownSlot, ether), control.ReasonBadKind},
				{"to nobody", overEther, relayed(control.KindBeat, 14, ownSlot, 9), control.ReasonBadSlot},
				{"to all", overEther, relayed(control.KindBeat, 14, ownSlot, control.ToAll), control.ReasonBadSlot},
				{"back to its sender", overEther, relayed(control.KindBeat, 14, ownSlot, leaderSlot), control.ReasonBadSlot},
				{"through another", overEther, relayed(control.KindBeat, 14, 1, ether), control.ReasonBadSlot},
				{"to this one", overEther, relayed(control.KindProbe, 14, 1, ownSlot), control.ReasonProbeAnswered},
			} {
				in := signedFrame(c.f)
				before := *k.counters()
				action, out := k.run(door.program, packet(c.over, in))
				before[c.want]++
				if *k.counters() != before {
					t.Errorf("%s: not counted as %v alone", c.name, c.want)
				}
				switch {
				case c.want == control.ReasonRelayed:
					want, _ := passOn(0, c.over, in)
					if action != door.send || !bytes.Equal(out, want) {
						t.Errorf("%s: action %d\n%x, want\n%x", c.name, action, out, want)
					}
				case c.want == control.ReasonProbeAnswered:
					f, _ := ParseFrame(out[c.over.at():], &twinKeys)
					if action != door.send || f.Flags != control.FlagRelay || f.Via != 1 || f.To != leaderSlot {
						t.Errorf("%s: action %d, the answer does not go back as the ask came: %+v", c.name, action, f)
					}
				case action != door.drop:
					t.Errorf("%s: action %d, want it dropped", c.name, action)
				}
			}
		})
	}
}

// TestKernelRepeats answers the last beat again where it is for this slot alone.
func TestKernelRepeats(t *testing.T) {
	k := openTestKernel(t)
	k.place()
	run := func(to uint16) control.Frame {
		f := goodBeat()
		f.To = to
		_, out := k.run(testDoors[0].program, packet(overEther, signedFrame(f)))
		f, _ = ParseFrame(out[14:], &twinKeys)
		return f
	}
	first := run(control.ToAll)
	register := *k.register(0)
	if again := run(ownSlot); again != first {
		t.Errorf("answered %+v, then %+v", first, again)
	}
	if got := *k.register(0); got.Echoed != register.Echoed || got.LeaseUntil != register.LeaseUntil || got.BeatAt != register.BeatAt {
		t.Errorf("the register took the beat twice: %+v, then %+v", register, got)
	}
	if run(control.ToAll); k.counters()[control.ReasonOldRound] != 1 {
		t.Error("a beat for all was answered twice")
	}
}
