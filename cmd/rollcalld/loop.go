package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view"
)

// tick is how often a loop that has nothing else to do shows that it lives.
const tick = time.Second

// inboxMax is how many messages and orders wait for the loop.
const inboxMax = 256

// errBusy is why a message or order was not taken.
var errBusy = errors.New("too many messages at once; try again")

// host is the control.Host that the loop drives.
type host interface {
	Step(control.Time, control.HostInput) control.HostOutput
	Deadline() control.Time
	Watch(level uint8) control.Bitmap
	Status(control.Time, *[control.Places]control.Register) control.HostStatus
}

// hands carry out what is not the plane's. All but record return without waiting.
type hands interface {
	record(*control.InstanceRecord) error // returns when it is on disk; never called by the loop itself
	hold([]control.PlaceRosters)
	letter(control.Letter)
	install(control.Time, *view.ClusterView)
	event(e *control.Event, hash uint64) // of the view installed, 0 with other events
	validity(valid bool)
	troubled(sending error) // nil: no longer
	look(*snapshot)
	tick()
}

// loop drives the host: the only one that touches host and plane, on one thread.
type loop struct {
	host  host
	plane dataplane.Plane
	hands hands
	inbox chan input
	disk  scribe

	registers [control.Places]control.Register
	tallies   [control.Levels]*control.Tally // of the levels where this host votes
	shown     [control.Slots]uint32
	nextTick  control.Time
	sentAt    control.Time    // when the last frames had left
	kept      dataplane.Wakes // that came while a record was written, for the next step
	valid     bool
	asking    error // why the last asks could not be sent
	sending   error // the trouble that was told

	counts struct{ wakes, steps, frames, letters, views atomic.Uint64 } // frames counts asks other than beats
}

// input is what other goroutines want the host to know.
type input struct {
	control.HostInput
	taken chan<- error // with room for one: after the step, why the host refused the order, if it did; nil: nobody waits
	keys  *keysOrder
}

// keysOrder has the plane take other keys, and says how that went.
type keysOrder struct {
	keys *dataplane.Keys
	done chan<- error // with room for one
}

func newLoop(h host, p dataplane.Plane, by hands) *loop {
	l := &loop{host: h, plane: p, hands: by, inbox: make(chan input, inboxMax)}
	l.tallies[0] = new(control.Tally)
	l.disk.write, l.disk.wrote = by.record, p.Interrupt
	return l
}

// offer hands an input to the loop from any goroutine, or returns errBusy.
func (l *loop) offer(in input) error {
	select {
	case l.inbox <- in:
		l.plane.Interrupt()
		return nil
	default:
		return errBusy
	}
}

// setKeys replaces the plane's keys, from any goroutine.
func (l *loop) setKeys(ctx context.Context, keys *dataplane.Keys) error {
	done := make(chan error, 1)
	if err := l.offer(input{keys: &keysOrder{keys, done}}); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the daemon is too busy: %w", ctx.Err())
	}
}

// run turns until ctx ends or something fails that a new start may mend. What is pinned
// keeps serving frames either way.
func (l *loop) run(ctx context.Context) error {
	defer context.AfterFunc(ctx, l.plane.Interrupt)()
	for ctx.Err() == nil {
		if err := l.turn(); err != nil {
			return err
		}
	}
	return l.saved()
}

// turn waits for something to happen, takes one step and carries it out.
func (l *loop) turn() error {
	wakes, err := l.plane.Wait(l.deadline())
	if err != nil {
		return err
	}
	l.counts.wakes.Add(1)
	var in input
	select {
	case in = <-l.inbox:
	default:
	}
	wakes.Join(&l.kept)
	l.kept = dataplane.Wakes{}
	in.Wakes, in.Sent = wakes, l.sentAt
	if in.Unsaved, _, err = l.disk.behind(); err != nil {
		return err
	}
	if o := in.keys; o != nil {
		o.done <- l.plane.SetKeys(o.keys)
	}

	now := l.plane.Now()
	l.plane.Stamp(0)
	l.read()
	in.Registers, in.Tallies = &l.registers, &l.tallies
	out := l.host.Step(now, in.HostInput)
	l.counts.steps.Add(1)
	if err := l.carry(now, &out); err != nil {
		return err
	}
	if in.taken != nil {
		in.taken <- refusal(in.Order, out.Events)
	}
	l.show(now, out.View != nil || out.Group != nil || len(out.Events) > 0 || in.taken != nil || in.keys != nil)
	return nil
}

// refusal is why the host did not carry an order out; nil: it does.
func refusal(o control.Order, events []control.Event) error {
	if o != control.OrderRecover {
		return nil
	}
	for i := range events {
		if e := &events[i]; e.Kind == control.EventRefused {
			return errors.New(e.Why)
		}
	}
	return nil
}

