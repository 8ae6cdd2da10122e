package dataplane

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// requireKernel skips a test that needs BPF where there is none, and fails it where the
// environment says that there must be.
func requireKernel(t testing.TB) {
	t.Helper()
	err := rlimit.RemoveMemlock()
	if err == nil {
		var m *ebpf.Map
		if m, err = ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: uint32(os.Getpagesize())}); err == nil {
			m.Close()
			return
		}
	}
	if os.Getenv("ROLLCALL_REQUIRE_BPF") == "1" {
		t.Fatalf("no BPF, which ROLLCALL_REQUIRE_BPF demands: %v", err)
	}
	t.Skipf("needs BPF, so root or CAP_BPF and CAP_NET_ADMIN: %v", err)
}

// What the tests' host is: the addresses, on two rails, and the keys of both slots.
var (
	hostMAC   = [6]byte{2, 0, 0, 0, 0, 1}
	hostGroup = [6]byte{7, 0x52, 0x43, 0, 0, 0}
	hostIP4   = [4]byte{10, 1, 2, 3}
	hostIP6   = [16]byte{0xfd, 0x52, 15: 3}
	hosts     = [...]host{
		{mac: hostMAC, groupMAC: hostGroup, transports: 7, ip4: hostIP4, ip6: hostIP6},
		{mac: [6]byte{2, 0, 0, 0, 1, 1}, groupMAC: [6]byte{7, 0x52, 0x43, 0, 0, 1}, transports: 7, ip4: [4]byte{10, 1, 2, 4}, ip6: [16]byte{0xfd, 0x52, 15: 4}},
	}
	twinKeys = Keys{Slots: [KeySlots][16]byte{{1, 2, 3}, {4, 5, 6, 15: 7}}}
)

// testDoors are the two ways in, and what their verdicts are called there.
var testDoors = []struct {
	name, program    string
	pass, drop, send uint32
}{
	{"xdp", "rc_xdp_door", 2, 1, 3},
	{"tc", "rc_tc_door", 0xffffffff, 2, 7},
}

// testKernel is the C program under test with all its state mapped. By the test's clock
// time stands still between calls of setTime.
type testKernel struct {
	testing.TB
	coll      *ebpf.Collection
	groupMap  []byte
	tallyMap  []byte
	memberMap []byte
	relayMap  []byte
	statsMap  []byte
	clockMap  []byte
	ring      *ringbuf.Reader
	record    ringbuf.Record
	out       []byte
	order     []byte
}

func openTestKernel(t testing.TB) *testKernel {
	t.Helper()
	return openTestKernelBy(t, true)
}

// openTestKernelBy loads a kernel program that goes by the test's clock, or by the real one.
func openTestKernelBy(t testing.TB, testClock bool) *testKernel {
	t.Helper()
	requireKernel(t)
	spec, err := loadRollcall()
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Variables["rc_test_clock"].Set(testClock); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rc_stats", "rc_clock", "rc_relays"} {
		spec.Maps[name].Flags |= unix.BPF_F_MMAPABLE
	}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		t.Fatalf("load the kernel program: %+v", err)
	}
	t.Cleanup(coll.Close)
	k := &testKernel{TB: t, coll: coll, out: make([]byte, 4096)}
	k.groupMap, k.tallyMap, k.memberMap = k.mapped("rc_group"), k.mapped("rc_tally"), k.mapped("rc_member")
	k.statsMap, k.clockMap = k.mapped("rc_stats"), k.mapped("rc_clock")
	k.relayMap = k.mapped("rc_relays")
	if k.ring, err = ringbuf.NewReader(coll.Maps["rc_events"]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.ring.Close() })
	for _, hook := range []string{"rc_xdp_", "rc_tc_"} {
		k.put(hook+"logic", 0, coll.Programs[hook+"serve"])
		k.put(hook+"agent", 0, coll.Programs[hook+"serve"])
		k.put(hook+"progs", 0, coll.Programs[hook+"enter"])
	}
	for rail, own := range hosts {
		k.put("rc_host", rail, bytesOf(&own))
		for at := range control.Levels * control.Slots {
			if p, ok := wayBy(rail, uint16(at%control.Slots)); ok {
				k.put(mapPeer, at*control.RailsMax+rail, p)
			}
		}
	}
	for i, secret := range twinKeys.Slots {
		k0, k1 := keyWords(secret)
		k.put("rc_key", i, &rollcallRcKey{K0: k0, K1: k1, Present: 1})
	}
	return k
}

func (k *testKernel) mapped(name string) []byte {
	k.Helper()
	m := k.coll.Maps[name]
	size := os.Getpagesize()
	length := (int(m.ValueSize()*m.MaxEntries()) + size - 1) / size * size
	b, err := unix.Mmap(m.FD(), 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		k.Fatalf("map %s: %v", name, err)
	}
	k.Cleanup(func() { unix.Munmap(b) })
	return b
}

