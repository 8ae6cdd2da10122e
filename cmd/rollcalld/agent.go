package main

import (
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/view"
	"rollcall/view/publish"
)

// agent is the loop's hands in the daemon.
type agent struct {
	cfg       *config.Config
	log       zerolog.Logger
	source    *source
	recorder  *recorder
	sender    *calls.Sender
	publisher *publish.Publisher
	notifier  *notifier
	held      [control.Places][]*control.Roster
	rosters   chan [control.Places][]*control.Roster // what is held and not saved yet
	pacing    pacingTold
	summary   string // of the view installed last
}

func (a *agent) record(r *control.InstanceRecord) error { return saveRecord(a.cfg.StateDir, r) }

func (a *agent) hold(changed []control.PlaceRosters) {
	for _, c := range changed {
		a.held[c.Place] = c.Rosters
		a.know(c.Rosters)
	}
	select {
	case <-a.rosters:
	default:
	}
	a.rosters <- a.held
}

// know has letters reach the nodes of the rosters by whichever rail they can be called.
func (a *agent) know(rosters []*control.Roster) {
	for _, r := range rosters {
		for i := range r.Seats {
			a.sender.Know(&r.Seats[i].Peer)
		}
	}
}

// saveRosters saves what hold hands over until that closes.
func (a *agent) saveRosters() {
	failing := false
	for held := range a.rosters {
		err := saveRosters(a.cfg.StateDir, &held)
		if err != nil && !failing {
			a.log.Warn().Err(err).Msg("a restarted agent will have to ask for the roster")
		}
		failing = err != nil
	}
}

func (a *agent) letter(l control.Letter) { a.sender.Send(l) }

func (a *agent) install(_ control.Time, v *view.ClusterView) {
	in := newInstalled(v, a.source.installed.Load())
	if err := a.publisher.Publish(in.flat, v.Hash(), layoutFor(v)); err != nil {
		a.log.Error().Err(err).Msg("readers of the mapped view see none")
	}
	a.source.installed.Store(in)
	a.source.epochs.add(v)
	a.summary = fmt.Sprintf("epoch %d of instance %d: %d of %d nodes, leader %s",
		v.Epoch(), v.Instance, len(in.flat.Members), a.cfg.Size(), v.Leader)
	a.notifier.say(a.summary)
	a.source.Raise()
}

func (a *agent) event(e *control.Event, hash uint64) {
	a.recorder.add(a.source.eventDocument(e, hash, a.source.now(), time.Now()))
	logEvent(a.log, e, a.cfg.Interfaces)
}

func (a *agent) validity(valid bool) {
	if valid {
		a.log.Info().Msg("the view is valid")
		a.notifier.say(a.summary)
	} else {
		a.notifier.say("not valid: " + a.summary)
		a.log.Warn().Msg("the view is no longer valid: no beat of a leader with a quorum extends its lease")
	}
	a.source.Raise()
}

func (a *agent) troubled(err error) {
	if err != nil {
		a.log.Warn().Err(err).Msg("frames cannot be sent")
	} else {
		a.log.Info().Msg("frames can be sent again")
	}
}

func (a *agent) look(s *snapshot) {
	a.source.seen.Store(s)
	a.source.Raise()
}

func (a *agent) tick() {
	if err := a.publisher.Refresh(); err != nil {
		a.log.Error().Err(err).Msg("readers of the mapped view may trust it too long after a suspend")
	}
	about := a.source.plane.Describe()
	a.pacing.look(&about, a.cfg.Attach)
	a.notifier.tick()
}
