package dataplane

import (
	"encoding/binary"

	"rollcall/control"
)

// The form of a frame on the wire, which bpf/wire.h defines.
const (
	FrameLen = 288        // bytes of every frame
	magic    = 0x52434c31 // "RCL1"
)

// Where the header's fields are. The tag covers everything but itself.
const (
	atMagic    = 0
	atVersion  = 4
	atKind     = 5
	atLevel    = 6
	atFlags    = 7
	atTag      = 8
	atCluster  = 16
	atInstance = 24
	atGroup    = 28
	atFrom     = 30
	atTo       = 32
	atKey      = 34
	atVia      = 36
	atBallot   = 40
	atRound    = 48
	atSent     = 56
)

// Where an ask's fields are.
const (
	atSeq          = 64
	atAskCommitted = 72
	atDigest       = 80
	atAskRoster    = 88
	atEpoch        = 96
	atPrior        = 104 // of a beat:
	atEpochDigest  = 104
	atInterval     = 112
	atRounds       = 116
	atLease        = 120
	atUpper        = 124
	atNew          = 128
	atOld          = 160
	atHeard1       = 192
	atHeard2       = 224
	atStale        = 256
)

// Where a reply's fields are.
const (
	atIncarnation     = 64
	atPromised        = 72
	atAcceptedBallot  = 80
	atAcceptedSeq     = 88
	atAcceptedDigest  = 96
	atAcceptedRoster  = 104
	atAcceptedNew     = 112
	atAcceptedOld     = 144
	atCommitted       = 176
	atRoster          = 184
	atSilence         = 192
	atAgentAge        = 196
	atHealth          = 200
	atWireMin         = 202
	atWireMax         = 203
	atBelowGeneration = 204
	atBelowGroup      = 206
	atBelowSeq        = 208
	atBelowDigest     = 216
	atBelowMembers    = 224
	atKeys            = 256
)

// AppendFrame appends f as it goes on the wire, signed with the key that it names.
func AppendFrame(b []byte, f *control.Frame, keys *Keys) []byte {
	var w [FrameLen]byte
	binary.BigEndian.PutUint32(w[atMagic:], magic)
	w[atVersion] = control.WireVersion
	w[atKind] = byte(f.Kind)
	w[atLevel] = f.Level
	w[atFlags] = byte(f.Flags)
	binary.BigEndian.PutUint64(w[atCluster:], f.Cluster)
	binary.BigEndian.PutUint32(w[atInstance:], f.Instance)
	binary.BigEndian.PutUint16(w[atGroup:], f.Group)
	binary.BigEndian.PutUint16(w[atFrom:], f.From)
	binary.BigEndian.PutUint16(w[atTo:], f.To)
	w[atKey] = f.Key
	binary.BigEndian.PutUint16(w[atVia:], f.Via)
	binary.BigEndian.PutUint64(w[atBallot:], uint64(f.Ballot))
	binary.BigEndian.PutUint64(w[atRound:], f.Round)
	binary.BigEndian.PutUint64(w[atSent:], uint64(f.Sent))
	if isAsk(f.Kind) {
		putAsk(&w, f.Kind, &f.Ask)
	} else {
		putReply(&w, &f.Reply)
	}
	binary.BigEndian.PutUint64(w[atTag:], keys.tag(f.Key, &w))
	return append(b, w[:]...)
}

