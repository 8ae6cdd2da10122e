package explore

import (
	"slices"

	"rollcall/tests/explore/search"
)

// parcel is a frame or a letter, as a search sees it.
type parcel struct {
	*packet
	*letter
}

// To is the number of the host that it is for.
func (p parcel) To() int {
	if p.packet != nil {
		return p.packet.to
	}
	return p.letter.to
}

// Kind is what happens when it arrives.
func (p parcel) Kind() search.Kind {
	if p.packet != nil {
		return search.Deliver
	}
	return search.Read
}

// Digest is equal for parcels that say the same.
func (p parcel) Digest() uint64 {
	if p.packet != nil {
		return p.packet.Digest()
	}
	return p.letter.Digest()
}

// Number is the host's place in its world.
func (h *host) Number() int { return h.id }

// Takes reports whether a parcel can reach the host.
func (h *host) Takes(p parcel) bool {
	if p.packet != nil {
		return h.serves()
	}
	return h.node != nil
}

// Hosts gives the states of all hosts.
func (w *World) Hosts() []*host { return w.hosts }

// Ledger is what is known of all.
func (w *World) Ledger() *ledger { return &w.ledger }

// Parcels gives what is on its way.
func (w *World) Parcels() []parcel {
	var l []parcel
	for i := range w.frames {
		l = append(l, parcel{packet: &w.frames[i]})
	}
	for i := range w.letters {
		l = append(l, parcel{letter: &w.letters[i]})
	}
	return l
}

// Try lets an event happen to a host in a world that is empty but for it.
func (w *World) Try(h *host, k search.Kind, p parcel, prompt bool) (after *host, sends []parcel, tells []sighting) {
	own := *h
	own.owner, own.thinks = nil, nil // nobody may change it any more
	c := *w
	c.hosts, c.frames, c.letters, c.trace, c.prompt = slices.Clone(w.hosts), nil, nil, nil, prompt
	c.hosts[h.id] = &own
	c.seen = func(x *sighting) { tells = append(tells, *x) }
	e := search.Event{Kind: k, At: h.id}
	switch k {
	case search.Deliver:
		c.frames, e.At = []packet{*p.packet}, 0
	case search.Read:
		c.letters, e.At = []letter{*p.letter}, 0
	}
	c.Do(e, false)
	return c.hosts[h.id], c.Parcels(), tells
}

// Story is a copy in which whatever is sent stays on its way, and which says what happens.
func (w *World) Story(prompt bool, say func(line string)) search.Story[*host, parcel, *ledger, sighting] {
	c := w.Clone()
	c.prompt, c.trace = prompt, say
	return c
}

// Retell has an event happen whose parcel, if it takes one, is known by its digest.
func (w *World) Retell(k search.Kind, host int, digest uint64) {
	e := search.Event{Kind: k, At: host}
	switch k {
	case search.Deliver:
		e.At = slices.IndexFunc(w.frames, func(p packet) bool { return p.Digest() == digest })
	case search.Read:
		e.At = slices.IndexFunc(w.letters, func(l letter) bool { return l.Digest() == digest })
	}
	if e.At < 0 {
		panic("explore: what is to arrive was never sent: worlds that were taken for equal are not")
	}
	w.Do(e, true)
}

// Lose takes from the network what was sent first, of frames and of letters more than so many.
func (w *World) Lose(most int) {
	if n := len(w.frames); n > most {
		w.frames = append(w.frames[:0], w.frames[n-most:]...)
	}
	if n := len(w.letters); n > most {
		w.letters = append(w.letters[:0], w.letters[n-most:]...)
	}
}
