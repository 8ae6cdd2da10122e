package dataplane

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// clockFrames is how many frames go round on a clock: two, so that the loss of one stops nothing.
const clockFrames = 2

// clockMark is the mark of the first clock frame, RC_CLOCK_MARK of bpf/pace.h.
const clockMark = 0x52434c00

// pace is struct rc_pace of bpf/pace.h: the clock's settings, and what it did.
type pace struct {
	IntervalNS uint64
	Clock      uint32
	Tick       uint32
	Headers    [2]uint32
	CPU        uint32
	_          uint32
	Ticks      uint64
	TickAt     control.Time
	FrameAt    [clockFrames]control.Time
	LateNS     uint64
	LatestNS   uint64
	Hasty      uint64
	Beats      [control.Levels]uint64
	Retries    uint64
	Routed     uint64
	Unsent     uint64
	Strange    uint64
}

// clock ticks in the kernel: frames go round on a pair of veth devices of our own, out of
// the end called wait, where a token bucket lets one go each interval, into the end called
// tick, where a program sends what is due and puts them back. It runs on without an agent,
// whatever else the processors do, and ends when the program finds nothing to be sent. There is one for all
// levels, which ticks as often as the one of those that this node leads whose rounds are the shortest.
//
// The devices are small: too small for IPv6, so that no other traffic appears there.
type clock struct {
	tick, wait string
	owner      string // alias of the devices, by which they are known to be ours
	length     int    // of a clock frame: of a beat, with its header
	program    *ebpf.Program
	seeder     *ebpf.Program
	pace       *pace
	mapped     []byte
	frame      []byte
	seeded     control.Time  // when the last frame was put into circulation
	lost       atomic.Uint64 // frames that did not come round, and were replaced
}

// clockNames are the names of a cluster's devices, which fit where 15 characters do.
func clockNames(cluster string) (tick, wait string) {
	h := fnv.New32a()
	h.Write([]byte(cluster))
	name := fmt.Sprintf("rc-%08x", h.Sum32())
	return name + "-t", name + "-w"
}

func clockOwner(pins string) string { return "clock of rollcall, " + pins }

// newClock makes the clock of the cluster whose pins are in a directory, or finds it there.
// A new one is set to the interval, and does not run yet.
func newClock(coll *ebpf.Collection, pins string, transports uint32, etherType uint16, interval time.Duration) (*clock, error) {
	c := &clock{owner: clockOwner(pins), program: coll.Programs[progTick], seeder: coll.Programs[progSeed]}
	c.tick, c.wait = clockNames(filepath.Base(pins))
	above := byEther(0, [6]byte{}, [6]byte{}, etherType) // beats of the levels above 0 are the longest
	switch {
	case transports&transportUDP4 != 0:
		above = byEther(0, [6]byte{}, [6]byte{}, unix.ETH_P_IP)
		above.length += ip4Header + udpHeader
	case transports&transportUDP6 != 0:
		above = byEther(0, [6]byte{}, [6]byte{}, unix.ETH_P_IPV6)
		above.length += ip6Header + udpHeader
	}
	own := above.length
	if transports&transportEther != 0 {
		own = etherHeader
	}
	c.length = int(above.length) + FrameLen
	c.frame = append(above.header[:above.length:above.length], make([]byte, FrameLen)...)
	var err error
	if c.mapped, err = mapPages(coll.Maps[mapPace], unsafe.Sizeof(pace{}), unix.PROT_WRITE); err != nil {
		return nil, fmt.Errorf("map the pages of %s: %w", mapPace, err)
	}
	c.pace = (*pace)(unsafe.Pointer(&c.mapped[0]))
	atomic.StoreUint32(&c.pace.Headers[0], own)
	atomic.StoreUint32(&c.pace.Headers[1], above.length)
	if c.pace.IntervalNS == 0 { // else it was found, and may tick
		c.pace.IntervalNS = uint64(interval)
	}
	if err := c.build(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *clock) close() { unix.Munmap(c.mapped) }

// build makes what is missing of the clock, or is not as it should be.
func (c *clock) build() error {
	tick, wait, err := c.devices()
	if err != nil {
		return err
	}
	for _, l := range []netlink.Link{tick, wait} {
		if l.Attrs().Alias == "" { // made a moment ago, perhaps by an agent that did not come further
			if err := netlink.LinkSetAlias(l, c.owner); err != nil {
				return fmt.Errorf("mark %s as ours: %w", l.Attrs().Name, err)
			}
		}
		if mtu := c.length - etherHeader; l.Attrs().MTU != mtu {
			if err := netlink.LinkSetMTU(l, mtu); err != nil {
				return fmt.Errorf("set the size of packets on %s: %w", l.Attrs().Name, err)
			}
		}
		if l.Attrs().RawFlags&unix.IFF_UP == 0 {
			if err := netlink.LinkSetUp(l); err != nil {
				return fmt.Errorf("set %s up: %w", l.Attrs().Name, err)
			}
		}
	}
	if err := c.hang(tick.Attrs().Index); err != nil {
		return fmt.Errorf("attach to %s: %w", c.tick, err)
	}
	atomic.StoreUint32(&c.pace.Tick, uint32(tick.Attrs().Index))
	atomic.StoreUint32(&c.pace.Clock, uint32(wait.Attrs().Index))
	return c.restrain(wait.Attrs().Index)
}

// devices finds both ends of the pair, or makes it.
func (c *clock) devices() (tick, wait netlink.Link, err error) {
	mtu := c.length - etherHeader
	if _, err = netlink.LinkByName(c.tick); errors.As(err, &netlink.LinkNotFoundError{}) {
		err = netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: c.tick, MTU: mtu}, PeerName: c.wait, PeerMTU: uint32(mtu),
		})
	}
	if err != nil {
		return nil, nil, fmt.Errorf("make the veth pair %s, %s: %w", c.tick, c.wait, err)
	}
	if tick, err = c.own(c.tick); err != nil {
		return nil, nil, err
	}
	wait, err = c.own(c.wait)
	return tick, wait, err
}

