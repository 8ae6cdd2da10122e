package sim

import (
	"encoding/json"
	"time"

	"rollcall/control"
)

// link is one direction between two hosts.
type link struct {
	cut   bool
	flip  Instant // period with which it works and does not; 0: always works
	clear Instant // what is sent before arrives after: clogged
	loss  float64 // of a frame
}

// works reports whether a frame that leaves now gets through.
func (l *link) works(now Instant) bool {
	return !l.cut && (l.flip == 0 || now/l.flip%2 == 0)
}

// flight is a frame on its way.
type flight struct {
	frame control.Frame
	from  *host
}

// letter is a message on its way to an agent, as bytes: nothing is shared by accident.
type letter struct {
	body []byte
}

// network is all that lies between the hosts.
type network struct {
	w       *World
	links   []link // (rail*hosts + from)*hosts + to
	flights slab[flight]
}

func (n *network) start(w *World) {
	n.w = w
	n.links = make([]link, w.Rails*w.Hosts*w.Hosts)
}

func (n *network) link(rail, from, to int) *link {
	return &n.links[(rail*n.w.Hosts+from)*n.w.Hosts+to]
}

// some is a link of the two, on any rail: faults of one leave the others as they are.
func (n *network) some(from, to int) *link {
	rail := 0
	if n.w.Rails > 1 {
		rail = n.w.rng.IntN(n.w.Rails)
	}
	return n.link(rail, from, to)
}

// heal ends all faults of links.
func (n *network) heal() { clear(n.links) }

// send gives an ask to the network, by every rail.
func (n *network) send(from, to *host, f control.Frame) {
	for rail := range n.w.Rails {
		f.Rail = uint8(rail)
		n.carry(from, to, f)
	}
}

// carry gives a frame to one rail of the network, which owes nobody anything.
func (n *network) carry(from, to *host, f control.Frame) {
	w := n.w
	w.Frames++
	copies := 1
	if w.chance(w.Twice) {
		copies = 2
	}
	l := n.link(int(f.Rail), from.id, to.id)
	for range copies {
		if !l.works(w.now) || w.chance(w.Loss) || w.chance(l.loss) {
			continue
		}
		d := w.Latency + w.upto(w.Jitter)
		if w.chance(w.Late) {
			d += w.upto(w.LateMax)
		}
		at := max(w.now, l.clear) + Instant(d)
		w.queue.push(event{at: at, kind: eventFrame, host: uint16(to.id), arg: n.flights.put(flight{f, from})})
	}
}

// post sends a letter: a call over TCP needs both directions.
func (w *World) post(from *host, l *control.Letter) {
	w.Letters++
	w.ledger.written(from, l)
	body, err := json.Marshal(&l.Message)
	if err != nil || len(body) > control.MessageMax {
		w.fail("contract", "%s sends a message of %d bytes that cannot be written: %v", from.name, len(body), err)
		return
	}
	if w.trace != nil {
		w.tell(from.id, "letter", "to %s: %s", l.To, describeMessage(&l.Message))
	}
	for _, to := range w.hosts {
		if to.peer.RPC != l.To {
			continue
		}
		there, back := w.net.way(from.id, to.id)
		if there == nil || w.chance(w.LetterLoss) {
			return
		}
		at := max(w.now, there.clear, back.clear) + Instant(w.Latency) + Instant(w.upto(w.Talk))
		w.queue.push(event{at: at, kind: eventLetter, host: uint16(to.id), arg: w.letters.put(letter{body})})
		return
	}
	w.fail("contract", "%s writes to %q, which is nobody's address", from.name, l.To)
}

// way is the first rail's that works both ways; nil: none does.
func (n *network) way(from, to int) (there, back *link) {
	for rail := range n.w.Rails {
		there, back = n.link(rail, from, to), n.link(rail, to, from)
		if there.works(n.w.now) && back.works(n.w.now) {
			return there, back
		}
	}
	return nil, nil
}

// inboxMax bounds what waits for a starved agent; a daemon bounds its queue too.
const inboxMax = 256

// read hands a letter to the agent, or loses it.
func (h *host) read(l *letter) {
	a := &h.agent
	if !h.up || a.state == agentDead || len(a.inbox) >= inboxMax || a.state == agentStopped && h.w.chance(0.5) {
		return
	}
	m := new(control.Message)
	if err := json.Unmarshal(l.body, m); err != nil {
		h.w.fail("contract", "%s cannot read %s: %v", h.name, clip(l.body), err)
		return
	}
	if err := m.Validate(); err != nil {
		h.w.fail("contract", "%s was sent a message that is not valid: %v", h.name, err)
		return
	}
	a.inbox = append(a.inbox, m)
	h.plan()
}

// cut cuts or restores one direction, on all rails.
func (w *World) cut(from, to int, cut bool) {
	for rail := range w.Rails {
		w.net.link(rail, from, to).cut = cut
	}
}

// isolate cuts or restores every link of a host.
func (w *World) isolate(id int, cut bool) {
	for other := range w.hosts {
		if other != id {
			w.cut(id, other, cut)
			w.cut(other, id, cut)
		}
	}
}

// clog holds up everything between two hosts, one way, for d.
func (w *World) clog(from, to int, d time.Duration) {
	w.net.some(from, to).clear = w.now + Instant(d)
}
