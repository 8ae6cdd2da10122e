package control

// Relay is what a member passed on for one asker: a beat or a probe, and the answer to it. It has
// the layout of struct rc_relay in bpf/relay.h.
//
// A member that cannot be reached, or whose answers get lost on the way, is not dead. Whoever asks
// it directly in vain asks it through others as well: FlagRelay and Via are in the frame that it
// signs, To is whom it asks, and the member in slot Via sends the frame on as it is. The answer
// keeps flag and slot, and so takes the same way back.
//
// Passing on makes neither loops nor more frames than there were. A frame names one member that
// passes it on, and that one sends it to another slot, where it is served or dropped. What is
// passed on is signed, from one member to another of the same view, not older than the ballot
// promised here, once to each member in a round of the asker's, and one answer back.
//
// No lease rests on the way that a frame took. A relayed beat is the round's own beat once more, Sent
// with it, so its echo is in time only within an interval of the round, and an echo extends a
// lease from when it left, or when the first for that round did: lease rules 1, 2 and 4
// speak of nothing else.
type Relay struct {
	Incarnation uint64 // of the register that did
	Ballot      Ballot
	Round       uint64
	Asked       Bitmap // who was asked in this round
	Answered    Bitmap // whose answer went back
}

// Relays is what was passed on, by the slot of the asker.
type Relays [Slots]Relay

// Passes reports whether the frame is for another member, and this one is to pass it on.
func (r *Register) Passes(f *Frame) bool {
	return f.Flags&FlagRelay != 0 && r.State == RegisterMember && f.Via == r.Slot && f.To != r.Slot &&
		f.Cluster == r.Cluster && f.Instance == r.Instance && f.Level == r.Level && f.Group == r.Group
}

// PassOn decides on a frame that Passes: with Outcome.PassOn it leaves for the slot in f.To,
// unchanged.
func (r *Register) PassOn(relays *Relays, f *Frame) Outcome {
	asker, member, answer := f.From, f.To, false
	switch f.Kind {
	case KindBeat, KindProbe:
	case KindEcho, KindAnswer:
		asker, member, answer = f.To, f.From, true
	default:
		return Outcome{Reason: ReasonBadKind}
	}
	members := &r.Committed.Members
	if f.From >= Slots || f.To >= Slots || f.From == r.Slot || f.From == f.To || !members.Has(f.From) || !members.Has(f.To) {
		return Outcome{Reason: ReasonBadSlot}
	}
	x := &relays[asker]
	known := x.Incarnation == r.Incarnation
	same := known && f.Ballot == x.Ballot && f.Round == x.Round
	switch {
	case f.Ballot < r.Promised, !answer && known && f.Ballot < x.Ballot:
		return Outcome{Reason: ReasonOldBallot}
	case answer && (!same || !x.Asked.Has(member)):
		return Outcome{Reason: ReasonNotAsking}
	case !answer && known && f.Ballot == x.Ballot && f.Round < x.Round:
		return Outcome{Reason: ReasonOldRound}
	case !same:
		*x = Relay{Incarnation: r.Incarnation, Ballot: f.Ballot, Round: f.Round}
	}
	done := &x.Asked
	if answer {
		done = &x.Answered
	}
	if done.Has(member) {
		return Outcome{Reason: ReasonReplayed}
	}
	done.Set(member)
	return Outcome{Reason: ReasonRelayed, PassOn: true}
}
