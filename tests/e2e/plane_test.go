package e2e

import (
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
)

// planes checks who serves frames how, then crashes a member and the leader, which come back.
func planes(t *testing.T, o cluster.Options, attach func(node string) string) *rig {
	t.Helper()
	o.Interval = 20 * time.Millisecond
	r := stand(t, o)
	for _, n := range r.Nodes() {
		d, err := n.Client().Status(r.bounded())
		r.must(err)
		plane := "kernel"
		if attach(n.Name) == "socket" {
			plane = "socket"
		}
		if d.Attach != attach(n.Name) || d.Plane != plane || d.Transport != r.Options().Transport {
			t.Errorf("%s: plane %s, attach %s, transport %s, want attach %s", n.Name, d.Plane, d.Attach, d.Transport, attach(n.Name))
		}
	}
	member := r.members(1)[0]
	r.crashOne(member, 1)
	r.reboot(member)
	_, err := r.Crash(r.first.Leader)
	r.must(err)
	r.agreed(r.without(r.first.Leader)...)
	r.reboot(r.first.Leader)
	return r
}

func always(attach string) func(string) string { return func(string) string { return attach } }

// Kernel and socket planes make one group.
func TestPlanesMix(t *testing.T) {
	of := map[string]string{"n01": "native", "n02": "socket", "n03": "tc", "n04": "socket", "n05": "native"}
	planes(t, cluster.Options{Nodes: 5, AttachOf: of}, func(node string) string { return of[node] })
}

func TestTC(t *testing.T) {
	t.Parallel()
	planes(t, cluster.Options{Nodes: 4, Attach: "tc"}, always("tc"))
}

func TestGeneric(t *testing.T) {
	t.Parallel()
	planes(t, cluster.Options{Nodes: 4, Attach: "generic"}, always("generic"))
}

func TestSocket(t *testing.T) {
	planes(t, cluster.Options{Nodes: 4, Attach: "socket"}, always("socket"))
}

func TestEther(t *testing.T) {
	t.Parallel()
	r := planes(t, cluster.Options{Nodes: 5, Transport: "ether"}, always("native"))
	r.first = r.agreed(r.Names()...)
	r.lossKeepsNode()
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	planes(t, cluster.Options{Nodes: 4, IPv6: true}, always("native"))
}
