package control_test

import (
	"fmt"
	"strings"
	"time"

	"rollcall/control"
	"rollcall/view"
)

// script gathers the lines of a transcript.
type script struct {
	lines []*line
	once  map[string]bool // what is told once in a command, however often it happens
}

// line is one thing that happened. Hosts to which the same happened at the same time share it.
type line struct {
	at     time.Duration
	who    []string
	what   string
	letter string // what, before it was known to whom
	to     string
}

// told is what a transcript has said of a host, so that it need not say it again.
type told struct {
	beat      [3]uint64 // ballot, seq and committed seq of the last beat told
	prepared  control.Ballot
	silence   control.Time // BeatAt of the silence in which probes were told
	probes    control.Time // when those left
	probation uint64       // newest roster when a leader's probes were told
	votes     *line
	answers   *line
	lease     control.Time
}

func (s *stage) time(at time.Duration) string {
	return fmt.Sprintf("%.2f", float64(at-s.zero)/float64(interval))
}

func (h *host) tell(format string, args ...any) {
	h.s.lines = append(h.s.lines, &line{at: h.s.now, who: []string{h.name}, what: fmt.Sprintf(format, args...)})
}

func (h *host) tellOnce(format string, args ...any) {
	key := h.name + fmt.Sprintf(format, args...)
	if !h.s.once[key] {
		h.s.once[key] = true
		h.tell(format, args...)
	}
}

// transcript gives the lines since the last call.
func (s *stage) transcript() string {
	var b strings.Builder
	for i, l := range s.lines {
		for _, other := range s.lines[i+1:] {
			if other.at == l.at && other.what == l.what {
				l.who = append(l.who, other.who...)
				other.who = nil
			}
		}
		if len(l.who) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%7s  %s: %s\n", s.time(l.at), strings.Join(l.who, " "), l.what)
	}
	s.lines, s.once = nil, map[string]bool{}
	return b.String()
}

// members names the hosts in a set of slots.
func (h *host) members(b control.Bitmap) string {
	return "{" + strings.Join(h.slots(b), " ") + "}"
}

func (h *host) slots(b control.Bitmap) (names []string) {
	for s := b.First(); s < control.Slots; s = b.Next(s + 1) {
		if other := h.routes[s]; other != nil {
			names = append(names, other.name)
		} else {
			names = append(names, fmt.Sprint("slot", s))
		}
	}
	return names
}

// tellAsk tells of an ask that leaves, unless it says nothing new.
func (h *host) tellAsk(o *control.Outgoing) {
	f, a := &o.Frame, &o.Frame.Ask
	switch f.Kind {
	case control.KindBeat:
		if f.Flags&control.FlagAway != 0 {
			h.tell("round %d of ballot %v gives the lead up; accuses %s", f.Round, f.Ballot, h.members(a.Stale))
		}
		beat := [3]uint64{uint64(f.Ballot), a.Seq, a.Committed}
		if beat == h.said.beat {
			return
		}
		last := h.said.beat
		h.said.beat = beat
		switch {
		case a.Committed < a.Seq:
			h.tell("round %d of ballot %v proposes view %d %s in place of %s", f.Round, f.Ballot, a.Seq, h.members(a.New), h.members(a.Old))
		case last[0] == beat[0] && last[1] == beat[1]:
			h.tell("round %d of ballot %v tells that view %d is decided", f.Round, f.Ballot, a.Seq)
		default:
			h.tell("round %d of ballot %v goes on with view %d %s", f.Round, f.Ballot, a.Seq, h.members(a.New))
		}
	case control.KindPrepare:
		if h.said.prepared != f.Ballot {
			h.said.prepared = f.Ballot
			why := ""
			if f.Flags&control.FlagHandOver != 0 {
				why = fmt.Sprintf(", handed over by %v", a.Prior)
			}
			h.tell("stands under ballot %v%s; asks %s", f.Ballot, why, h.members(o.To))
		}
	case control.KindProbe:
		switch beats := h.tally.Beating != 0; {
		case beats && h.said.probation != h.reg.Rosters[0]:
			h.said.probation, h.said.probes = h.reg.Rosters[0], h.clock()
			h.tell("probes %s, who ask to come in", h.members(o.To))
		case !beats && h.said.silence != h.reg.BeatAt:
			h.said.silence, h.said.probes = h.reg.BeatAt, h.clock()
			h.tell("took no beat for %.2f intervals; probes %s", h.intervals(h.reg.BeatAt), h.members(o.To))
		}
	case control.KindHandOver:
		h.tell("asks %s to take over from ballot %v", strings.Join(h.slots(o.To), " "), f.Ballot)
	}
}