// read copies the registers, and the tallies of the levels where this host votes: above its group
// few hosts do, and a tally is large.
func (l *loop) read() {
	for p := range control.Place(control.Places) {
		level := p.Level()
		var t *control.Tally
		if p.Votes() {
			t = l.tallies[level]
		}
		l.plane.Snapshot(p, &l.registers[p], t, l.host.Watch(level))
		if p.Votes() && t == nil && l.registers[p].State != control.RegisterVacant {
			l.tallies[level] = new(control.Tally)
			l.plane.Snapshot(p, &l.registers[p], l.tallies[level], l.host.Watch(level))
		}
	}
}

// deadline is when to turn again if nothing happens before. A lease that begins, and one that
// ends after the leader's beats fell silent, are told when that happens, while nobody
// wakes for those that the kernel extends.
func (l *loop) deadline() control.Time {
	if len(l.inbox) > 0 || l.kept.Any() {
		return 0
	}
	at := min(l.host.Deadline(), l.nextTick)
	r := &l.registers[0]
	if r.State != control.RegisterMember || r.BeatAt == 0 {
		return at
	}
	now := l.plane.Now()
	switch silent := now.Since(r.BeatAt) > 2*r.Interval(); {
	case l.valid && silent:
		at = min(at, r.LeaseUntil, r.UpperUntil)
	case !l.valid && !silent:
		at = min(at, now.Add(r.Interval()))
	}
	return at
}

// carry carries out what a step decided, in the order of the fields. An error leaves the
// rest undone: then a register is not what the host takes it to be, and only a new start
// brings the two together.
func (l *loop) carry(now control.Time, out *control.HostOutput) error {
	if out.Record != nil {
		l.disk.put(out.Record)
	}
	if _, late, _ := l.disk.behind(); out.RecordFirst || late {
		if err := l.saved(); err != nil {
			return err
		}
	}
	for _, held := range out.Rosters {
		if level := held.Place.Level(); held.Place.Votes() {
			if err := l.plane.Name(level, held.Rosters[0]); err != nil {
				return fmt.Errorf("name the slots of the group at level %d: %w", level, err)
			}
		}
	}
	if len(out.Rosters) > 0 {
		l.hands.hold(out.Rosters)
	}
	for _, c := range out.Commands {
		if err := l.plane.Apply(c); err != nil {
			return fmt.Errorf("command %d to register %d: %w", c.Kind, c.Place(), err)
		}
	}
	if len(out.Frames) > 0 {
		l.asking = l.plane.Send(out.Frames)
		l.sentAt = l.plane.Now()
		l.counts.frames.Add(uint64(len(out.Frames)))
	}
	l.sent(cmp.Or(l.asking, l.plane.Trouble()))
	for _, letter := range out.Messages {
		l.hands.letter(letter)
	}
	l.counts.letters.Add(uint64(len(out.Messages)))
	if out.View != nil {
		l.hands.install(now, out.View)
		l.counts.views.Add(1)
	}
	for i := range out.Events {
		l.hands.event(&out.Events[i], hashOf(out, &out.Events[i]))
	}
	return nil
}

// hashOf is that of the view which an event tells was installed.
func hashOf(out *control.HostOutput, e *control.Event) uint64 {
	switch {
	case e.Kind != control.EventInstalled:
	case out.View != nil && e.Level == out.View.Top.Level:
		return out.View.Hash()
	case out.Group != nil && e.Level == 0:
		return out.Group.Hash()
	}
	return 0
}

// saved returns when the records are on disk. The plane goes on with its part meanwhile, and only the host
// has to wait.
func (l *loop) saved() error {
	for {
		unsaved, _, err := l.disk.behind()
		if err != nil || !unsaved {
			return err
		}
		wakes, err := l.plane.Wait(l.plane.Now().Add(tick))
		if err != nil {
			return err
		}
		l.kept.Join(&wakes)
	}
}

// sent tells of trouble with sending when it begins and when it ends. A frame that could
// not leave is as one that was lost on its way.
func (l *loop) sent(err error) {
	if (err == nil) != (l.sending == nil) {
		l.hands.troubled(err)
	}
	l.sending = err
}

// show keeps up to date what others see of this node: at once when something happened,
// else with every tick.
func (l *loop) show(now control.Time, changed bool) {
	if valid := l.registers[0].Valid(now); valid != l.valid {
		l.valid, changed = valid, true
		l.hands.validity(valid)
	}
	due := !now.Before(l.nextTick)
	if !due && !changed {
		return
	}
	tally := l.tallies[0]
	s := &snapshot{at: now, status: l.host.Status(now, &l.registers), register: l.registers[0], asking: tally.Asking}
	watch := l.host.Watch(0)
	for slot := watch.First(); slot < control.Slots; slot = watch.Next(slot + 1) {
		s.members = append(s.members, heard(slot, tally))
	}
	l.hands.look(s)
	if states := s.states(); states != l.shown {
		l.shown = states
		l.plane.Show(&states)
	}
	if due {
		l.nextTick = now.Add(tick)
		l.hands.tick()
	}
}