func (k *testKernel) put(name string, index int, value any) {
	k.Helper()
	if err := k.coll.Maps[name].Put(uint32(index), value); err != nil {
		k.Fatalf("put %s[%d]: %v", name, index, err)
	}
}

// entry is one value of an array that is mapped.
func entry[T any](mapped []byte, index int) *T {
	var v T
	return (*T)(unsafe.Pointer(&mapped[index*int(unsafe.Sizeof(v))]))
}

func (k *testKernel) register(i int) *control.Register {
	return entry[control.Register](k.groupMap, i)
}
func (k *testKernel) tally(level int) *tallyPage { return entry[tallyPage](k.tallyMap, level) }
func (k *testKernel) counters() *[control.Reasons]uint64 {
	return entry[[control.Reasons]uint64](k.statsMap, 0)
}

func (k *testKernel) relay(level, slot int) *control.Relay {
	return entry[control.Relay](k.relayMap, level*control.Slots+slot)
}

func (k *testKernel) member(level, slot int) *control.Member {
	return entry[control.Member](k.memberMap, level*control.Slots+slot)
}

func (k *testKernel) setTime(now control.Time) { *entry[control.Time](k.clockMap, 0) = now }

// run gives a packet to a program. The bytes it returns are valid until the next call.
func (k *testKernel) run(program string, packet []byte) (uint32, []byte) {
	opt := ebpf.RunOptions{Data: packet, DataOut: k.out[:cap(k.out)]}
	ret, err := k.coll.Programs[program].Run(&opt)
	if err != nil {
		k.Fatalf("run %s on %d bytes: %v", program, len(packet), err)
	}
	return ret, opt.DataOut
}

// testOrder is struct rc_order.
type testOrder struct {
	op, level, seat, reason, wake, sent uint32
	to                                  control.Bitmap
}

// give carries out an order; what follows the order's head comes back.
func (k *testKernel) give(o testOrder, body []byte) (testOrder, []byte) {
	k.Helper()
	k.order = append(append(k.order[:0], unsafe.Slice((*byte)(unsafe.Pointer(&o)), unsafe.Sizeof(o))...), body...)
	ret, out := k.run("rc_command", k.order)
	if ret != 0 {
		k.Fatalf("order %+v was not carried out", o)
	}
	back := *(*testOrder)(unsafe.Pointer(&out[0]))
	return back, out[unsafe.Sizeof(o):]
}

// command is control.Apply, in the kernel.
func (k *testKernel) command(index int, c *control.Command) {
	k.Helper()
	b := unsafe.Slice((*byte)(unsafe.Pointer(c)), unsafe.Sizeof(*c))
	k.give(testOrder{op: 1, level: uint32(index / 2), seat: uint32(index % 2)}, b)
}

// deliver is control.Deliver, in the kernel; it returns the frame as it is ready to leave.
func (k *testKernel) deliver(index int, frame []byte) (control.Reason, control.Wake, []byte) {
	k.Helper()
	body := append(append([]byte(nil), frame...), make([]byte, FrameLen)...)
	back, out := k.give(testOrder{op: 2, level: uint32(index / 2), seat: uint32(index % 2)}, body)
	return control.Reason(back.reason), control.Wake(back.wake), out[:FrameLen]
}

// beat is control.Tally.Beat, in the kernel; it returns the frame as it is ready to leave.
func (k *testKernel) beat(index int) (testOrder, []byte) {
	k.Helper()
	back, out := k.give(testOrder{op: 4, level: uint32(index / 2), seat: uint32(index % 2)}, make([]byte, 2*FrameLen))
	return back, out[:FrameLen]
}

// testEvent is struct rc_event.
type testEvent struct {
	wake   control.Wake
	place  uint32
	at     control.Time
	ballot control.Ballot
	seq    uint64
}

// event returns the next event that a frame caused, or false when there is none. What the
// silence timer says, which goes by real time, it passes over.
func (k *testKernel) event(wait time.Duration) (testEvent, bool) {
	for {
		if e, ok := k.anyEvent(wait); !ok || e.wake != control.WakeSilent {
			return e, ok
		}
	}
}

// anyEvent returns the next event, or false when none comes in time.
func (k *testKernel) anyEvent(wait time.Duration) (testEvent, bool) {
	if wait == 0 && k.ring.AvailableBytes() == 0 {
		return testEvent{}, false
	}
	k.ring.SetDeadline(time.Now().Add(wait))
	err := k.ring.ReadInto(&k.record)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return testEvent{}, false
	}
	if err != nil {
		k.Fatalf("read event: %v", err)
	}
	b := k.record.RawSample
	return testEvent{
		wake:   control.Wake(binary.NativeEndian.Uint32(b)),
		place:  binary.NativeEndian.Uint32(b[4:]),
		at:     control.Time(binary.NativeEndian.Uint64(b[8:])),
		ballot: control.Ballot(binary.NativeEndian.Uint64(b[16:])),
		seq:    binary.NativeEndian.Uint64(b[24:]),
	}, true
}
