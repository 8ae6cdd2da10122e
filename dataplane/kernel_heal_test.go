package dataplane

import (
	"testing"

	"github.com/vishvananda/netlink"

	"rollcall/control"
)

// TestKernelHeal makes the device anew under two running planes: both get their doors back
// and go on as the same incarnations.
func TestKernelHeal(t *testing.T) {
	for _, c := range []struct{ attach, transport string }{
		{AttachTC, TransportUDP}, {AttachNative, TransportUDP}, {AttachTC, TransportEther},
	} {
		t.Run(c.attach+"/"+c.transport, func(t *testing.T) {
			w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach, o.Transport = c.attach, c.transport })
			w.enter(t, 0)
			l, err := netlink.LinkByName(testInterface)
			if err != nil {
				t.Fatal(err)
			}
			if err := netlink.LinkDel(l); err != nil {
				t.Fatal(err)
			}
			for i, s := range pair { // nothing to heal yet
				w.enter(t, i)
				if _, err := s.Wait(s.Now()); err != nil {
					t.Fatal(err)
				}
			}
			w.plug(t)
			for i, s := range pair {
				w.enter(t, i)
				if _, err := s.Wait(s.Now()); err != nil {
					t.Fatal(err)
				}
				if d := s.Describe(); d.Attach != c.attach || len(d.Refused) != 0 {
					t.Fatalf("description: %+v", d)
				}
				at, err := LocalEndpoints(s.opt)
				if err != nil {
					t.Fatal(err)
				}
				roster.Seats[i].Rails = at
			}
			for _, s := range pair {
				if err := s.Name(0, roster); err != nil {
					t.Fatal(err)
				}
				if err := s.Apply(control.Command{Kind: control.CommandHold, Rosters: [control.HeldRosters]uint64{roster.Version()}}); err != nil {
					t.Fatal(err)
				}
			}
			w.enter(t, 0)
			leader := pair[0]
			leader.beat(t, roster)
			leader.waitFor(t, control.WakeQuorum)
			if got := pair[1].incarnation(); got != roster.Seats[1].Incarnation {
				t.Errorf("incarnation %x, was %x", got, roster.Seats[1].Incarnation)
			}
		})
	}
}
