package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view"
)

// stage plays plane, node and hands at once, with a clock that jumps to whatever is waited for.
type stage struct {
	dataplane.Plane // nil: what is not played here must not be called
	trace           []string
	clock           control.Time
	due             control.Time
	every           time.Duration // the node's deadlines; 0: none
	register        control.Register
	above           [control.Places]control.Register
	beating         bool               // the leader's beats arrive, all the time
	out             control.HostOutput // of the next step
	steps           []control.HostInput
	waits           int
	interrupts      int
	told            []bool // validity
	toldAt          []control.Time
	ticks           int
	watch           control.Bitmap
	tallies         [control.Levels]*control.Tally // that the last step saw
	seen            *snapshot
	bell            chan struct{} // Wait blocks on it, where there is one

	recordErr, nameErr, applyErr, sendErr, beatErr error

	disk chan struct{} // the record is on disk when it closes, after three waits; nil: at once
	wake dataplane.Wakes
}

func (s *stage) note(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf(format, args...))
}

func (s *stage) Now() control.Time { return s.clock }
func (s *stage) Wait(until control.Time) (wakes dataplane.Wakes, err error) {
	s.waits++
	if s.bell != nil {
		<-s.bell
	}
	s.clock = max(s.clock, until)
	if s.disk != nil && s.waits == 1+3 { // the first was the turn's own
		close(s.disk)
	}
	return s.wake, nil
}
func (s *stage) Snapshot(p control.Place, r *control.Register, _ *control.Tally, _ control.Bitmap) {
	if p != 0 {
		*r = s.above[p]
		return
	}
	if s.beating {
		s.register = healthy(s.clock)
	}
	*r = s.register
}
func (s *stage) Apply(c control.Command) error {
	s.note("apply %d", c.Kind)
	return s.applyErr
}
func (s *stage) Trouble() error { return s.beatErr }
func (s *stage) Name(level uint8, _ *control.Roster) error {
	s.note("name %d", level)
	return s.nameErr
}
func (s *stage) Send(out []control.Outgoing) error {
	s.note("send %d", len(out))
	return s.sendErr
}
func (s *stage) Stamp(uint16)                {}
func (s *stage) Show(*[control.Slots]uint32) { s.note("show") }
func (s *stage) Interrupt()                  { s.interrupts++; s.ring() }
func (s *stage) ring() {
	if s.bell != nil {
		s.bell <- struct{}{}
	}
}

func (s *stage) Step(now control.Time, in control.HostInput) control.HostOutput {
	s.tallies = *in.Tallies
	in.Registers, in.Tallies = nil, nil
	s.steps = append(s.steps, in)
	s.due = control.MaxTime
	if s.every != 0 {
		s.due = now.Add(s.every)
	}
	out := s.out
	s.out = control.HostOutput{}
	return out
}
func (s *stage) Deadline() control.Time { return s.due }
func (s *stage) Watch(level uint8) (of control.Bitmap) {
	if level == 0 {
		of = s.watch
	}
	return of
}
func (s *stage) Status(control.Time, *[control.Places]control.Register) (st control.HostStatus) {
	st.Group.States[1] = view.Stale
	return st
}

func (s *stage) record(*control.InstanceRecord) error {
	if s.disk != nil {
		<-s.disk
	}
	s.note("record")
	return s.recordErr
}
func (s *stage) hold(l []control.PlaceRosters) { s.note("hold %d", len(l)) }
func (s *stage) letter(l control.Letter)       { s.note("letter to %s", l.To) }
func (s *stage) install(_ control.Time, v *view.ClusterView) {
	s.note("view %d", v.Epoch())
}
func (s *stage) event(e *control.Event, _ uint64) {
	s.note("event %v", e.Kind)
}
func (s *stage) validity(valid bool) {
	s.told, s.toldAt = append(s.told, valid), append(s.toldAt, s.clock)
}
func (s *stage) troubled(err error)  { s.note("troubled %v", err != nil) }
func (s *stage) look(seen *snapshot) { s.seen = seen }
func (s *stage) tick()               { s.ticks++ }

