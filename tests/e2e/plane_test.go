package e2e

import (
	"testing"

	"rollcall/cmd/rollcall-lab/cluster"
)

// planes checks who serves frames how, then crashes a member and the leader.
func planes(t *testing.T, o cluster.Options, attach func(node string) string) {
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
	r.must(r.Clear(member))
	r.must(r.Boot(member))
	r.agreed(r.Names()...)
	r.must(r.Kill(r.first.Leader))
	r.agreed(r.without(r.first.Leader)...)
	r.must(r.Boot(r.first.Leader))
	r.agreed(r.Names()...)
}

func always(attach string) func(string) string { return func(string) string { return attach } }

// Kernel and socket planes make one group.
func TestPlanesMix(t *testing.T) {
	of := map[string]string{"n01": "native", "n02": "socket", "n03": "tc", "n04": "socket", "n05": "native", "n06": "tc"}
	planes(t, cluster.Options{Nodes: 6, AttachOf: of}, func(node string) string { return of[node] })
}

func TestTC(t *testing.T) {
	planes(t, cluster.Options{Nodes: 5, Attach: "tc"}, always("tc"))
}

func TestGeneric(t *testing.T) {
	planes(t, cluster.Options{Nodes: 5, Attach: "generic"}, always("generic"))
}

func TestSocket(t *testing.T) {
	planes(t, cluster.Options{Nodes: 5, Attach: "socket"}, always("socket"))
}

func TestEther(t *testing.T) {
	planes(t, cluster.Options{Nodes: 6, Transport: "ether"}, always("native"))
}

func TestIPv6(t *testing.T) {
	planes(t, cluster.Options{Nodes: 5, IPv6: true}, always("native"))
}
