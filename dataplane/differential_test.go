package dataplane

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/control"
)

// TestDifferential gives the kernel program and the rules of package control the same random
// frames, orders and agent's writes, and compares after each what was done, what was
// answered, what is held, what was counted and whom it woke. A run is repeated by setting
// ROLLCALL_SEED to the number that it printed; ROLLCALL_STEPS says how many frames each door gets.
func TestDifferential(t *testing.T) {
	requireKernel(t)
	steps := 550_000
	if testing.Short() {
		steps = 20_000
	}
	steps = int(fromEnvironment(t, "ROLLCALL_STEPS", uint64(steps)))
	seed := fromEnvironment(t, "ROLLCALL_SEED", uint64(time.Now().UnixNano()))
	for i, door := range testDoors {
		t.Run(door.name, func(t *testing.T) {
			t.Parallel()
			t.Logf("ROLLCALL_SEED=%d ROLLCALL_STEPS=%d", seed, steps)
			d := newDifferential(openTestKernel(t), i, seed)
			for d.frames < steps {
				d.step()
			}
			d.compareMembers()
			d.coverage(steps)
		})
	}
}

func fromEnvironment(t *testing.T, name string, otherwise uint64) uint64 {
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// differential drives the kernel program and its model side by side.
type differential struct {
	*testKernel
	generator
	door   int
	frames int
	beats  int
	woken  control.Wake // every reason seen
	doing  any          // for the report of a difference
}

func newDifferential(k *testKernel, door int, seed uint64) *differential {
	d := &differential{testKernel: k, door: door}
	d.rng = rand.New(rand.NewPCG(seed, uint64(door)))
	d.model, d.wholeIP = &model{}, testDoors[door].name == "tc"
	d.now = control.Time(1 << 40)
	return d
}

func (d *differential) step() {
	d.pass()
	d.setTime(d.now)
	switch n := d.rng.IntN(100); {
	case n < 76:
		d.packet()
	case n < 80:
		d.ownAsk()
	case n < 86:
		d.beat()
	case n < 94:
		d.order()
	default:
		d.agent()
	}
	d.compare()
	if d.rng.IntN(4096) == 0 {
		d.compareMembers()
	}
}

// packet has both serve one packet.
func (d *differential) packet() {
	b := d.aPacket()
	d.doing = b
	d.frames++
	verdict, want := d.serve(d.now, b)
	door := testDoors[d.door]
	action, out := d.run(door.program, b)
	if want := [...]uint32{passed: door.pass, dropped: door.drop, sent: door.send}[verdict]; action != want {
		d.fatalf("the kernel program returned %d, want %d", action, want)
	}
	if !bytes.Equal(out, want) {
		d.fatalf("bytes (-want +got):\n%s", cmp.Diff(want, out))
	}
	d.compareEvent()
}

func (d *differential) compareEvent() {
	d.woken |= d.model.event.wake
	if d.model.event.wake == 0 {
		if e, ok := d.testKernel.event(0); ok {
			d.fatalf("the kernel program woke the agent: %+v", e)
		}
		return
	}
	if e, _ := d.testKernel.event(time.Second); e != d.model.event {
		d.fatalf("event %+v, want %+v", e, d.model.event)
	}
}

// ownAsk has both hand an ask of the node's own to its own register and tally.
func (d *differential) ownAsk() {
	i := d.anIndex()
	r, t := &d.registers[i], &d.tallies[i/2]
	f := d.anAsk(i)
	if d.chance(80) {
		f.From, f.Ballot, f.Round = r.Slot, t.Ballot, t.Round
	}
	wire := AppendFrame(nil, &f, &twinKeys)
	d.doing = f
	f.Sent = d.now
	want := control.Deliver(d.now, r, t, f)
	reason, wake, out := d.deliver(i, wire)
	if reason != want.Reason || wake != want.Wake {
		d.fatalf("delivered: %v, wake %b; want %v, wake %b", reason, wake, want.Reason, want.Wake)
	}
	if frame := AppendFrame(nil, &f, &twinKeys); !bytes.Equal(out, frame) {
		d.fatalf("frame to send (-want +got):\n%s", cmp.Diff(frame, out))
	}
	d.compareMember(i/2, r.Slot)
}

// beat has both make the next round, of a leader whose agent mostly lives.
func (d *differential) beat() {
	i := d.anIndex()
	r, t := &d.registers[i], &d.tallies[i/2]
	if d.chance(70) {
		r.AgentAt = d.now
		d.register(i).AgentAt = d.now
	}
	if due := t.Due(); due > d.now && due < d.now+1<<40 && d.chance(80) {
		d.now = due + control.Time(d.rng.IntN(100_000)) - 50_000
		d.setTime(d.now)
	}
	d.doing = "beat"
	f, to, wake, sent := t.Beat(d.now, r, d.above(i))
	back, out := d.testKernel.beat(i)
	if sent != (back.sent == 1) || wake != control.Wake(back.wake) {
		d.fatalf("beat: sent %d, wake %b; want %v, wake %b", back.sent, back.wake, sent, wake)
	}
	d.woken |= wake
	if sent {
		d.beats++
		if frame := AppendFrame(nil, &f, &twinKeys); !bytes.Equal(out, frame) || back.to != to {
			d.fatalf("beat to %v, want %v (-want +got):\n%s", back.to, to, cmp.Diff(frame, out))
		}
	}
	d.compareTally(i / 2)
	d.compareMember(i/2, r.Slot)
}

// above is the register of the group's slot in the level above; the top has none.
func (d *differential) above(i int) *control.Register {
	if up := (i/2 + 1) * 2; up < len(d.registers) {
		return &d.registers[up]
	}
	return nil
}

func (d *differential) order() {
	i := d.anIndex()
	c := d.aCommand(i)
	d.doing = c
	control.Apply(&c, &d.registers[i], &d.tallies[i/2])
	d.command(i, &c)
	d.compareTally(i / 2)
}

// agent writes, as the agent does, what is its alone to write.
func (d *differential) agent() {
	i, level, slot := d.anIndex(), d.rng.IntN(4), d.aSlot()%control.Slots
	d.doing = "agent"
	own, kernel := &d.registers[i], d.register(i)
	switch d.rng.IntN(4) {
	case 3: // it comes and goes, which the kernel takes its time for
		if d.chance(1) {
			d.comesOrGoes()
		}
	case 0:
		own.AgentAt, own.Health = d.now-control.Time(d.rng.IntN(3)*1_234_567), uint32(d.rng.IntN(9))
		kernel.AgentAt, kernel.Health = own.AgentAt, own.Health
	case 1:
		m := &d.tallies[level].Members[slot]
		m.Expected = pick(d.rng, m.Expected, 0, incarnationOf(int(slot)), incarnationOf(int(slot)+1))
		m.State, m.Name[0] = uint32(d.rng.IntN(5)), byte(d.rng.IntN(99))
		to := d.member(level, int(slot))
		to.Expected, to.State, to.Name = m.Expected, m.State, m.Name
	case 2: // an upgrade freezes the register, and gives it back
		if own.State == control.RegisterFrozen {
			own.State = d.thawed[i]
		} else if d.chance(30) {
			d.thawed[i], own.State = own.State, control.RegisterFrozen
		}
		kernel.State = own.State
	}
}

// comesOrGoes has an agent's process end, or another begin.
func (d *differential) comesOrGoes() {
	d.model.orphaned ^= 1
	hook := strings.TrimSuffix(testDoors[d.door].program, "door")
	if d.model.orphaned == 0 {
		d.put(hook+"agent", 0, d.coll.Programs[hook+"serve"])
	} else if err := d.coll.Maps[hook+"agent"].Delete(uint32(0)); err != nil {
		d.fatalf("empty %sagent: %v", hook, err)
	}
}

// memory is the bytes of a struct behind its version.
func memory[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))[4:]
}