func everything() control.HostOutput {
	rosters := []*control.Roster{{}}
	return control.HostOutput{
		Record: &control.InstanceRecord{}, RecordFirst: true,
		Rosters:  []control.PlaceRosters{{Place: 0, Rosters: rosters}, {Place: 2, Rosters: rosters}, {Place: 3, Rosters: rosters}},
		Commands: []control.Command{{Kind: control.CommandHold}, {Kind: control.CommandAsk}},
		Frames:   make([]control.Outgoing, 2),
		Messages: []control.Letter{{To: "a"}, {To: "b"}},
		View:     &view.ClusterView{Top: &view.Group{Seq: 7}},
		Events:   []control.Event{{Kind: control.EventInstalled}},
	}
}

func TestOutputIsCarriedOutInOrder(t *testing.T) {
	s := &stage{out: everything()}
	if err := newLoop(s, s, s).turn(); err != nil {
		t.Fatal(err)
	}
	want := []string{"record", "name 0", "name 1", "hold 3", "apply 3", "apply 4", "send 2", "letter to a", "letter to b", "view 7", "event installed", "show"}
	if diff := cmp.Diff(want, s.trace); diff != "" {
		t.Errorf("carried out (-want +got):\n%s", diff)
	}
}

func TestFailureLeavesTheRestUndone(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		s    stage
		last string
	}{
		"record":  {stage{recordErr: broken}, "record"},
		"name":    {stage{nameErr: broken}, "name 0"},
		"command": {stage{applyErr: broken}, "apply 3"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &test.s
			s.out = everything()
			if err := newLoop(s, s, s).turn(); !errors.Is(err, broken) {
				t.Errorf("turn returned %v", err)
			}
			if got := s.trace[len(s.trace)-1]; got != test.last {
				t.Errorf("went on to %q", got)
			}
		})
	}
}

