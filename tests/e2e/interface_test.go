package e2e

import (
	"os/exec"
	"testing"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/view/publish"
)

// Daemons that start before their interfaces are there say so, and join when they come, on both planes.
func TestInterfacesComeLate(t *testing.T) {
	r := build(t, cluster.Options{Nodes: 3, AttachOf: map[string]string{"n02": "socket"}})
	t.Cleanup(r.end)
	planes := map[string]string{"n02": "socket", "n03": "kernel"}
	ip := func(node string, args ...string) {
		t.Helper()
		out, err := exec.Command("ip", append([]string{"-n", netlab.Namespace(r.Options().Lab, node)}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: ip %v: %v: %s", node, args, err, out)
		}
	}
	for name := range planes {
		ip(name, "link", "set", "eth0", "down")
		ip(name, "link", "set", "eth0", "name", "away0")
	}
	r.must(r.Start(r.Names()...))
	for name := range planes {
		n, err := r.Node(name)
		r.must(err)
		r.eventually(n, "waits for its interface", func(d *publish.StatusDocument) bool {
			return d.Awaiting == "interface eth0 does not exist" && d.Plane == ""
		})
		ip(name, "link", "set", "away0", "name", "eth0")
		ip(name, "link", "set", "eth0", "up")
	}
	r.agreed(r.Names()...)
	for name, plane := range planes {
		if d := r.status(name); d.Plane != plane {
			t.Errorf("%s came to the %s plane", name, d.Plane)
		}
	}
}
