package netlab

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A loss of everything is certain, a loss of some is neither of nothing nor of everything, and
// each way has its own.
func TestLossEachWay(t *testing.T) {
	n := build(t, 2, false)
	a, b := open(t, n, "n01"), open(t, n, "n02")
	const many = 60 // fit into a receive buffer
	number := uint32(0)
	// received counts how many of many frames arrive that are sent under the loss.
	received := func(from, to *wire) int {
		t.Helper()
		lost, err := n.Link("n02")
		if err != nil {
			t.Fatal(err)
		}
		first := number + 1
		for range many {
			number++
			from.send(t, to.node.MAC, number)
		}
		if err := n.Mend("n02"); err != nil {
			t.Fatal(err)
		}
		number++
		from.send(t, to.node.MAC, number)
		count := 0
		for {
			got, ok := to.next(t, patience)
			switch {
			case !ok:
				t.Fatalf("%s does not reach %s through the mended link", from.node.Name, to.node.Name)
			case got == number:
				if err := n.Change(func(l *Link) { *l = lost }, "n02"); err != nil {
					t.Fatal(err)
				}
				return count
			case got >= first:
				count++
			}
		}
	}
	if !exchangeBoth(t, a, b) {
		t.Fatal("the ports do not forward")
	}
	for _, tc := range []struct {
		to, from              uint32
		allHeard, someHeard   bool // of what is sent to the node
		allPassed, somePassed bool // of what it sends
	}{
		{0, 0, true, true, true, true},
		{Whole, 0, false, false, true, true},
		{0, Whole, true, true, false, false},
		{Whole / 2, 0, false, true, true, true},
		{0, Whole / 2, true, true, false, true},
	} {
		if err := n.Change(func(l *Link) { l.LossTo, l.LossFrom = tc.to, tc.from }, "n02"); err != nil {
			t.Fatal(err)
		}
		if got := received(a, b); (got == many) != tc.allHeard || (got > 0) != tc.someHeard {
			t.Errorf("loss %d to it: %d of %d heard", tc.to, got, many)
		}
		if got := received(b, a); (got == many) != tc.allPassed || (got > 0) != tc.somePassed {
			t.Errorf("loss %d from it: %d of %d passed", tc.from, got, many)
		}
	}
}

// exchangeBoth sends each way until frames arrive; they may be lost while a port comes up.
func exchangeBoth(t *testing.T, a, b *wire) bool {
	t.Helper()
	reaches := func(from, to *wire) bool {
		for end := time.Now().Add(patience); time.Now().Before(end); {
			from.send(t, to.node.MAC, 0)
			if _, ok := to.next(t, 100*time.Millisecond); ok {
				return true
			}
		}
		return false
	}
	return reaches(a, b) && reaches(b, a)
}

// A link that flips lets frames pass in some periods and none in others.
func TestFlippingLink(t *testing.T) {
	n := build(t, 2, false)
	a, b := open(t, n, "n01"), open(t, n, "n02")
	if !exchangeBoth(t, a, b) {
		t.Fatal("the ports do not forward")
	}
	const period = 50 * time.Millisecond
	var began unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &began); err != nil {
		t.Fatal(err)
	}
	if err := n.Change(func(l *Link) { l.Flip, l.FlipBegan = uint64(period), uint64(began.Nano()) }, "n02"); err != nil {
		t.Fatal(err)
	}
	// Frames carry the time they were sent at; one that was sent within a period passes in it.
	const sent = 60
	at := make([]uint64, sent)
	for i := range at {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
			t.Fatal(err)
		}
		at[i] = uint64(now.Nano() - began.Nano())
		a.send(t, b.node.MAC, uint32(i+1))
		time.Sleep(period / 8)
	}
	if err := n.Mend("n02"); err != nil {
		t.Fatal(err)
	}
	a.send(t, b.node.MAC, sent+1)
	closed, opened := 0, 0
	for {
		number, ok := b.next(t, patience)
		if !ok {
			t.Fatal("nothing passes the mended link")
		}
		if number == sent+1 {
			break
		}
		if number == 0 {
			continue
		}
		if at[number-1]/uint64(period)%2 == 1 {
			opened++
		} else {
			closed++ // sent at the end of a period, passed in the next
		}
	}
	if opened == 0 || closed > opened {
		t.Errorf("%d frames of open periods passed, %d of closed ones", opened, closed)
	}
}

func TestLinkSaysWhatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		link Link
		want string
	}{
		{Link{}, "open"},
		{Link{Gate: ClosedOut, Side: 2}, "closed out, side 2"},
		{Link{LossTo: 55, LossFrom: Whole}, "loses 5.5% to it, loses 100% from it"},
		{Link{Flip: uint64(time.Second)}, "flips every 1s"},
	} {
		if got := tc.link.String(); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.link, got, tc.want)
		}
	}
}