// own finds a device that is ours.
func (c *clock) own(name string) (netlink.Link, error) {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("look at the clock's device %s: %w", name, err)
	}
	if a := l.Attrs().Alias; a != "" && a != c.owner {
		return nil, fmt.Errorf("interface %s is not ours: rename it, or choose pacer %q", name, PacerThread)
	}
	return l, nil
}

// hang attaches the program to where frames arrive, in the place of an earlier agent's.
func (c *clock) hang(ifindex int) error {
	if err := netlink.QdiscAdd(clsact(ifindex)); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add qdisc clsact: %w", err)
	}
	err := netlink.FilterReplace(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: ifindex, Parent: netlink.HANDLE_MIN_INGRESS, Handle: 1, Protocol: unix.ETH_P_ALL, Priority: 1,
		},
		Fd: c.program.FD(), Name: filterName, DirectAction: true,
	})
	if err != nil {
		return fmt.Errorf("add TC filter: %w", err)
	}
	return nil
}

// restrain has frames leave once an interval. The bucket holds a little more than a frame
// needs: a tick that was late does not delay the next, which comes a tenth of an interval
// earlier at most.
func (c *clock) restrain(ifindex int) error {
	interval := max(time.Duration(atomic.LoadUint64(&c.pace.IntervalNS)), time.Microsecond)
	rate := max((uint64(c.length)*uint64(time.Second)+uint64(interval)/2)/uint64(interval), 1)
	bucket := &netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: ifindex, Handle: netlink.MakeHandle(0x7263, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       rate,
		Limit:      uint32(2 * clockFrames * c.length),
		Buffer:     netlink.Xmittime(rate, uint32(c.length+(c.length+9)/10)),
	}
	err := netlink.QdiscReplace(bucket)
	if err != nil { // perhaps another kind of queue is in its place
		netlink.QdiscDel(bucket)
		err = netlink.QdiscReplace(bucket)
	}
	if err != nil {
		return fmt.Errorf("have the queue of %s let a frame go every %v: %w", c.wait, interval, err)
	}
	return nil
}

// set changes the interval.
func (c *clock) set(interval time.Duration) error {
	if atomic.SwapUint64(&c.pace.IntervalNS, uint64(interval)) == uint64(interval) {
		return nil
	}
	return c.restrain(int(atomic.LoadUint32(&c.pace.Clock)))
}

// run keeps the clock going, or starts it. Frames that are lost are replaced; when that does not help, whatever
// somebody did to the devices is put right.
func (c *clock) run(now control.Time) error {
	interval := time.Duration(atomic.LoadUint64(&c.pace.IntervalNS))
	patience := 2 * clockFrames * interval // twice the time that a frame takes to come round
	if now.Since(c.seeded) < patience {
		return nil
	}
	if !c.ticking(now) && c.seeded != 0 {
		if err := c.build(); err != nil {
			return err
		}
	}
	for i := range c.pace.FrameAt {
		switch at := control.Time(atomic.LoadUint64((*uint64)(&c.pace.FrameAt[i]))); {
		case at != 0 && now.Since(at) < patience:
			continue
		case at != 0:
			c.lost.Add(1)
		}
		c.seeded = now
		if err := c.seed(i); err != nil {
			return err
		}
	}
	return nil
}

// seed puts a clock frame into circulation. It is a program that sends it: a frame sent by a socket
// would keep that, and the network namespace, for as long as it goes round. A queue that takes none (above 0, codes of
// linux/netdevice.h) is full of frames that the processors were too busy to let come round.
func (c *clock) seed(i int) error {
	ret, err := c.seeder.Run(&ebpf.RunOptions{Data: c.frame, Context: skb{mark: uint32(clockMark + i)}})
	if code := int32(ret); err == nil && code < 0 {
		err = unix.Errno(-code)
	}
	if err != nil {
		return fmt.Errorf("put a clock frame into circulation on %s: %w", c.wait, err)
	}
	return nil
}

// ticking reports whether the clock runs.
func (c *clock) ticking(now control.Time) bool {
	at := control.Time(atomic.LoadUint64((*uint64)(&c.pace.TickAt)))
	return at != 0 && now.Since(at) < clockFrames*time.Duration(atomic.LoadUint64(&c.pace.IntervalNS))
}

// removeClock removes the devices of the cluster whose pins are in a directory, and with
// them all that hangs there.
func removeClock(pins string) error {
	tick, _ := clockNames(filepath.Base(pins))
	l, err := netlink.LinkByName(tick)
	if errors.As(err, &netlink.LinkNotFoundError{}) || err == nil && l.Attrs().Alias != clockOwner(pins) {
		return nil
	}
	if err == nil {
		err = netlink.LinkDel(l)
	}
	if err != nil && !errors.Is(err, unix.ENODEV) && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the clock's device %s: %w", tick, err)
	}
	return nil
}