// ParseFrame reads a frame and says what is wrong with it: ReasonNone when it has the right
// length, magic and version, a known kind, a key that is held and a good tag, checked in this order; of a frame
// that is wrong in several ways the first counts. A wrong magic counts as a wrong version.
// Whom the frame concerns (cluster, instance, group, slot) is the caller's to check, after this.
func ParseFrame(b []byte, keys *Keys) (f control.Frame, why control.Reason) {
	if len(b) != FrameLen {
		return f, control.ReasonBadLength
	}
	if binary.BigEndian.Uint32(b[atMagic:]) != magic || b[atVersion] != control.WireVersion {
		return f, control.ReasonBadVersion
	}
	kind := control.Kind(b[atKind])
	if kind < control.KindBeat || kind > control.KindHandOver {
		return f, control.ReasonBadKind
	}
	if !keys.has(b[atKey]) {
		return f, control.ReasonUnknownKey
	}
	if !signed(b, keys) {
		return f, control.ReasonBadTag
	}
	f.Kind = kind
	f.Level = b[atLevel]
	f.Flags = control.Flags(b[atFlags])
	f.Cluster = binary.BigEndian.Uint64(b[atCluster:])
	f.Instance = binary.BigEndian.Uint32(b[atInstance:])
	f.Group = binary.BigEndian.Uint16(b[atGroup:])
	f.From = binary.BigEndian.Uint16(b[atFrom:])
	f.To = binary.BigEndian.Uint16(b[atTo:])
	f.Key = b[atKey]
	f.Via = binary.BigEndian.Uint16(b[atVia:])
	f.Ballot = control.Ballot(binary.BigEndian.Uint64(b[atBallot:]))
	f.Round = binary.BigEndian.Uint64(b[atRound:])
	f.Sent = control.Time(binary.BigEndian.Uint64(b[atSent:]))
	if isAsk(kind) {
		getAsk(b, kind, &f.Ask)
	} else {
		getReply(b, &f.Reply)
	}
	return f, control.ReasonNone
}

// isAsk reports whether frames of the kind carry an Ask; the others carry a Reply.
func isAsk(k control.Kind) bool {
	switch k {
	case control.KindBeat, control.KindPrepare, control.KindProbe, control.KindHandOver:
		return true
	}
	return false
}

// signed reports whether the frame's tag is that of the key it names.
func signed(b []byte, keys *Keys) bool {
	w := [FrameLen]byte(b)
	tag := binary.BigEndian.Uint64(w[atTag:])
	binary.BigEndian.PutUint64(w[atTag:], 0)
	return keys.tag(w[atKey], &w) == tag
}

func putAsk(w *[FrameLen]byte, kind control.Kind, a *control.Ask) {
	binary.BigEndian.PutUint64(w[atSeq:], a.Seq)
	binary.BigEndian.PutUint64(w[atAskCommitted:], a.Committed)
	binary.BigEndian.PutUint64(w[atDigest:], a.Digest)
	binary.BigEndian.PutUint64(w[atAskRoster:], a.Roster)
	binary.BigEndian.PutUint64(w[atEpoch:], a.Epoch)
	if kind == control.KindBeat {
		binary.BigEndian.PutUint64(w[atEpochDigest:], a.EpochDigest)
	} else {
		binary.BigEndian.PutUint64(w[atPrior:], uint64(a.Prior))
	}
	binary.BigEndian.PutUint32(w[atInterval:], a.IntervalUS)
	binary.BigEndian.PutUint16(w[atRounds:], a.Rounds)
	binary.BigEndian.PutUint32(w[atLease:], a.LeaseUS)
	binary.BigEndian.PutUint32(w[atUpper:], a.UpperUS)
	putBitmap(w[atNew:], &a.New)
	putBitmap(w[atOld:], &a.Old)
	putBitmap(w[atHeard1:], &a.Heard1)
	putBitmap(w[atHeard2:], &a.Heard2)
	putBitmap(w[atStale:], &a.Stale)
}

func getAsk(b []byte, kind control.Kind, a *control.Ask) {
	a.Seq = binary.BigEndian.Uint64(b[atSeq:])
	a.Committed = binary.BigEndian.Uint64(b[atAskCommitted:])
	a.Digest = binary.BigEndian.Uint64(b[atDigest:])
	a.Roster = binary.BigEndian.Uint64(b[atAskRoster:])
	a.Epoch = binary.BigEndian.Uint64(b[atEpoch:])
	if kind == control.KindBeat {
		a.EpochDigest = binary.BigEndian.Uint64(b[atEpochDigest:])
	} else {
		a.Prior = control.Ballot(binary.BigEndian.Uint64(b[atPrior:]))
	}
	a.IntervalUS = binary.BigEndian.Uint32(b[atInterval:])
	a.Rounds = binary.BigEndian.Uint16(b[atRounds:])
	a.LeaseUS = binary.BigEndian.Uint32(b[atLease:])
	a.UpperUS = binary.BigEndian.Uint32(b[atUpper:])
	getBitmap(b[atNew:], &a.New)
	getBitmap(b[atOld:], &a.Old)
	getBitmap(b[atHeard1:], &a.Heard1)
	getBitmap(b[atHeard2:], &a.Heard2)
	getBitmap(b[atStale:], &a.Stale)
}