// intervals is how long ago a reading of the host's clock was.
func (h *host) intervals(t control.Time) float64 {
	return float64(h.clock().Since(t)) / float64(interval)
}

// tellServed tells what a register made of an ask.
func (h *host) tellServed(f *control.Frame, before *control.Register, o control.Outcome) {
	switch {
	case f.Kind == control.KindPrepare && o.Reason == control.ReasonPromised && before.Promised != h.reg.Promised:
		h.tell("promised %v; had accepted %v/%d, knows view %d decided", f.Ballot, h.reg.Accepted.Ballot, h.reg.Accepted.Seq, h.reg.Committed.Seq)
	case f.Kind == control.KindPrepare && o.Reason == control.ReasonRefused:
		h.tellOnce("refused %v: the last beat is %.2f intervals old", f.Ballot, h.intervals(h.reg.BeatAt))
	case o.Reason == control.ReasonOldBallot && o.Reply:
		h.tellOnce("answered ballot %v that it promised %v", f.Ballot, h.reg.Promised)
	case before.Key != h.reg.Key:
		h.tell("signs with key %d, as round %d was", h.reg.Key, f.Round)
	case o.Reason == control.ReasonRosterMissing:
		h.tellOnce("did not accept %v/%d: it does not hold the roster", f.Ballot, f.Ask.Seq)
	}
}

// tellCounted tells what a tally made of an answer.
func (h *host) tellCounted(f *control.Frame, o control.Outcome) {
	t := h.tally
	switch o.Reason {
	case control.ReasonEchoTaken:
		a := &f.Reply.Accepted
		if a.Ballot != t.Ballot || a.Seq != t.Seq || h.said.beat[2] >= a.Seq {
			return
		}
		whether := "not yet enough"
		if t.Quorate != 0 {
			whether = "complete"
		}
		h.merge(&h.said.votes, "votes for %v/%d: %s, %s", t.Ballot, t.Seq, strings.Join(h.slots(t.Votes), " "), whether)
	case control.ReasonAnswerTaken:
		if f.Sent != h.said.probes {
			return
		}
		var from control.Bitmap
		for s := range t.Members {
			if t.Heard[s].AnswerAt >= f.Sent {
				from.Set(uint16(s))
			}
		}
		h.merge(&h.said.answers, "answers to the probes: %s", strings.Join(h.slots(from), " "))
	}
}

// merge puts what adds up within one instant into one line.
func (h *host) merge(l **line, format string, args ...any) {
	if *l != nil && (*l).at == h.s.now {
		(*l).what = fmt.Sprintf(format, args...)
		return
	}
	*l = &line{at: h.s.now, who: []string{h.name}, what: fmt.Sprintf(format, args...)}
	h.s.lines = append(h.s.lines, *l)
}

func (h *host) tellLease() {
	switch {
	case h.valid:
		h.tell("lease begins: its view is valid")
	case h.up:
		h.tell("lease over: its view is no longer valid")
	}
}

// tellLetter tells of a letter, but not of founders who ask each other how things stand.
func (h *host) tellLetter(l *control.Letter) {
	m := &l.Message
	to := hostOf(l.To)
	switch m.Kind {
	case control.MessageJoin:
		if m.Inquiry != (control.Inquiry{}) {
			h.letter(to, "answers TO that it was rebooted")
			return
		}
		h.letter(to, "asks TO to be let in")
	case control.MessageAnswer:
		what := string(m.Answer.Status)
		if m.Answer.Leader != "" {
			what += " to " + hostOf(m.Answer.Leader)
		}
		switch why := m.Answer.Why; {
		case strings.HasPrefix(why, "no cluster yet"):
			what += ", no group here yet" // status tells the rest
		case why != "":
			what += ", " + why
		}
		if m.Inquiry != (control.Inquiry{}) {
			what += "; asks back whether it was rebooted"
		}
		h.letter(to, "tells TO: "+what)
	case control.MessageRoster:
		h.letter(to, "gives TO the roster "+seats(m.Roster))
	case control.MessageHeld:
		h.letter(to, "tells TO that it holds the roster")
	case control.MessageFetch:
		h.letter(to, "asks TO for the roster")
	case control.MessageLeave:
		h.letter(to, "says goodbye to TO")
	case control.MessagePropose:
		h.letter(to, fmt.Sprintf("proposes to TO to found instance %d with %s", m.Instance, seats(m.Roster)))
	case control.MessageVote:
		h.letter(to, fmt.Sprintf("votes for instance %d of TO", m.Instance))
	case control.MessageShutdown:
		h.letter(to, fmt.Sprintf("tells TO that instance %d is closed", m.Instance))
	}
}

func hostOf(rpc string) string { return strings.TrimSuffix(rpc, ":7746") }

