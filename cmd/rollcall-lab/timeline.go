package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/control"
)

// timeline prints how nodes were removed. Times count from the fault.
func timeline(out io.Writer, r *cluster.Removal, x cluster.Exchange) error {
	e := &r.Record
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	line := func(what string, at control.Time, note string) {
		fmt.Fprintf(w, "  %s\t%9s\t%s\n", what, milliseconds(r.Since(at)), note)
	}
	line("fault", r.Fault, "link closed, daemon killed")
	if e.LastEvidenceNS != 0 {
		line("first missed round", control.Time(e.LastEvidenceNS), "sent by "+e.Leader)
	}
	line("verdict", control.Time(e.VerdictNS), e.Why)
	line("committed", control.Time(e.CommitNS), fmt.Sprintf("view %d.%d after %d.%d, ballot %s", e.Instance, e.To, e.Instance, e.From, e.Ballot))
	line("first survivor", r.First().At, r.First().Node)
	line("last survivor", r.Last().At, fmt.Sprintf("%s, of %d with the same hash %s", r.Last().Node, len(r.Installs), e.Hash))
	fmt.Fprintf(w, "  rounds used\t%9d\t%s\n", e.RoundsUsed, x)
	return w.Flush()
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
