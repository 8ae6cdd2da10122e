package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"rollcall/cmd/rollcall-lab/stalls"
)

// Ladder goes through every scenario with a cluster whose kernels answer, beside agents of the plan's peer
// on the same nodes, and at once again with one of the socket plane, so that all of a row met with the same
// machine. Both stand all the while. Rows of a Markdown table go to out, what Run prints to details.
//
// The cells count live, reachable nodes that were removed, and tell the times from a crash to the decision
// about it, of the peer to the first removal.
func Ladder(ctx context.Context, out, details io.Writer, p Plan, recorder *stalls.Recorder) (err error) {
	if err := p.find(); err != nil {
		return err
	}
	kernel := stand{plan: p, recorder: recorder}
	p.Peer, p.Options.Attach, p.Options.Lab = "", "socket", p.Options.Lab+"s"
	socket := stand{plan: p, recorder: recorder}
	defer func() { err = errors.Join(err, kernel.down(), socket.down()) }()
	head(details, kernel.plan)
	fmt.Fprint(out, "| fault | kernel plane | socket plane | peer |\n|---|---|---|---|\n")
	for _, scenario := range p.chosen() {
		var rung [2]*result
		for i, s := range []*stand{&kernel, &socket} {
			if rung[i], err = s.endure(ctx, scenario); err != nil {
				return err
			}
			rung[i].print(details, p.Elections)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", scenario.name, rung[0].cell(), rung[1].cell(), rung[0].peersCell())
	}
	return nil
}

// cell is what is told of the daemons.
func (r *result) cell() string {
	var took []time.Duration
	never := 0
	for i := range r.crashes {
		if c := &r.crashes[i]; c.found != 0 {
			took = append(took, c.found.Since(c.fault))
		} else {
			never++
		}
	}
	text := cell(len(r.account.live), took, never)
	if n := len(r.account.excused); n > 0 {
		text += fmt.Sprintf("; %d unreachable removed", n)
	}
	if n := r.counters[restartsDone]; n > 0 {
		text += fmt.Sprintf("; %d restarts", n)
	}
	return text
}

// peersCell is what is told of the peer.
func (r *result) peersCell() string {
	var took []time.Duration
	never := 0
	for i := range r.crashes {
		switch c := &r.crashes[i]; {
		case c.foundByPeers != 0:
			took = append(took, c.foundByPeers.Since(c.fault))
		case c.back != 0:
			never++
		}
	}
	return cell(len(r.peers), took, never)
}

func cell(removed int, took []time.Duration, never int) string {
	text := fmt.Sprintf("%d removed", removed)
	switch {
	case len(took) > 0:
		least, most := took[0], took[0]
		for _, d := range took {
			least, most = min(least, d), max(most, d)
		}
		text += ", " + span(least, most)
	case never == 0:
		text += ", no crash"
	}
	if never > 0 {
		text += fmt.Sprintf(", never %d of %d", never, never+len(took))
	}
	return text
}

// span tells from when to when.
func span(least, most time.Duration) string {
	form := func(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
	if most < time.Second {
		form = func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds()) }
	}
	from, to := form(least), form(most)
	if from == to {
		return to
	}
	number, _, _ := strings.Cut(from, " ")
	return number + " to " + to
}
