package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/control"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

// eventsFlags is what of the history the user wants to see.
type eventsFlags struct {
	follow bool
	since  uint64
	kinds  []string
	of     selection
}

func (a *app) eventsCommand() *cobra.Command {
	var f eventsFlags
	c := &cobra.Command{
		Use:   "events",
		Short: "Show what happened, and why",
		Long: `Show what happened since the daemon started, the oldest first: view changes with who joined
and who was removed, why, and how many rounds of messages it took; elections; losses. With
-o json each event is one line with all times and the evidence. Where the cluster has several
groups, G:N stands for number N of group G, which is no epoch. Of a change in this node's own
group the leader is asked for reason, evidence and times. An epoch of several groups says what
became of which groups; why one of them removed members, its own nodes tell, and times and
evidence of the epoch the root's.`,
		Example: `  rollcall events
  rollcall events --kind installed -o wide
  rollcall events --watch -o json | jq --unbuffered -c '[.to, .removed, .rounds_used]'`,
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.noNodeset(c); err != nil {
				return err
			}
			if err := f.read(); err != nil {
				return err
			}
			return a.events(c.Context(), &f)
		},
	}
	watchFlag(c, &f.follow, "go on and show events as they happen")
	c.Flags().Uint64Var(&f.since, "since", 0, "only events with a higher `number`")
	c.Flags().StringSliceVar(&f.kinds, "kind", nil, "only these `kinds`, such as installed,elected")
	c.Flags().StringVarP(&f.of.nodeset, "nodes", "w", "", "only events that joined, removed or suspected one of these nodes: a `nodeset`")
	completes(c, "kind", someOf(eventKinds()...))
	completes(c, "nodes", a.offerNodes())
	return c
}

// read judges what the flags said.
func (f *eventsFlags) read() error {
	all := eventKinds()
	for _, kind := range f.kinds {
		if !slices.Contains(all, kind) {
			return fmt.Errorf("kind %q: give one of %s", kind, strings.Join(all, ", "))
		}
	}
	return f.of.read()
}

func eventKinds() (all []string) {
	for k := control.EventInstalled; k < control.EventKinds; k++ {
		all = append(all, k.String())
	}
	return all
}

func (f *eventsFlags) takes(e *publish.EventDocument) bool {
	if f.kinds != nil && !slices.Contains(f.kinds, e.Kind) {
		return false
	}
	named := func(name string) bool { return slices.Contains(f.of.nodes, name) }
	return f.of.nodes == nil || slices.ContainsFunc(slices.Concat(e.Joined, e.Removed, e.Suspected, e.Nodes), named)
}

func (a *app) events(ctx context.Context, f *eventsFlags) error {
	if !f.follow {
		ctx, cancel := a.soon(ctx)
		defer cancel()
		list, err := a.client().Events(ctx, f.since)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(e publish.EventDocument) bool { return !f.takes(&e) })
		return a.printEvents(list, true)
	}
	ctx, cancel := a.late(ctx)
	defer cancel()
	first := true
	for e, err := range a.client().Follow(ctx, f.since) {
		if err != nil {
			return err
		}
		if !f.takes(e) {
			continue
		}
		if err := a.printEvents([]publish.EventDocument{*e}, first); err != nil {
			return err
		}
		first = false
	}
	return nil
}

func (a *app) printEvents(list []publish.EventDocument, header bool) error {
	if a.output == outputJSON {
		for i := range list {
			if err := a.json(list[i]); err != nil {
				return err
			}
		}
		return nil
	}
	var titles []string
	if header {
		titles = []string{"NUMBER", "TIME", "KIND", "EPOCH", "ROUNDS", "LEADER", "CHANGE", "WHY"}
		if a.output == outputWide {
			titles = append(titles, "BALLOT", "MISSED-VERDICT", "VERDICT-COMMIT", "COMMIT-INSTALL", "EVIDENCE")
		}
	}
	var rows [][]string
	for i := range list {
		rows = append(rows, a.eventRow(&list[i]))
	}
	return a.rows(titles, rows)
}

func (a *app) eventRow(e *publish.EventDocument) []string {
	row := []string{
		strconv.FormatUint(e.Number, 10), e.At.Format("2006-01-02T15:04:05.000Z07:00"), e.Kind,
		epochs(e), "-", dash(e.Leader), change(e), dash(e.Why),
	}
	if e.RoundsUsed > 0 {
		row[4] = strconv.Itoa(e.RoundsUsed)
	}
	if a.output == outputWide {
		row = append(row, dash(e.Ballot), between(e.LastEvidenceNS, e.VerdictNS), between(e.VerdictNS, e.CommitNS),
			between(e.CommitNS, e.InstallNS), evidence(e))
	}
	return row
}

// epochs are the numbers before and after; those of a group that is not the top one, whose
// numbers are no epochs, with the group's before them.
func epochs(e *publish.EventDocument) string {
	of := ""
	if !e.Top {
		of = fmt.Sprintf("%d:", e.Group)
	}
	switch {
	case e.From != 0 && e.To != 0:
		return fmt.Sprintf("%s%d>%d", of, e.From, e.To)
	case e.To != 0:
		return fmt.Sprintf("%s%d", of, e.To)
	case e.From != 0:
		return fmt.Sprintf("%s%d", of, e.From)
	}
	return dash(of)
}

func change(e *publish.EventDocument) string {
	var parts []string
	if len(e.Joined) > 0 {
		parts = append(parts, "+"+hostlist.Fold(e.Joined))
	}
	if len(e.Removed) > 0 {
		parts = append(parts, "-"+hostlist.Fold(e.Removed))
	}
	if len(e.Suspected) > 0 {
		parts = append(parts, "?"+hostlist.Fold(e.Suspected))
	}
	if e.Rail != "" {
		parts = append(parts, e.Rail+":")
	}
	if len(e.Nodes) > 0 {
		parts = append(parts, hostlist.Fold(e.Nodes))
	}
	return dash(strings.Join(parts, " "))
}

func between(from, to uint64) string {
	if from == 0 || to == 0 {
		return "-"
	}
	return time.Duration(to - from).Round(time.Microsecond).String()
}

func evidence(e *publish.EventDocument) string {
	var parts []string
	for _, v := range e.Evidence {
		parts = append(parts, v.Name+": "+v.Why)
	}
	return dash(strings.Join(parts, "; "))
}
