package scale

import (
	"encoding/json"
	"fmt"
	"time"

	"rollcall/control"
)

// batch is one ask to many slots, or to one through another, and what came back. Frames take equally
// long, so that all of them are one event, and their answers another.
type batch struct {
	from    *host
	via     *host // passes ask and answers on; nil: nobody does
	frame   control.Frame
	to      control.Bitmap
	routes  *[control.Slots]*host
	answers []control.Frame
}

// takes is how long its frames are under way, there or back.
func (b *batch) takes() time.Duration {
	if b.via != nil {
		return 2 * frameTakes
	}
	return frameTakes
}

// batch is an empty one.
func (w *World) batch() *batch {
	if n := len(w.batches); n > 0 {
		b := w.batches[n-1]
		w.batches = w.batches[:n-1]
		*b = batch{answers: b.answers[:0]}
		return b
	}
	return new(batch)
}

// done has a batch be used again.
func (w *World) done(b *batch) { w.batches = append(w.batches, b) }

// send asks what an agent wants asked.
func (h *host) send(o *control.Outgoing) {
	level := o.Place.Level()
	if level == 0 {
		h.group.wake()
		h.group.news()
	}
	f := o.Frame
	f.Sent = h.clock()
	h.sent = f.Sent
	t := h.asks(level)
	own, to := o.Own(h.registers(), t)
	for _, p := range own {
		mine := f
		mine.To = h.at(p).Slot
		was := h.at(p).BeatAt
		out := control.Deliver(h.clock(), h.at(p), t, mine)
		h.took(p, was)
		h.wake(p, out.Wake)
	}
	h.cast(o.Place, f, to)
}

// cast puts an ask on the network. One that another is to pass on is for its To alone.
func (h *host) cast(p control.Place, f control.Frame, to control.Bitmap) {
	b := h.w.batch()
	b.from, b.frame, b.to, b.routes = h, f, to, h.lead.routes[p.Level()]
	if f.Flags&control.FlagRelay != 0 {
		b.to = control.Of(f.To)
		if b.via = b.routes[f.Via]; b.via == nil || to.Empty() {
			h.w.done(b)
			return
		}
	}
	h.w.after(b.takes(), event{kind: kindAsk, of: b})
}

// castAgain asks those in doubt again for the round that has just left.
func (h *host) castAgain(p control.Place, f control.Frame) {
	direct := control.Bitmap{}
	for _, again := range h.lead.tallies[p.Level()].Retries(f) {
		if again.Flags&control.FlagRelay != 0 {
			h.cast(p, again, control.Of(again.Via))
		} else {
			direct.Set(again.To)
		}
	}
	if !direct.Empty() {
		h.cast(p, f, direct)
	}
}

// pace schedules the next beat of a level.
func (h *host) pace(level uint8) {
	l := h.lead
	if l == nil || l.tallies[level] == nil {
		return
	}
	l.pacing[level]++
	if due := l.tallies[level].Due(); due != control.MaxTime && h.up {
		h.w.after(h.until(due), event{kind: kindBeat, host: h, place: control.LeaderAt(level), token: l.pacing[level]})
	}
}

// beat sends the beat of a level that is due or ordered, if one is.
func (h *host) beat(level uint8) {
	p := control.SeatAt(level)
	if !h.up || h.lead == nil || h.lead.tallies[level] == nil || level == 0 && h.group.rest(h) {
		return
	}
	r := h.at(p)
	upper := &control.Register{}
	if level+1 < control.Levels && h.above != nil {
		upper = &h.above[2*(level+1)]
	}
	was := r.BeatAt
	f, to, wake, sent := h.lead.tallies[level].Beat(h.clock(), r, upper)
	if sent {
		h.took(p, was)
		to.Clear(r.Slot) // it has voted
		h.cast(p, f, to)
		h.castAgain(p, f)
	}
	h.wake(p, wake)
	h.pace(level)
}

// ask has a batch arrive.
func (w *World) ask(b *batch) {
	for slot := b.to.First(); slot < control.Slots; slot = b.to.Next(slot + 1) {
		to := b.routes[slot]
		if to == nil {
			continue
		}
		f := b.frame
		f.To = slot
		if !b.arrives(&f, b.from, to) {
			continue
		}
		p := control.PlaceOf(f.Level, slot)
		if p > 0 && to.above == nil {
			continue
		}
		if p == 0 {
			to.group.wake()
		}
		r := to.at(p)
		if to.stepAt == 0 { // its housekeeping would have
			r.AgentAt = to.clock()
		}
		was, epoch := r.BeatAt, r.Epoch
		o := r.Receive(to.clock(), &f)
		if p == control.PlaceOf(1, 0) && r.Epoch != epoch {
			to.group.hears(to, epoch)
		}
		to.took(p, was)
		to.wake(p, o.Wake)
		if p == 0 && o.Wake != 0 {
			to.group.news()
		}
		if !o.Reply {
			continue
		}
		if b.arrives(&f, to, b.from) {
			b.answers = append(b.answers, f)
		}
	}
	if len(b.answers) == 0 {
		w.done(b)
		return
	}
	w.after(b.takes(), event{kind: kindAnswers, of: b})
}