func TestTroubleWithSendingIsToldOnce(t *testing.T) {
	s := &stage{}
	l := newLoop(s, s, s)
	turn := func(err error) {
		t.Helper()
		s.sendErr, s.out = err, control.HostOutput{Frames: make([]control.Outgoing, 1), Messages: []control.Letter{{To: "a"}}}
		if err := l.turn(); err != nil {
			t.Fatal(err)
		}
	}
	turn(nil)
	for range 3 {
		turn(errors.New("link down"))
	}
	turn(nil)
	got := strings.Join(s.trace, ",")
	want := "send 1,letter to a,show,send 1,troubled true,letter to a,send 1,letter to a,send 1,letter to a,send 1,troubled false,letter to a"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestInputsWaitInABoundedQueue(t *testing.T) {
	s := &stage{}
	l := newLoop(s, s, s)
	for i := range inboxMax {
		if err := l.offer(input{HostInput: control.HostInput{Abandon: uint32(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.offer(input{}); !errors.Is(err, errBusy) {
		t.Errorf("a full queue said %v", err)
	}
	if s.interrupts != inboxMax {
		t.Errorf("%d interrupts for %d inputs", s.interrupts, inboxMax)
	}
	for range inboxMax {
		if err := l.turn(); err != nil {
			t.Fatal(err)
		}
	}
	if s.clock != 0 {
		t.Errorf("the loop waited until %d while inputs were queued", s.clock)
	}
	for i, in := range s.steps {
		if in.Abandon != uint32(i) {
			t.Fatalf("step %d took input %d", i, in.Abandon)
		}
	}
}

// TestOrdersAreAnswered: who gave an order learns that it was taken, or why the host refused it.
func TestOrdersAreAnswered(t *testing.T) {
	refused := []control.Event{{Kind: control.EventInstalled, Why: "joined"}, {Kind: control.EventRefused, Why: "somebody leads"}}
	for _, tc := range []struct {
		order  control.Order
		events []control.Event
		want   string
	}{
		{control.OrderLeave, nil, "<nil>"},
		{control.OrderLeave, refused, "<nil>"}, // that was about something else
		{control.OrderRecover, refused[:1], "<nil>"},
		{control.OrderRecover, refused, "somebody leads"},
	} {
		s := &stage{out: control.HostOutput{Events: tc.events}}
		l := newLoop(s, s, s)
		taken := make(chan error, 1)
		if err := l.offer(input{HostInput: control.HostInput{Order: tc.order}, taken: taken}); err != nil {
			t.Fatal(err)
		}
		if err := l.turn(); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(<-taken); got != tc.want {
			t.Errorf("order %d, %d events: %s, want %s", tc.order, len(tc.events), got, tc.want)
		}
	}
}

func TestIdleLoopWakesOnceASecond(t *testing.T) {
	const seconds = 100
	s := &stage{clock: 1, every: time.Second, beating: true}
	l := newLoop(s, s, s)
	for s.clock < 1+seconds*control.Time(time.Second) {
		if err := l.turn(); err != nil {
			t.Fatal(err)
		}
	}
	if s.waits > seconds+2 {
		t.Errorf("%d wake-ups in %d s", s.waits, seconds)
	}
	if s.ticks < seconds {
		t.Errorf("%d ticks in %d s", s.ticks, seconds)
	}
	if diff := cmp.Diff([]bool{true}, s.told); diff != "" {
		t.Errorf("validity told (-want +got):\n%s", diff)
	}
}

func TestEndOfTheLeaseIsToldWhenItComes(t *testing.T) {
	const start = control.Time(time.Hour)
	s := &stage{clock: start, every: time.Second}
	s.register = healthy(start)
	l := newLoop(s, s, s)
	if err := l.turn(); err != nil {
		t.Fatal(err)
	}
	until := s.register.LeaseUntil // no beat arrives any more
	s.clock = start.Add(3 * s.register.Interval())
	for range 3 {
		if err := l.turn(); err != nil { // the first because the plane noticed the silence
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]bool{true, false}, s.told); diff != "" {
		t.Fatalf("validity told (-want +got):\n%s", diff)
	}
	if s.toldAt[1] != until {
		t.Errorf("told %v after the lease ended", s.toldAt[1].Since(until))
	}
}

func TestBeginOfTheLeaseIsToldWithinAnInterval(t *testing.T) {
	s := &stage{clock: control.Time(time.Hour), every: time.Second}
	s.register = healthy(s.clock)
	s.register.LeaseUntil = 0
	l := newLoop(s, s, s)
	if err := l.turn(); err != nil {
		t.Fatal(err)
	}
	granted := s.clock + 1
	s.register = healthy(granted)
	if err := l.turn(); err != nil {
		t.Fatal(err)
	}
	if len(s.told) != 1 || s.toldAt[0].Since(granted) > s.register.Interval() {
		t.Errorf("told %v at %v", s.told, s.toldAt)
	}
}

// healthy is a member's register just after a beat.
func healthy(now control.Time) control.Register {
	return control.Register{
		State: control.RegisterMember, IntervalUS: 10_000, LeaseUS: 35_000, Rounds: 5, BeatAt: now,
		LeaseUntil: now.Add(35 * time.Millisecond), UpperUntil: control.MaxTime,
	}
}

func TestLoopShowsWhatItSees(t *testing.T) {
	s := &stage{watch: control.Of(3, 5)}
	l := newLoop(s, s, s)
	l.tallies[0].Members[5] = control.Member{AgentAgeMS: 12}
	l.tallies[0].Heard[5] = control.Heard{EchoAt: 9, Answered: 1, Round: 4}
	l.tallies[0].Asking.Round = 6
	if err := l.turn(); err != nil {
		t.Fatal(err)
	}
	want := []member{{slot: 3, agentAgeMS: control.NoAgent}, {slot: 5, echoAt: 9, round: 4, agentAgeMS: 12}}
	if diff := cmp.Diff(want, s.seen.members, cmp.AllowUnexported(member{})); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if s.seen.asking.Round != 6 || s.seen.status.Group.States[1] != view.Stale {
		t.Errorf("snapshot %+v", s.seen.asking)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := &stage{every: time.Second, bell: make(chan struct{}, 8)}
	l := newLoop(s, s, s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	s.ring()
	go func() { done <- l.run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestTalliesAreThoseOfSeats: a host that votes above its group sees what it collects there, and no
// other host has the memory for it.
func TestTalliesAreThoseOfSeats(t *testing.T) {
	s := &stage{}
	l := newLoop(s, s, s)
	for _, votes := range []bool{false, true} {
		s.above[2].State = control.RegisterMember
		if votes {
			s.above[3].State = control.RegisterJoining
		}
		if err := l.turn(); err != nil {
			t.Fatal(err)
		}
		if s.tallies[0] == nil || (s.tallies[1] != nil) != votes || s.tallies[2] != nil {
			t.Errorf("with a seat: %v; tallies %v", votes, s.tallies)
		}
	}
}