// letter tells of what is written to one or, at the same time, to several.
func (h *host) letter(to, what string) {
	key := h.name + to + what
	if h.s.once[key] {
		return
	}
	h.s.once[key] = true
	for _, l := range h.s.lines {
		if l.at == h.s.now && l.to != "" && l.who[0] == h.name && l.letter == what {
			l.to += " " + to
			l.what = strings.Replace(what, "TO", l.to, 1)
			return
		}
	}
	l := &line{at: h.s.now, who: []string{h.name}, what: strings.Replace(what, "TO", to, 1), letter: what, to: to}
	h.s.lines = append(h.s.lines, l)
}

// seats shows a roster. An incarnation is numbered by how often its host drew one.
func seats(r *control.Roster) string {
	var s []string
	for i := range r.Seats {
		s = append(s, fmt.Sprintf("%d:%s#%d", r.Seats[i].Slot, r.Seats[i].Name, uint32(r.Seats[i].Incarnation)%100))
	}
	return "{" + strings.Join(s, " ") + "}"
}

// tellEvents tells what a step says of itself, before what it does about it.
func (h *host) tellEvents(events []control.Event) {
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case control.EventInstalled: // tellView does
		case control.EventElected:
			h.tell("elected under ballot %v, to go on from view %d: %s", e.Ballot, e.To, e.Why)
		case control.EventDeposed:
			h.tell("leads no longer: %s", e.Why)
		case control.EventSuspect:
			h.tell("suspects %s", strings.Join(e.Removed, " "))
		case control.EventRemoved:
			h.tell("out: %s", e.Why)
		case control.EventLost:
			h.tell("lost: %s", e.Why)
		case control.EventFounded:
			h.tell("founds instance %d with %s under ballot %v", e.Instance, strings.Join(e.Joined, " "), e.Ballot)
		case control.EventLeft:
			h.tell("left")
		case control.EventRefused:
			h.tell("refused by %s: %s", e.Leader, e.Why)
		default:
			h.tell("%s: %s", e.Kind, e.Why)
		}
	}
}

// tellView tells of a view that is published, and how it came to be where the host led.
func (h *host) tellView(events []control.Event, v *view.View) {
	for i := range events {
		if events[i].Kind == control.EventInstalled {
			h.tellInstalled(&events[i], v)
			return
		}
	}
	h.tell("sees %s lead view %d", v.Leader, v.Epoch)
}

func (h *host) tellInstalled(e *control.Event, v *view.View) {
	what := fmt.Sprintf("installed view %d %s", v.Epoch, memberNames(v))
	if e.Rounds == 0 { // it did not lead
		h.tell("%s", what)
		return
	}
	why := e.Why
	if len(e.Evidence) > 1 {
		var each []string
		for _, x := range e.Evidence {
			each = append(each, x.Name+" "+x.Why)
		}
		why = strings.Join(each, ", ")
	} else if len(e.Evidence) == 1 {
		why = e.Evidence[0].Name + " " + why
	}
	what += fmt.Sprintf("; rounds used %d; %s", e.Rounds, why)
	if e.Missed != 0 {
		what += fmt.Sprintf("; first miss %s", h.s.time(h.when(e.Missed)))
	}
	if e.Verdict != 0 {
		what += fmt.Sprintf(", verdict %s", h.s.time(h.when(e.Verdict)))
	}
	h.tell("%s, votes complete %s", what, h.s.time(h.when(e.Commit)))
}

func memberNames(v *view.View) string {
	var s []string
	for _, m := range v.Members {
		s = append(s, m.Name)
	}
	return "{" + strings.Join(s, " ") + "}"
}

// status is what `rollcall status` would say on the host.
func (h *host) status() string {
	if !h.up {
		return "off"
	}
	var b strings.Builder
	switch {
	case h.node == nil:
		b.WriteString("no agent")
	case h.stopped:
		b.WriteString("agent stopped")
	default:
		r := h.reg
		st := h.node.Status(h.clock(), &r)
		b.WriteString(st.Role)
		if st.Awaiting != "" {
			fmt.Fprintf(&b, ", awaits %s", st.Awaiting)
		}
	}
	fmt.Fprintf(&b, "; incarnation #%d", uint32(h.reg.Incarnation)%100)
	if h.reg.State != control.RegisterVacant {
		fmt.Fprintf(&b, " in slot %d", h.reg.Slot)
	}
	if h.view == nil {
		b.WriteString("; no view")
		return b.String()
	}
	fmt.Fprintf(&b, "; view %d %s of instance %d led by %s", h.view.Epoch, memberNames(h.view), h.view.Instance, h.view.Leader)
	if h.reg.Valid(h.clock()) {
		b.WriteString(", valid")
	} else {
		b.WriteString(", not valid")
	}
	return b.String()
}