// arrives puts a frame of the batch on the meter, and reports whether it gets to where it should.
func (b *batch) arrives(f *control.Frame, from, to *host) bool {
	if b.via != nil {
		if !b.from.w.carried(from, b.via) || !b.passedOn(f) {
			return false
		}
		from = b.via
	}
	return b.from.w.carried(from, to)
}

// carried reports whether the network brings a frame from one host to another.
func (w *World) carried(from, to *host) bool {
	if from != to {
		w.meter.frame(from, to)
	}
	return !w.lost(from, to)
}

// passedOn reports whether the host between passes a frame on. As no frame comes twice, what it
// remembers of earlier rounds is not kept.
func (b *batch) passedOn(f *control.Frame) bool {
	w, p := b.from.w, control.PlaceOf(f.Level, f.Via)
	if p > 0 && b.via.above == nil {
		return false
	}
	if f.From == b.frame.From {
		w.relays[f.From] = control.Relay{}
	}
	r := b.via.at(p)
	return r.Passes(f) && r.PassOn(&w.relays, f).PassOn
}

// answers has those to a batch arrive.
func (w *World) answers(b *batch) {
	h := b.from
	for i := range b.answers {
		f := &b.answers[i]
		if !h.up || h.lead == nil || h.lead.tallies[f.Level] == nil {
			return
		}
		p := control.PlaceOf(f.Level, f.To)
		r := h.at(p)
		if r.State == control.RegisterVacant || f.Instance != r.Instance || f.Group != r.Group || f.To != r.Slot {
			continue
		}
		o := h.lead.tallies[f.Level].Receive(h.clock(), f)
		h.wake(p, o.Wake)
	}
}

// took follows a register that may have taken a beat.
func (h *host) took(p control.Place, was control.Time) {
	r := h.at(p)
	if r.BeatAt != was && r.BeatAt != 0 {
		h.watchLeader(p, r.SilentAfter())
	}
}

// letter is under way.
type letter struct {
	from  *host
	m     control.Message
	again int // how often TCP has sent it again
}

// TCP sends a letter that was lost again after a while, twice as long each time, until the agent gives
// the call up.
const (
	letterAgain = 200 * time.Millisecond
	letterTries = 5
)

// post sends a letter.
func (h *host) post(l *control.Letter) {
	to := h.w.named(l.To)
	if to == nil {
		h.w.fail("%s writes to %q", h.peer.Name, l.To)
		return
	}
	m := &letter{from: h, m: l.Message}
	if h.w.Trace != nil && h.w.Focus != "" && (h.peer.Name == h.w.Focus || to.peer.Name == h.w.Focus) {
		s := ""
		if a := l.Message.Answer; a != nil {
			s = fmt.Sprint(*a)
		}
		h.w.Trace(fmt.Sprintf("%v LETTER %s > %s %s %d.%d seat %v %s", h.w.now, h.peer.Name, to.peer.Name, m.m.Kind, m.m.Level, m.m.Group, m.m.Seat, s))
	}
	if h.tell(to, &m.m) {
		return
	}
	h.w.meter.letter(h, to, h.w.size(&m.m), m.m.Kind)
	h.w.after(letterTake, event{kind: kindLetter, host: to, of: m})
}

// read is when a letter arrives: a connection needs both ways.
func (h *host) read(l *letter) {
	if !h.up || !l.from.up {
		return
	}
	if h.w.lost(l.from, h) || h.w.lost(h, l.from) {
		if l.again++; l.again < letterTries {
			h.w.after(letterAgain<<(l.again-1), event{kind: kindLetter, host: h, of: l})
		}
		return
	}
	if h.newcomer && h.takes(&l.m) {
		return
	}
	h.inbox = append(h.inbox, &l.m)
	h.poke()
}

// size is what a letter weighs as JSON. Rosters and contents are weighed once.
func (w *World) size(m *control.Message) int {
	bare := *m
	bare.Roster, bare.Content = nil, nil
	body, err := json.Marshal(&bare)
	if err != nil {
		w.fail("%v", err)
	}
	n := len(body)
	if m.Roster != nil {
		n += len(`,"roster":`) + w.meter.rosterSize(m.Roster)
	}
	if m.Content != nil {
		c := *m.Content
		c.Body = nil
		body, _ := json.Marshal(&c)
		n += len(`,"content":`) + len(body) + w.contents.size(m.Content.Body)*4/3
	}
	return n
}
