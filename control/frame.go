package control

import "time"

// Time is a reading of the host's own CLOCK_BOOTTIME in nanoseconds. Times of two hosts
// are never compared.
type Time uint64

// Since returns the signed distance from u to t.
func (t Time) Since(u Time) time.Duration { return time.Duration(t - u) }

// Add returns the time d after t.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Before reports whether t comes before u, as signed difference.
func (t Time) Before(u Time) bool { return t.Since(u) < 0 }

// Kind tells what a frame is.
type Kind uint8

// Asks carry an Ask and may be answered; answers carry a Reply and never are.
const (
	KindBeat     Kind = 1 // leader to members: heartbeat and proposal
	KindEcho     Kind = 2 // answer to a beat: sign of life and vote
	KindPrepare  Kind = 3 // candidate to members
	KindPromise  Kind = 4 // answer to a prepare, also when it refuses
	KindProbe    Kind = 5 // anybody to a member; changes nothing there
	KindAnswer   Kind = 6 // answer to a probe
	KindHandOver Kind = 7 // leader to its successor: stand now; not answered
)

// Flags of a frame.
type Flags uint8

// FlagHandOver on a prepare: the leader of ballot Ask.Prior asked for this election.
const FlagHandOver Flags = 1

// FlagRelay: the frame travels through the member in slot Via (see Relay), and so does its answer.
const FlagRelay Flags = 2

// FlagAway on a beat: it is the last of its ballot, since the leader's agent is away. Ask.Stale
// names the accused, whom the next leader is to remove (away.go).
const FlagAway Flags = 4

// ToAll as Frame.To addresses every member of the group.
const ToAll uint16 = 0xffff

// NoUpper as Ask.UpperUS says that there is no level above whose lease could end.
const NoUpper uint32 = 0xffffffff

// Frame is one message of the data plane, in the host's byte order. Its form on the
// wire (bpf/wire.h, 288 bytes, big endian) adds magic, version and tag, which the codec of
// package dataplane checks.
type Frame struct {
	Kind     Kind
	Level    uint8
	Flags    Flags
	Cluster  uint64 // hash of the cluster's name
	Instance uint32
	Group    uint16
	From     uint16 // the sender's slot
	To       uint16 // the addressee's slot, or ToAll
	Via      uint16 // with FlagRelay, else zero
	Key      uint8  // number of the key that signs it; an answer repeats the ask's
	Ballot   Ballot // an answer repeats the ask's
	Round    uint64 // an answer repeats the ask's
	Sent     Time   // when the ask left, on the asker's clock; an answer repeats it
	Rail     uint8  // by which it came, as this host's addresses tell; not on the wire

	Ask   Ask   // of a beat, prepare, probe or hand-over; else zero
	Reply Reply // of an echo, promise or answer; else zero
}

// Ask is what a leader or candidate says.
type Ask struct {
	Seq         uint64 // of the proposed view
	Committed   uint64 // highest seq known to be decided
	Digest      uint64 // of the proposed view's content
	Roster      uint64 // version of the roster that names the slots of New and Old
	Epoch       uint64 // of the cluster view, handed down; 0 until one is known
	EpochDigest uint64 // of a beat: of the content of that epoch; 0: not known
	Prior       Ballot // of a prepare, with FlagHandOver: the ballot that handed over
	IntervalUS  uint32 // between rounds
	Rounds      uint16 // k: unanswered rounds before removal
	LeaseUS     uint32 // length of a lease
	UpperUS     uint32 // what remains of the lease of the level above, or NoUpper
	New         Bitmap // the proposed members
	Old         Bitmap // the members of the view before, which decide New
	Heard1      Bitmap // whose echo to the last round came in time
	Heard2      Bitmap // whose echo to the round before that came in time
	Stale       Bitmap // whose kernel answers while its agent is silent; with FlagAway, the accused
}

// Reply is what a member's register says.
type Reply struct {
	Incarnation uint64
	Promised    Ballot
	Accepted    Proposal
	Committed   uint64
	Roster      uint64 // the newest roster version held
	SilenceUS   uint32 // between the beat answered and the one taken before it
	AgentAgeMS  uint32 // since the agent last stamped its page; NoAgent: never
	Health      uint16
	WireMin     uint8 // wire versions spoken
	WireMax     uint8
	Below       Report // of a member that leads a group one level below; else zero
	Keys        KeyIDs // of the keys that the host holds
}

// HealthOrphaned in Reply.Health: the agent's process is no more, however young its last stamp
// is. The other bits are the agent's.
const HealthOrphaned uint16 = 0x8000

// NoAgent as Reply.AgentAgeMS: no agent ever wrote a stamp.
const NoAgent uint32 = 0xffffffff

// Proposal is a view as it was proposed under a ballot. It has the layout of struct
// rc_proposal in bpf/maps.h.
type Proposal struct {
	Ballot Ballot
	Seq    uint64
	Digest uint64
	Roster uint64
	New    Bitmap
	Old    Bitmap
}

// Less orders proposals by ballot, then seq.
func (p *Proposal) Less(ballot Ballot, seq uint64) bool {
	return p.Ballot < ballot || p.Ballot == ballot && p.Seq < seq
}

// Report is a group's committed view as its leader tells it to the level above. It has
// the layout of struct rc_report in bpf/maps.h.
type Report struct {
	Seq        uint64
	Digest     uint64
	Members    Bitmap
	Generation uint16
	Group      uint16
	_          uint32
}

// same reports whether both tell of the same view.
func (r *Report) same(o *Report) bool {
	return r.Generation == o.Generation && r.Seq == o.Seq && r.Digest == o.Digest
}
