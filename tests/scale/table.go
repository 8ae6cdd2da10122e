package scale

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Shapes are those of the table. Groups are as large as racks of such clusters might be.
var Shapes = []Shape{
	{1, 39, 50},     // Dawning 5000A: 1,950
	{1, 20, 50},     // 1,000 and
	{1, 40, 50},     // 2,000, as in the evaluation of Rapid
	{1, 147, 64},    // Frontier: 9,408
	{1, 248, 256},   // the most that two levels hold: 63,488
	{40, 50, 50},    // 100,000
	{100, 100, 100}, // 1,000,000
}

// Table is what a run of one cluster gave.
type Table struct {
	Options
	Start, Rest Result
	Faults      []Result
	Memory      uint64 // bytes of this process's heap a node
	Content     int    // bytes of the largest content that was sent
}

// Measure has a cluster start, rest, and live through the faults, and has every row told as it comes.
func Measure(o Options, faults []Fault, row func(string)) (*Table, error) {
	w := New(o)
	t := &Table{Options: w.Options, Start: w.Start()}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Memory = m.HeapAlloc / uint64(o.Nodes())
	t.Rest = w.Rest()
	row(t.head())
	row(t.row(&t.Start))
	for i := range faults {
		if w.failure != nil {
			break
		}
		r, struck := w.Strike(&faults[i])
		if w.failure != nil {
			break
		}
		t.Faults = append(t.Faults, r)
		row(t.row(&r))
		w.mend(&faults[i], struck)
	}
	t.Content = w.contents.largest
	return t, w.failure
}

// Rate is what a node sent a second, of a result.
func (t *Table) Rate(r *Result) (messages, bytes float64) {
	d := r.Window.Seconds() * float64(t.Nodes())
	return float64(r.All.messages) / d, float64(r.All.bytes) / d
}

// Extra is what a node sent for a fault, beside what it would have sent anyway.
func (t *Table) Extra(r *Result) (messages, bytes float64) {
	m, b := t.Rate(r)
	m0, b0 := t.Rate(&t.Rest)
	return (m - m0) * r.Window.Seconds(), (b - b0) * r.Window.Seconds()
}

// Header begins a table in Markdown.
const Header = `| fault | struck: nodes, leaders | rounds | seconds | views, sizes | left out | messages, KB a node | largest node: messages, KB a second |
|---|---|---|---|---|---|---|---|
`

// head is the row that tells of the cluster and of its rest.
func (t *Table) head() string {
	m, b := t.Rate(&t.Rest)
	d := t.Rest.Window.Seconds()
	shape := fmt.Sprintf("%d groups of %d", t.Groups, t.PerGroup)
	if t.Branches > 1 {
		shape = fmt.Sprintf("%d branches of %s", t.Branches, shape)
	}
	return fmt.Sprintf("| **%d nodes**, %s; nothing happens; %.1f KB of memory a node, %.0f MB in all | | | | | | %.1f, %.1f a second | %.0f, %.0f |\n", t.Nodes(), shape,
		float64(t.Memory)/1e3, float64(t.Memory)*float64(t.Nodes())/1e6, m, b/1000, float64(t.Rest.Largest.messages)/d, float64(t.Rest.Largest.bytes)/d/1000)
}

func (t *Table) row(r *Result) string {
	m, b := t.Extra(r)
	struck, left := fmt.Sprintf("%d, %s", r.Struck, r.led(t.Top())), strconv.Itoa(r.Wronged)
	if r == &t.Start { // everything that was sent is for it, and who is not in yet is not left out
		m, b = float64(r.All.messages)/float64(t.Nodes()), float64(r.All.bytes)/float64(t.Nodes())
		struck, left = "", ""
	}
	d := r.Window.Seconds()
	took := "not in time | "
	switch {
	case r.Lingers:
		took = fmt.Sprintf("%d of %d out | after %.0f", r.Out, r.Struck, d)
	case r.Took >= 0:
		took = fmt.Sprintf("%.1f | %.2f", float64(r.Took)/float64(t.Interval), r.Took.Seconds())
	}
	return fmt.Sprintf("| %s | %s | %s | %d, %d | %s | %.1f, %.2f | %.0f, %.0f |\n", r.Fault, struck, took, r.Views, r.Sizes, left, m, b/1000,
		float64(r.Largest.messages)/d, float64(r.Largest.bytes)/d/1000)
}

// led tells how many of those struck led a group of each level, from level 0 on.
func (r *Result) led(top uint8) string {
	var l []string
	for _, n := range r.Led[:top+1] {
		l = append(l, strconv.Itoa(n))
	}
	return strings.Join(l, "+")
}

// Cost is what the run took of this process.
func (t *Table) Cost() string {
	total := t.Start.Cost + t.Rest.Cost
	for i := range t.Faults {
		total += t.Faults[i].Cost
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return fmt.Sprintf("%d nodes: %d MB taken from the system at most, largest content %d bytes, %v", t.Nodes(), m.Sys/1e6, t.Content, total.Round(100*time.Millisecond))
}
