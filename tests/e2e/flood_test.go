package e2e

import (
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/flood"
	"rollcall/control"
	"rollcall/dataplane"
)

// Frames that are not the cluster's, or not new, are counted by their reason, every one of
// them, and change nothing, neither at a member nor at the leader.
func TestFloodIsOnlyCounted(t *testing.T) {
	r := share(t)
	members := r.members(2)
	from, member := members[0], members[1]
	began := dataplane.Now()
	for _, to := range []string{member, r.first.Leader} {
		for _, kind := range flood.Kinds() {
			result, err := flood.Send(r.bounded(), r.Cluster, kind, from, to, 150*time.Millisecond)
			r.must(err)
			t.Logf("%s to %s: %d sent, counted %v", kind, to, result.Sent, result.Counted)
			refused := result.Refused()
			if kind == "replayed" { // a beat of the round that lasts yet is answered once more, and changes nothing
				refused += result.Counted[control.ReasonBeatRepeated.String()]
			}
			if result.Sent == 0 || refused < result.Sent {
				t.Errorf("%s to %s: %d sent, %d refused: %v", kind, to, result.Sent, refused, result.Counted)
			}
			if why := map[string]string{"forged": "bad_tag", "foreign": "bad_cluster"}[kind]; why != "" && result.Counted[why] < result.Sent {
				t.Errorf("%s to %s: %d sent, of which %s: %v", kind, to, result.Sent, why, result.Counted)
			}
			if served(result) == 0 {
				t.Errorf("%s to %s: the cluster's own frames were not served: %v", kind, to, result.Counted)
			}
		}
	}
	r.unchanged()
	r.nobodyRemoved(began)
}

// served is how many of the cluster's own frames the target took meanwhile.
func served(r *flood.Result) (n uint64) {
	for _, reason := range []control.Reason{
		control.ReasonBeatTaken, control.ReasonEchoTaken, control.ReasonPromised, control.ReasonPromiseTaken,
		control.ReasonProbeAnswered, control.ReasonAnswerTaken, control.ReasonHandOverTaken,
	} {
		n += r.Counted[reason.String()]
	}
	return n
}
