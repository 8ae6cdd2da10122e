package dataplane

import (
	"net/netip"
	"testing"

	"rollcall/control"
)

// TestMixedGroups: in one group some nodes serve frames in the kernel, others by a socket.
// A group's view must not depend on which, nor on which of them leads.
func TestMixedGroups(t *testing.T) {
	for _, c := range []struct {
		name, transport string
		attach          [3]string
	}{
		{"socket leads over UDP", TransportUDP, [3]string{AttachSocket, AttachTC, AttachSocket}},
		{"kernel leads over UDP", TransportUDP, [3]string{AttachTC, AttachSocket, AttachTC}},
		{"socket leads over Ethernet", TransportEther, [3]string{AttachSocket, AttachTC, AttachTC}},
		{"kernel leads over Ethernet", TransportEther, [3]string{AttachTC, AttachSocket, AttachSocket}},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireKernel(t)
			_, hosts := newSegment(t, len(c.attach))
			agree(t, newPlaneGroup(t, len(c.attach), func(i int) (p Plane, at control.Endpoint) {
				opt := Options{ // a clock would be made where the test is, not where the interface is
					Cluster: testCluster, Rails: []Rail{{Interface: "eth0", Address: netip.AddrFrom4([4]byte{10, 99, 0, byte(i + 1)})}},
					Port: DefaultPort, Transport: c.transport, Attach: c.attach[i], Pacer: PacerThread, Keys: testKeys(), PinDir: pinDir(t),
				}
				hosts[i].do(t, func() (err error) {
					if err := addAddress("eth0", opt.Rails[0].Address.String()+"/24"); err != nil {
						return err
					}
					if at, err = firstEndpoint(opt); err != nil {
						return err
					}
					p, err = Open(opt)
					return err
				})
				return p, at
			}))
		})
	}
}
