package dataplane

import (
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"rollcall/control"
)

const clockInterval = 5 * time.Millisecond

// clockBeats orders beats of a decided view.
func clockBeats(roster *control.Roster) control.Command {
	c := beatCommand(roster, both)
	c.Beats.Committed, c.Beats.IntervalUS = 1, uint32(clockInterval/time.Microsecond)
	return c
}

// newTestClock starts the clock of a leader.
func newTestClock(t *testing.T) (*wire, *station, *clock) {
	t.Helper()
	w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach, o.Pacer = AttachTC, PacerKernel })
	w.enter(t, 0)
	leader := pair[0]
	if err := leader.Apply(clockBeats(roster)); err != nil {
		t.Fatal(err)
	}
	return w, leader, leader.clock
}

// awaitTicks runs the clock until it has ticked so many times more, and returns how long that took.
func (c *clock) awaitTicks(t *testing.T, n uint64) time.Duration {
	t.Helper()
	start := Now()
	for from := c.pace.Ticks; c.pace.Ticks < from+n; {
		if err := c.run(Now()); err != nil {
			t.Fatal(err)
		}
		if Now().Since(start) > 20*time.Second {
			t.Fatalf("%d ticks of %d: %+v", c.pace.Ticks-from, n, *c.pace)
		}
		if err := pollUntil(Now().Add(clockInterval), nil); err != nil {
			t.Fatal(err)
		}
	}
	return Now().Since(start)
}

// TestClock ticks once an interval, never faster, with both frames.
func TestClock(t *testing.T) {
	_, _, c := newTestClock(t)
	c.awaitTicks(t, 2)
	before := *c.pace
	took := c.awaitTicks(t, 100)
	if n := c.pace.Ticks - before.Ticks; time.Duration(n-1)*clockInterval*9/10 > took {
		t.Errorf("%d ticks in %v", n, took)
	}
	for i, at := range c.pace.FrameAt {
		if c.pace.TickAt.Since(at) > 4*clockInterval && at.Since(before.TickAt) < 50*clockInterval {
			t.Errorf("frame %d came round last at %d, the clock ticked at %d", i, at, c.pace.TickAt)
		}
	}
	if !c.ticking(c.pace.TickAt) {
		t.Errorf("pace: %+v", *c.pace)
	}
}

// TestClockRepairs goes on whatever is taken away from it.
func TestClockRepairs(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, c *clock){
		"frames": func(t *testing.T, c *clock) { // a new queue is empty
			bucket := c.bucket(t)
			if err := netlink.QdiscDel(bucket); err != nil {
				t.Fatal(err)
			}
			if err := netlink.QdiscAdd(bucket); err != nil {
				t.Fatal(err)
			}
		},
		"queue": func(t *testing.T, c *clock) {
			if err := netlink.QdiscDel(c.bucket(t)); err != nil {
				t.Fatal(err)
			}
		},
		"other queue": func(t *testing.T, c *clock) {
			bucket := c.bucket(t)
			if err := netlink.QdiscDel(bucket); err != nil {
				t.Fatal(err)
			}
			if err := netlink.QdiscAdd(&netlink.GenericQdisc{QdiscAttrs: bucket.QdiscAttrs, QdiscType: "pfifo"}); err != nil {
				t.Fatal(err)
			}
		},
		"filter": func(t *testing.T, c *clock) {
			if err := netlink.QdiscDel(clsact(linkOf(t, c.tick).Attrs().Index)); err != nil {
				t.Fatal(err)
			}
		},
		"link": func(t *testing.T, c *clock) {
			if err := netlink.LinkSetDown(linkOf(t, c.wait)); err != nil {
				t.Fatal(err)
			}
		},
		"pair": func(t *testing.T, c *clock) {
			if err := netlink.LinkDel(linkOf(t, c.wait)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, c := newTestClock(t)
			c.awaitTicks(t, 3)
			harm(t, c)
			c.awaitTicks(t, 20)
			if !c.ticking(c.pace.TickAt) {
				t.Errorf("pace: %+v", *c.pace)
			}
		})
	}
}

