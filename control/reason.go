package control

// Reason says what became of a frame; there is a counter for each. The numbers are those
// of enum rc_reason in bpf/maps.h.
type Reason uint32

// The reasons, served first.
const (
	ReasonNone           Reason = iota
	ReasonBeatTaken             // beat answered, its proposal accepted or known
	ReasonPromised              // prepare answered with a promise
	ReasonProbeAnswered         //
	ReasonHandOverTaken         //
	ReasonEchoTaken             //
	ReasonPromiseTaken          //
	ReasonAnswerTaken           //
	ReasonRosterMissing         // beat answered, its proposal not accepted: roster unknown
	ReasonOldBallot             // answered with the higher ballot promised, or ignored
	ReasonRefused               // prepare refused: the leader's beats are fresh
	ReasonOldRound              // beat of a round already taken: late or replayed
	ReasonOut                   // beat to a register that is out of its group
	ReasonNotMember             // no register for this level and group
	ReasonFrozen                // register is being moved
	ReasonBadLength             //
	ReasonBadVersion            //
	ReasonBadKind               //
	ReasonUnknownKey            // signed with a key of a number that this host does not hold
	ReasonBadTag                // not signed with the key it names
	ReasonBadCluster            //
	ReasonBadInstance           // an earlier instance of the cluster
	ReasonHigherInstance        // a later instance: this node must leave its own
	ReasonBadDestination        // addressed to another host
	ReasonBadSlot               // addressed to, or sent from, another slot
	ReasonNotAsking             // answer while nothing was asked
	ReasonStale                 // answer to another ballot or to a round never sent
	ReasonReplayed              // answer that was already taken
	ReasonStranger              // answer from another incarnation than the roster names
	ReasonVLANTagged            // ours, inside a VLAN that belongs to another device: passed on
	ReasonBeatRepeated          // beat of the last round once more, by another rail or for this slot alone: answered again
	ReasonRelayed               // for another member, sent on to it
	ReasonNoWay                 // for another member, to which no way is known
	ReasonEchoRepeated          // answer to a round that was answered by another rail already
	ReasonRelayedEcho           // echo that came through another member
	Reasons                     // how many there are
)

var reasonNames = [Reasons]string{
	"none", "beat_taken", "promised", "probe_answered", "hand_over_taken", "echo_taken", "promise_taken",
	"answer_taken", "roster_missing", "old_ballot", "refused", "old_round", "out", "not_member", "frozen",
	"bad_length", "bad_version", "bad_kind", "unknown_key", "bad_tag", "bad_cluster", "bad_instance", "higher_instance",
	"bad_destination", "bad_slot", "not_asking", "stale", "replayed", "stranger", "vlan_tagged",
	"beat_repeated", "relayed", "no_way", "echo_repeated", "relayed_echo",
}

// Refuses reports whether frames so counted were for this host and were not served: neither taken,
// answered as they ask, nor sent on.
func (r Reason) Refuses() bool {
	switch r {
	case ReasonVLANTagged, ReasonBeatRepeated, ReasonRelayed, ReasonEchoRepeated, ReasonRelayedEcho:
		return false
	}
	return ReasonRosterMissing < r && r < Reasons
}

// String gives the reason's name as counters show it.
func (r Reason) String() string {
	if r < Reasons {
		return reasonNames[r]
	}
	return "unknown"
}
