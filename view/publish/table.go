package publish

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"rollcall/view"
	"rollcall/view/hostlist"
)

// Text is how a view is shown to people: a line about the view, then the nodes folded, one
// line a state, or with Wide one line a node.
type Text struct {
	Wide     bool
	NoHeader bool // neither the line about the view nor names of columns
}

// Table writes the view folded, under its header.
func Table(w io.Writer, d *Document) error { return Text{}.Write(w, d) }

// Write writes the view in one piece.
func (t Text) Write(w io.Writer, d *Document) error {
	var b bytes.Buffer
	if !t.NoHeader {
		fmt.Fprintln(&b, Headline(d))
	}
	rows := folded(d)
	if t.Wide {
		rows = wide(d)
	}
	if t.NoHeader {
		rows = rows[1:]
	}
	columns := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(columns, strings.Join(row, "\t"))
	}
	columns.Flush()
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the view: %w", err)
	}
	return nil
}

// Headline tells in one line which view it is and whether it may be trusted.
func Headline(d *Document) string {
	if d.Instance == 0 {
		return fmt.Sprintf("cluster %s  no view yet", d.Cluster)
	}
	leader, valid := d.Leader, "NOT VALID"
	if leader == "" {
		leader = "none known"
	}
	switch {
	case d.Valid && d.LeaseMS == 0:
		valid = "valid for less than 1ms"
	case d.Valid:
		valid = fmt.Sprintf("valid for %v", time.Duration(d.LeaseMS)*time.Millisecond)
	}
	return fmt.Sprintf("cluster %s  instance %d  epoch %d  hash %s  leader %s  %s",
		d.Cluster, d.Instance, d.Epoch, d.Hash, leader, valid)
}

func folded(d *Document) [][]string {
	rows := [][]string{{"STATE", "NNODES", "NODELIST"}}
	for s := range view.States {
		if names := d.Names(s); len(names) > 0 {
			rows = append(rows, []string{s.String(), fmt.Sprint(len(names)), hostlist.Fold(names)})
		}
	}
	return rows
}

func wide(d *Document) [][]string {
	rows := [][]string{{"NAME", "STATE", "GROUP", "SLOT", "INCARNATION"}}
	members := slices.Clone(d.Members)
	slices.SortStableFunc(members, func(a, b Member) int { return hostlist.Compare(a.Name, b.Name) })
	for _, m := range members {
		incarnation := m.Incarnation
		if incarnation == "" {
			incarnation = "-"
		}
		rows = append(rows, []string{m.Name, m.State.String(), fmt.Sprint(m.Group), fmt.Sprint(m.Slot), incarnation})
	}
	return rows
}

// Names lists the members in any of the states, or without states those in the view.
func (d *Document) Names(states ...view.State) []string {
	var names []string
	for _, m := range d.Members {
		if slices.Contains(states, m.State) || len(states) == 0 && m.Incarnation != "" {
			names = append(names, m.Name)
		}
	}
	return names
}
