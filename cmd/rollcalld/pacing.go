package main

import (
	"github.com/rs/zerolog"

	"rollcall/dataplane"
)

// pacingTold is what the log says of who keeps this node's beat, in one line when that changes.
type pacingTold struct {
	log    zerolog.Logger
	thread bool // it was told that the thread does, though nobody asked for it
}

func (t *pacingTold) look(about *dataplane.Description, attach string) {
	why := about.Pacing.Refused
	thread := why != "" && why != dataplane.ByConfiguration && attach != dataplane.AttachSocket
	switch {
	case thread == t.thread:
	case thread:
		t.log.Warn().Str("why", why).Msg("the kernel does not keep the beat: where this node leads, a thread of the daemon does, and takes processor time every round")
	default:
		t.log.Info().Msg("the kernel keeps the beat")
	}
	t.thread = thread
}
