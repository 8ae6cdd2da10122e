package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"rollcall/dataplane"
)

// A thread that keeps the beat is told once, with the reason, and so is that it does no longer; what was
// configured is not worth a word.
func TestPacingIsTold(t *testing.T) {
	var log bytes.Buffer
	told := pacingTold{log: zerolog.New(&log)}
	for _, c := range []struct{ refused, attach, want string }{
		{"", dataplane.AttachAuto, ""},
		{dataplane.ByConfiguration, dataplane.AttachAuto, ""},
		{"the socket plane has no clock", dataplane.AttachSocket, ""},
		{"no TBF here", dataplane.AttachAuto, `"level":"warn","why":"no TBF here"`},
		{"no TBF here", dataplane.AttachAuto, ""},
		{"", dataplane.AttachAuto, `"level":"info"`},
		{"", dataplane.AttachAuto, ""},
	} {
		log.Reset()
		told.look(&dataplane.Description{Pacing: dataplane.Pacing{Refused: c.refused}}, c.attach)
		if got := log.String(); !strings.Contains(got, c.want) || (c.want == "") != (got == "") || strings.Count(got, "\n") > 1 {
			t.Errorf("after %q of attach %s the log says %q, want %q", c.refused, c.attach, got, c.want)
		}
	}
}