func same[T any](d *differential, what string, index int, want, got *T) {
	if version := *(*uint32)(unsafe.Pointer(got)); version%2 != 0 {
		d.fatalf("%s %d: version %d is odd", what, index, version)
	}
	if !bytes.Equal(memory(want), memory(got)) {
		d.fatalf("%s %d (-want +got):\n%s", what, index, cmp.Diff(*want, *got, cmpopts.IgnoreFields(*want, "Version"),
			cmpopts.IgnoreUnexported(*want)))
	}
}

func (d *differential) compare() {
	for i := range d.registers {
		same(d, "register", i, &d.registers[i], d.register(i))
	}
	for i := range d.tallies {
		same(d, "asking", i, &d.tallies[i].Asking, &d.tally(i).Asking)
	}
	if d.model.stats != *d.counters() {
		d.fatalf("counters (-want +got):\n%s", cmp.Diff(d.model.stats, *d.counters()))
	}
	d.compareMember(d.lastLevel, d.lastFrom)
}

// compareTally compares all that a tally heard.
func (d *differential) compareTally(level int) {
	if got := d.tally(level); got.Heard != d.tallies[level].Heard {
		d.fatalf("heard (-want +got):\n%s", cmp.Diff(d.tallies[level].Heard, got.Heard))
	}
}

func (d *differential) compareMember(level int, slot uint16) {
	if slot < control.Slots && level < len(d.tallies) {
		if want, got := d.tallies[level].Heard[slot], d.tally(level).Heard[slot]; want != got {
			d.fatalf("heard from %d (-want +got):\n%s", slot, cmp.Diff(want, got))
		}
		same(d, "member", level*control.Slots+int(slot), &d.tallies[level].Members[slot], d.member(level, int(slot)))
		if want, got := &d.relays[level][slot], d.relay(level, int(slot)); *want != *got {
			d.fatalf("passed on for %d.%d (-want +got):\n%s", level, slot, cmp.Diff(*want, *got))
		}
	}
}

func (d *differential) compareMembers() {
	for level := range d.tallies {
		d.compareTally(level)
		for slot := range uint16(control.Slots) {
			d.compareMember(level, slot)
		}
	}
}

func (d *differential) fatalf(format string, args ...any) {
	d.Helper()
	d.Logf("after %d frames, doing %+v", d.frames, d.doing)
	d.Fatalf(format, args...)
}

// coverage fails when the frames were so dull that the comparison says little.
func (d *differential) coverage(steps int) {
	for why := control.ReasonNone + 1; why < control.Reasons; why++ {
		if n := d.model.stats[why]; n < uint64(steps/2000) {
			d.Errorf("only %d of %d frames were %v", n, d.frames, why)
		}
	}
	if d.beats < steps/1000 {
		d.Errorf("only %d beats left", d.beats)
	}
	if all := control.WakeAway<<1 - 1; d.woken|control.WakeSilent != all {
		d.Errorf("woke for %b only, want %b", d.woken|control.WakeSilent, all)
	}
}