// TestClockWithoutQueue does not go round and round when nothing holds its frames back.
func TestClockWithoutQueue(t *testing.T) {
	_, _, c := newTestClock(t)
	c.awaitTicks(t, 3)
	if err := netlink.QdiscDel(c.bucket(t)); err != nil {
		t.Fatal(err)
	}
	for i := range clockFrames {
		if err := c.seed(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := pollUntil(Now().Add(10*clockInterval), nil); err != nil {
		t.Fatal(err)
	}
	before := *c.pace
	if err := pollUntil(Now().Add(10*clockInterval), nil); err != nil {
		t.Fatal(err)
	}
	if *c.pace != before {
		t.Errorf("goes on: %+v, was %+v", *c.pace, before)
	}
}

// TestClockStops lets the frames go when nobody leads, and starts again.
func TestClockStops(t *testing.T) {
	_, leader, c := newTestClock(t)
	c.awaitTicks(t, 3)
	if err := leader.Apply(control.Command{Kind: control.CommandAsk}); err != nil {
		t.Fatal(err)
	}
	for c.pace.FrameAt != [clockFrames]control.Time{} {
		if c.pace.Ticks > 1000 {
			t.Fatalf("goes on: %+v", *c.pace)
		}
		if err := pollUntil(Now().Add(clockInterval), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := leader.Apply(clockBeats(leader.rosters[0])); err != nil {
		t.Fatal(err)
	}
	c.awaitTicks(t, 3)
}

// TestClockAdopted is taken over while it ticks, with another interval.
func TestClockAdopted(t *testing.T) {
	_, leader, c := newTestClock(t)
	c.awaitTicks(t, 3)
	next, err := newClock(leader.coll, leader.about.PinDir, leader.rails[0].host.transports, leader.opt.EtherType, clockInterval)
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	if !next.ticking(Now()) {
		t.Errorf("found pace: %+v", *next.pace)
	}
	if err := next.set(2 * clockInterval); err != nil {
		t.Fatal(err)
	}
	next.awaitTicks(t, 3)
	from := next.pace.Ticks
	if took := next.awaitTicks(t, 30); took < time.Duration(next.pace.Ticks-from-1)*2*clockInterval*9/10 {
		t.Errorf("%d ticks in %v", next.pace.Ticks-from, took)
	}
}

// TestClockKeepsOff leaves a device alone that only has its name.
func TestClockKeepsOff(t *testing.T) {
	_, pair, _ := newPair(t, func(_ int, o *Options) { o.Attach, o.Pacer = AttachTC, PacerKernel })
	s := pair[1]
	tick, _ := clockNames(s.opt.Cluster)
	if err := removeClock(s.about.PinDir); err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: tick}, PeerName: "other"}); err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetAlias(linkOf(t, tick), "somebody's"); err != nil {
		t.Fatal(err)
	}
	_, err := newClock(s.coll, s.about.PinDir, s.rails[0].host.transports, s.opt.EtherType, clockInterval)
	if err == nil || !strings.Contains(err.Error(), tick+" is not ours") {
		t.Errorf("clock on somebody's device: %v", err)
	}
	if err := removeClock(s.about.PinDir); err != nil {
		t.Fatal(err)
	}
	linkOf(t, tick)
}

// TestClockDetached leaves no device behind.
func TestClockDetached(t *testing.T) {
	_, leader, c := newTestClock(t)
	c.awaitTicks(t, 3)
	if err := leader.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Detach(leader.opt.PinDir, leader.opt.Cluster); err != nil {
		t.Fatal(err)
	}
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, "rc-") {
			t.Errorf("device %s is left", l.Attrs().Name)
		}
	}
}

func linkOf(t *testing.T, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// bucket finds the clock's queue.
func (c *clock) bucket(t *testing.T) *netlink.Tbf {
	t.Helper()
	list, err := netlink.QdiscList(linkOf(t, c.wait))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range list {
		if b, ok := q.(*netlink.Tbf); ok {
			return b
		}
	}
	t.Fatalf("%s has no token bucket: %v", c.wait, list)
	return nil
}
