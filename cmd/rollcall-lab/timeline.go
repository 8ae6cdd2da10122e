package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/control"
)

// timeline prints how nodes of a cluster of one group were removed.
func timeline(out io.Writer, r *cluster.Removal, x cluster.Exchange) error {
	e := &r.Record
	l := newLines(out, r)
	l.verdict()
	l.at("committed", control.Time(e.CommitNS), fmt.Sprintf("view %d.%d after %d.%d, ballot %s", e.Instance, e.To, e.Instance, e.From, e.Ballot))
	l.installs()
	fmt.Fprintf(l, "  rounds used\t%9d\t%s\n", e.RoundsUsed, x)
	return l.Flush()
}

// groupsTimeline prints how nodes of a cluster of several groups were removed: by their group,
// whose leader told the top's, or with their whole group by the top's.
func groupsTimeline(out io.Writer, r *cluster.Removal) error {
	e, rounds := &r.Epoch, "at the top"
	l := newLines(out, r)
	l.verdict()
	if g := &r.Record; !g.Top {
		l.at("committed in the group", control.Time(g.CommitNS), fmt.Sprintf("number %d of group %d after %d, ballot %s", g.To, g.Group, g.From, g.Ballot))
		rounds += fmt.Sprintf(", and %d in the group", g.RoundsUsed)
	}
	l.at("committed at the top", control.Time(e.CommitNS), fmt.Sprintf("epoch %d.%d after %d.%d, ballot %s, by %s", e.Instance, e.To, e.Instance, e.From, e.Ballot, e.Leader))
	l.installs()
	fmt.Fprintf(l, "  rounds used\t%9d\t%s\n", e.RoundsUsed, rounds)
	return l.Flush()
}

// lines are those of a timeline. Times count from the fault.
type lines struct {
	*tabwriter.Writer
	*cluster.Removal
}

func newLines(out io.Writer, r *cluster.Removal) lines {
	l := lines{tabwriter.NewWriter(out, 0, 8, 2, ' ', 0), r}
	l.at("fault", r.Fault, "link closed, daemon killed")
	return l
}

func (l lines) at(what string, at control.Time, note string) {
	fmt.Fprintf(l, "  %s\t%9s\t%s\n", what, milliseconds(l.Since(at)), note)
}

func (l lines) verdict() {
	if l.Record.LastEvidenceNS != 0 {
		l.at("first missed round", control.Time(l.Record.LastEvidenceNS), "sent by "+l.Record.Leader)
	}
	if l.Record.VerdictNS != 0 {
		l.at("verdict", control.Time(l.Record.VerdictNS), l.Record.Why)
	}
}

func (l lines) installs() {
	l.at("first survivor", l.First().At, l.First().Node)
	l.at("last survivor", l.Last().At, fmt.Sprintf("%s, of %d with the same hash %s", l.Last().Node, len(l.Installs), l.Epoch.Hash))
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
