package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/diode"
	"golang.org/x/term"

	"rollcall/control"
	"rollcall/view/hostlist"
)

// logLines is how many lines wait for a reader of the log that is slower than the daemon.
const logLines = 4096

// newLog writes JSON to f, or lines for people where that is a terminal. Writing never makes
// the loop wait: lines that a stuck reader does not take are dropped. Close writes the rest.
func newLog(f *os.File, level, node string) (zerolog.Logger, io.Closer) {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	// The diode would close what it writes to.
	w := diode.NewWriter(struct{ io.Writer }{f}, logLines, 0, func(missed int) { fmt.Fprintf(f, "{\"level\":\"warn\",\"message\":\"%d log lines lost\"}\n", missed) })
	var out io.Writer = w
	if term.IsTerminal(int(f.Fd())) {
		out = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
	}
	l, err := zerolog.ParseLevel(level)
	if err != nil {
		l = zerolog.InfoLevel
	}
	return zerolog.New(out).Level(l).With().Timestamp().Str("node", node).Logger(), w
}

// logEvent writes one line for one event, nodes folded into hostlists; rails are named by this node's interfaces.
func logEvent(log zerolog.Logger, e *control.Event, interfaces []string) {
	line := log.Info()
	switch e.Kind {
	case control.EventLost, control.EventMismatch, control.EventRemoved, control.EventRefused, control.EventSuspect,
		control.EventQuarantined, control.EventProbation, control.EventRailLost, control.EventSpent:
		line = log.Warn()
	}
	line = line.Str("event", e.Kind.String()).Uint32("instance", e.Instance)
	if e.Level != 0 {
		line = line.Uint8("level", e.Level)
	}
	if e.From != 0 {
		line = line.Uint64("from", e.From)
	}
	if e.To != 0 {
		line = line.Uint64("to", e.To)
	}
	if e.Ballot != 0 {
		line = line.Stringer("ballot", e.Ballot)
	}
	if e.Leader != "" {
		line = line.Str("leader", e.Leader)
	}
	if len(e.Joined) > 0 {
		line = line.Str("joined", hostlist.Fold(e.Joined))
	}
	if len(e.Removed) > 0 {
		key := "removed"
		if e.Kind == control.EventSuspect {
			key = "suspected"
		}
		line = line.Str(key, hostlist.Fold(e.Removed))
	}
	if len(e.Nodes) > 0 {
		line = line.Str("nodes", hostlist.Fold(e.Nodes))
	}
	if e.Kind == control.EventRailLost || e.Kind == control.EventRailBack {
		line = line.Uint8("rail", e.Rail).Str("interface", interfaces[e.Rail])
	}
	if e.Why != "" {
		line = line.Str("why", e.Why)
	}
	if e.Rounds != 0 {
		line = line.Int("rounds", e.Rounds)
	}
	line.Msg(eventMessages[e.Kind])
}

var eventMessages = map[control.EventKind]string{
	control.EventInstalled:   "view installed",
	control.EventElected:     "this node leads",
	control.EventDeposed:     "this node leads no longer",
	control.EventSuspect:     "members are silent",
	control.EventRemoved:     "this node was removed",
	control.EventLost:        "no quorum",
	control.EventFounded:     "this node begins a cluster, or a generation of a group",
	control.EventLeft:        "this node left",
	control.EventQuarantined: "a node is kept out",
	control.EventReadmitted:  "a node is let in again",
	control.EventRefused:     "this node was refused",
	control.EventMismatch:    "a view's content is not what was agreed",
	control.EventRailLost:    "a rail is lost: it brings no answers, others do",
	control.EventRailBack:    "a rail is back",
	control.EventProbation:   "a node is not let in again yet",
	control.EventSpent:       "a group can not be formed again",
}
