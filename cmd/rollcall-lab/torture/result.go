package torture

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/stalls"
	"rollcall/control"
	"rollcall/view/publish"
)

// result is how a scenario went.
type result struct {
	scenario
	options  cluster.Options
	began    control.Time
	ended    control.Time
	crashes  []crash
	outages  outages
	counters map[string]int
	stalls   *stalls.Recorder
	account  account
	flapped  []flapped
	excuses  []string // why what was wrong is not, in short
	told     []string // what a reader may want to know
	wrong    []string // what must not be

	compared bool
	peers    []string // live nodes that they removed
}

// strict is the shortest interval at which no stall of the host excuses a removal, and a crash may
// be noticed late only by as much as a stall, or moves of the leadership, held the verdict up. Where
// a host takes processors away for longer than k-1 rounds last, no detector can tell that from a
// crash; and rounds are further apart than they should be.
const strict = 10 * time.Millisecond

// judge says what went wrong, by what the nodes recorded.
func (r *result) judge(events map[string][]publish.EventDocument) {
	r.account = audit(events, r.began, r.crashes, func(m *removal) bool { return r.outages.explain(m, r.oneLeft()) })
	var held []string
	r.flapped, held = quarantines(events, r.began, r.options.Quarantine, &r.account, r.crashes, r.outages.nodes())
	r.wrong = append(r.wrong, held...)
	for _, split := range r.account.splits {
		r.wrong = append(r.wrong, "split "+split)
	}
	for i := range r.account.live {
		m := &r.account.live[i]
		stall := r.stalls.Worst(m.since(), m.at())
		line := fmt.Sprintf("%s removed from view %d.%d by %s %s after the fault: %s; longest stall of the host meanwhile %s",
			m.node, m.Instance, m.To, m.Leader, m.at().Since(r.began).Round(time.Millisecond), m.Why, milliseconds(stall))
		if r.options.Interval < strict && stall >= r.oneLeft() {
			r.excuse(line, "removal of %s excused by a stall of %s", m.node, milliseconds(stall))
		} else {
			r.wrong = append(r.wrong, line)
		}
	}
	if len(r.crashes) == 0 {
		r.wrong = append(r.wrong, "no node crashed")
	}
	for i := range r.crashes {
		c := &r.crashes[i]
		if c.found == 0 {
			continue // told as an error of its own
		}
		stall := r.stalls.Worst(c.fault, c.found)
		late := c.found.Since(c.fault) - r.bound()
		if late <= 0 {
			continue
		}
		line := fmt.Sprintf("crash of %s decided on after %.1f intervals; longest stall of the host meanwhile %s", c.victim, c.intervals(r.options.Interval), milliseconds(stall))
		by, held := "a stall of "+milliseconds(stall), stall
		if moves := r.account.electedWithin(c.fault, c.found); moves > 0 {
			line += fmt.Sprintf("; leadership moved %d times", moves)
			if r.movesLead || stall >= r.oneLeft() { // else it is the lead that should not have moved, or quicker
				by += fmt.Sprintf(" and %d moves of the leadership", moves)
				held += time.Duration(moves) * r.move()
			}
		}
		switch {
		case late <= held:
			r.excuse(line, "%s late for %s excused by %s", milliseconds(late), c.victim, by)
		case r.options.Interval < strict:
			r.excuse(line, "%s late for %s not judged at %v", milliseconds(late), c.victim, r.options.Interval)
		default:
			r.wrong = append(r.wrong, line)
		}
	}
}

// excuse tells of what is not wrong, and in short why.
func (r *result) excuse(line, short string, args ...any) {
	r.told, r.excuses = append(r.told, line), append(r.excuses, fmt.Sprintf(short, args...))
}

// oneLeft is how long a stall lasts that leaves a member one unanswered round from its removal.
func (r *result) oneLeft() time.Duration {
	return time.Duration(r.options.Rounds-1) * r.options.Interval
}

// bound is within what time a crash must be decided on.
func (r *result) bound() time.Duration {
	return time.Duration(r.options.Rounds+3) * r.options.Interval
}

// move is how long a move of the leadership holds a verdict up: the silence until deputies
// stand, one after the other, and the rounds that the new leader counts anew. Where the verdict
// waited for an agent of the old one that did not look, k more rounds had passed before the silence.
func (r *result) move() time.Duration {
	return time.Duration(2*r.options.Rounds+4) * r.options.Interval
}

const columns = "%-36s %7s %8s %5s %5s  %-16s %9s  %s\n"

func head(out io.Writer, p Plan) {
	o := p.Options
	fmt.Fprintf(out, "%d nodes, %v x %d, %s, %v each\n", o.Nodes, o.Interval, o.Rounds, o.Attach, p.During)
	fmt.Fprintf(out, columns, "", "removed", "removed,", "lead.", "view", "crash to verdict", "longest", "")
	fmt.Fprintf(out, columns, "scenario", "alive", "excused", "moves", "chgs.", "in intervals", "stall", "")
}

// print writes the result as a line, and below it what is to be told.
func (r *result) print(out io.Writer, elections bool) {
	var took []string
	for i := range r.crashes {
		if c := &r.crashes[i]; c.found != 0 {
			took = append(took, fmt.Sprintf("%.1f", c.intervals(r.options.Interval)))
		} else {
			took = append(took, "never")
		}
	}
	verdict := "ok"
	if len(r.wrong) > 0 {
		verdict = "WRONG"
	}
	if r.compared {
		verdict += "; peer: " + r.peersCell()
	}
	for _, what := range slices.Sorted(maps.Keys(r.counters)) {
		verdict += fmt.Sprintf(", %d %s", r.counters[what], what)
	}
	for _, f := range r.flapped {
		verdict += ", " + f.describe(r.options.Quarantine)
	}
	for _, excuse := range r.excuses {
		verdict += "; " + excuse
	}
	a := &r.account
	fmt.Fprintf(out, columns, r.name, fmt.Sprint(len(a.live)), fmt.Sprint(len(a.excused)), fmt.Sprint(len(a.elected)), fmt.Sprint(a.views),
		strings.Join(took, " "), milliseconds(r.stalls.Worst(r.began, r.ended)), verdict)
	told := append(slices.Clone(r.wrong), r.told...)
	if elections {
		for i := range a.elected {
			e := &a.elected[i]
			at := control.Time(e.AtNS)
			silence := at.Add(-time.Duration(r.options.Rounds+2) * r.options.Interval)
			told = append(told, fmt.Sprintf("%s elected (%s) %s after the fault: %s; longest stall of the host before %s",
				e.Leader, e.Ballot, at.Since(r.began).Round(time.Millisecond), e.Why, milliseconds(r.stalls.Worst(silence, at))))
		}
	}
	for _, s := range told {
		fmt.Fprintln(out, "    "+strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n    "))
	}
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
