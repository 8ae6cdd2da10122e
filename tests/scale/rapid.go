package scale

import (
	"fmt"
	"strings"
)

// paper is a line of what Suresh et al. published of three membership services of 1,000 or 2,000 processes
// (Stable and Consistent Membership at Scale with Rapid, USENIX ATC 2018, section 7), and how the
// same is told of a cluster of ours.
type paper struct {
	processes                    int
	what                         string
	rapid, memberlist, zookeeper string
	ours                         func(t *Table) string
}

var papers = []paper{
	{2000, "seconds to start", "2 to 2.32 times faster than Memberlist", "95 in the mean", "3.23 to 5.81 times slower than Rapid",
		func(t *Table) string { return fmt.Sprintf("%.1f", t.Start.Took.Seconds()) }},
	{2000, "distinct sizes seen while it starts", "4", "1,858", "2,000",
		func(t *Table) string { return fmt.Sprint(t.Start.Sizes) }},
	{1000, "views after 10 crash", "1", "several, not counted", "several, not counted",
		func(t *Table) string {
			return t.of("10 at once", func(r *Result) string { return fmt.Sprint(r.Views) })
		}},
	{1000, "KB a second and node, sent, mean", "0.71", "0.64", "0.01",
		func(t *Table) string { _, b := t.Rate(&t.Rest); return fmt.Sprintf("%.2f", b/1000) }},
	{1000, "… largest node, sent and received", "11.37 and 9.56", "8.04 and 7.36", "0.67 and 38.86",
		func(t *Table) string {
			return fmt.Sprintf("%.0f in all", float64(t.Rest.Largest.bytes)/t.Rest.Window.Seconds()/1000)
		}},
	{1000, "1 % deaf, 20 s of 40: views", "the faulty are removed", "never all removed", "none removed",
		func(t *Table) string {
			return t.of("1 % deaf", func(r *Result) string { return fmt.Sprintf("%d in %.0f s", r.Views, r.Window.Seconds()) })
		}},
	{1000, "1 % lose 80 % of what they send: removed", "exactly the faulty", "few, inconsistent", "not all",
		func(t *Table) string {
			return t.of("1 % lose", func(r *Result) string { return fmt.Sprintf("%d of %d in %.0f s", r.Out, r.Struck, r.Window.Seconds()) })
		}},
}

// of tells of the fault whose name begins so.
func (t *Table) of(fault string, tell func(r *Result) string) string {
	for i := range t.Faults {
		if r := &t.Faults[i]; strings.HasPrefix(r.Fault, fault) {
			return tell(r)
		}
	}
	return "not run"
}

// Beside is a table of what was published beside what this run gave; empty where nothing is like it. The
// paper's rates are of processes of which 10 crash, ours of nodes at rest.
func (t *Table) Beside() string {
	if n := t.Nodes(); n != 1000 && n != 2000 {
		return ""
	}
	var s strings.Builder
	fmt.Fprintf(&s, "| | ours: %d nodes, every %v | theirs: processes | Rapid | Memberlist | ZooKeeper |\n|---|---|---|---|---|---|\n", t.Nodes(), t.Interval)
	for _, p := range papers {
		fmt.Fprintf(&s, "| %s | %s | %d | %s | %s | %s |\n", p.what, p.ours(t), p.processes, p.rapid, p.memberlist, p.zookeeper)
	}
	return s.String()
}
