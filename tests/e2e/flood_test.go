package e2e

import (
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/flood"
	"rollcall/dataplane"
)

// Frames that are not the cluster's, or not new, are counted by their reason, every one of
// them, and change nothing, neither at a member nor at the leader.
func TestFloodIsOnlyCounted(t *testing.T) {
	r := stand(t, cluster.Options{Nodes: 5})
	members := r.members(2)
	from, member := members[0], members[1]
	began := dataplane.Now()
	for _, to := range []string{member, r.first.Leader} {
		for _, kind := range flood.Kinds() {
			result, err := flood.Send(r.bounded(), r.Cluster, kind, from, to, 150*time.Millisecond)
			r.must(err)
			t.Logf("%s to %s: %d sent, counted %v", kind, to, result.Sent, result.Counted)
			served := uint64(0) // what the cluster itself sends is served meanwhile
			refused := uint64(0)
			for reason, n := range result.Counted {
				switch reason {
				case "beat_taken", "echo_taken", "promised", "promise_taken", "probe_answered", "answer_taken", "hand_over_taken":
					served += n
				default:
					refused += n
				}
			}
			if result.Sent == 0 || refused < result.Sent {
				t.Errorf("%s to %s: %d sent, %d refused: %v", kind, to, result.Sent, refused, result.Counted)
			}
			if why := map[string]string{"forged": "bad_tag", "foreign": "bad_cluster"}[kind]; why != "" && result.Counted[why] < result.Sent {
				t.Errorf("%s to %s: %d sent, of which %s: %v", kind, to, result.Sent, why, result.Counted)
			}
			if served == 0 {
				t.Errorf("%s to %s: the cluster's own frames were not served: %v", kind, to, result.Counted)
			}
		}
	}
	r.unchanged()
	r.nobodyRemoved(began)
}