func putReply(w *[FrameLen]byte, r *control.Reply) {
	binary.BigEndian.PutUint64(w[atIncarnation:], r.Incarnation)
	binary.BigEndian.PutUint64(w[atPromised:], uint64(r.Promised))
	binary.BigEndian.PutUint64(w[atAcceptedBallot:], uint64(r.Accepted.Ballot))
	binary.BigEndian.PutUint64(w[atAcceptedSeq:], r.Accepted.Seq)
	binary.BigEndian.PutUint64(w[atAcceptedDigest:], r.Accepted.Digest)
	binary.BigEndian.PutUint64(w[atAcceptedRoster:], r.Accepted.Roster)
	putBitmap(w[atAcceptedNew:], &r.Accepted.New)
	putBitmap(w[atAcceptedOld:], &r.Accepted.Old)
	binary.BigEndian.PutUint64(w[atCommitted:], r.Committed)
	binary.BigEndian.PutUint64(w[atRoster:], r.Roster)
	binary.BigEndian.PutUint32(w[atSilence:], r.SilenceUS)
	binary.BigEndian.PutUint32(w[atAgentAge:], r.AgentAgeMS)
	binary.BigEndian.PutUint16(w[atHealth:], r.Health)
	w[atWireMin], w[atWireMax] = r.WireMin, r.WireMax
	binary.BigEndian.PutUint16(w[atBelowGeneration:], r.Below.Generation)
	binary.BigEndian.PutUint16(w[atBelowGroup:], r.Below.Group)
	binary.BigEndian.PutUint64(w[atBelowSeq:], r.Below.Seq)
	binary.BigEndian.PutUint64(w[atBelowDigest:], r.Below.Digest)
	putBitmap(w[atBelowMembers:], &r.Below.Members)
	for i, id := range r.Keys {
		binary.BigEndian.PutUint32(w[atKeys+4*i:], id)
	}
}

func getReply(b []byte, r *control.Reply) {
	r.Incarnation = binary.BigEndian.Uint64(b[atIncarnation:])
	r.Promised = control.Ballot(binary.BigEndian.Uint64(b[atPromised:]))
	r.Accepted.Ballot = control.Ballot(binary.BigEndian.Uint64(b[atAcceptedBallot:]))
	r.Accepted.Seq = binary.BigEndian.Uint64(b[atAcceptedSeq:])
	r.Accepted.Digest = binary.BigEndian.Uint64(b[atAcceptedDigest:])
	r.Accepted.Roster = binary.BigEndian.Uint64(b[atAcceptedRoster:])
	getBitmap(b[atAcceptedNew:], &r.Accepted.New)
	getBitmap(b[atAcceptedOld:], &r.Accepted.Old)
	r.Committed = binary.BigEndian.Uint64(b[atCommitted:])
	r.Roster = binary.BigEndian.Uint64(b[atRoster:])
	r.SilenceUS = binary.BigEndian.Uint32(b[atSilence:])
	r.AgentAgeMS = binary.BigEndian.Uint32(b[atAgentAge:])
	r.Health = binary.BigEndian.Uint16(b[atHealth:])
	r.WireMin, r.WireMax = b[atWireMin], b[atWireMax]
	r.Below.Generation = binary.BigEndian.Uint16(b[atBelowGeneration:])
	r.Below.Group = binary.BigEndian.Uint16(b[atBelowGroup:])
	r.Below.Seq = binary.BigEndian.Uint64(b[atBelowSeq:])
	r.Below.Digest = binary.BigEndian.Uint64(b[atBelowDigest:])
	getBitmap(b[atBelowMembers:], &r.Below.Members)
	for i := range r.Keys {
		r.Keys[i] = binary.BigEndian.Uint32(b[atKeys+4*i:])
	}
}

func putBitmap(w []byte, m *control.Bitmap) {
	for i, word := range m {
		binary.BigEndian.PutUint64(w[8*i:], word)
	}
}

func getBitmap(b []byte, m *control.Bitmap) {
	for i := range m {
		m[i] = binary.BigEndian.Uint64(b[8*i:])
	}
}
