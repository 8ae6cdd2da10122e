package control

import (
	"cmp"
	"time"

	"rollcall/view"
)

// content is how what a group decided gets to where it is needed, by letters: upward from
// a leader to the leader above, downward, of the top group, from its leader to its members, who
// lead groups and hand it to theirs. A letter has what changed since the content that the
// addressee should have; who has another, or hears of an epoch by beats and of no content, asks
// (MessageWant) and gets what changed since its own, or all of it in parts. All of it goes to nobody who
// did not ask, but for what a group tells a leader above that is new to it.
type content struct {
	current *view.ClusterView // the newest epoch whose content is known
	shown   *view.ClusterView // the newest that was published
	past    [8]*view.Group    // of the top: the newest first, current's included
	parts   []*Content        // of a content that comes in several, what is there so far
	partsOf string            // whose
	root    string            // who leads the top, as the last letter told
	known   uint64            // the highest epoch that registers knew of in the instance: no earlier one is shown first
	knownOf uint32
	behind  Time                // since when an epoch is known without its content
	wantAt  Time                // not before
	wants   int                 // how often was asked since then
	last    [Levels]*view.Group // of the groups led, what their members were told
}

const (
	wantEvery  = 250 * time.Millisecond
	wantAround = 4                     // times in vain, and contacts are asked as well: the leader's agent may be away
	wantAfter  = 20 * time.Millisecond // a letter may be on its way
	contentMax = PartMax * PartsMax
)

// sendContent sends what g holds to agents that should have base, nil for nothing.
func (h *Host) sendContent(base, g *view.Group, to ...string) {
	if len(to) == 0 {
		return
	}
	body, err := h.cfg.Contents.Pack(h.cfg.Cluster, h.instance(), base, g)
	if err != nil || len(body) > contentMax {
		return // out of names that rosters allow no such content is made
	}
	parts := max(1, (len(body)+PartMax-1)/PartMax)
	for i := range parts {
		part := body[i*PartMax : min(len(body), (i+1)*PartMax)]
		m := Message{Kind: MessageContent, Instance: h.instance(), Content: &Content{Seq: g.Seq, Part: i, Parts: parts, Root: h.topLeader(), Body: part}}
		for _, a := range to {
			h.letter(a, g.Level, g.Number, m)
		}
	}
}

// instance is that of the cluster in which this host has any part; 0: none.
func (h *Host) instance() (i uint32) {
	for p := range h.in.Registers {
		if r := &h.in.Registers[p]; r.State != RegisterVacant {
			i = max(i, r.Instance)
		}
	}
	return i
}

// contentArrived takes what a group decided: the top, or one whose leader is in a group that this
// host leads.
func (h *Host) contentArrived(m *Message) {
	if m.Instance != h.instance() {
		return
	}
	body := h.whole(m)
	if body == nil {
		return
	}
	d, err := h.cfg.Contents.Unpack(body)
	if err != nil || d.Cluster != h.cfg.Cluster || d.Instance != m.Instance || d.Level != m.Level || d.Number != m.Group {
		return
	}
	var base *view.Group
	child := m.Level < h.cfg.Top
	switch {
	case !child && h.content.current != nil && h.content.current.Instance == m.Instance:
		base = h.content.current.Top
	case child:
		n := h.leads(m.Level + 1)
		parent, slot := Parent(m.Group)
		if n == nil || parent != n.cfg.Group {
			return
		}
		if !n.speaksFor(slot, m.From.Name, d.Generation) {
			return
		}
		base = h.vectors[m.Level+1].held[slot]
	}
	if base != nil && (base.Digest == d.Digest || base.Generation > d.Generation || base.Generation == d.Generation && base.Seq > d.Seq) {
		return
	}
	g, err := h.cfg.Contents.Apply(d, base)
	switch {
	case err != nil && d.Base == 0: // all of it, and wrong: it is asked for again in time, by catchUp or compare
	case err != nil:
		h.want(m.From.RPC, m.Level, m.Group, base)
	case child:
		if h.vectors[m.Level+1].offer(g) {
			h.hurry(m.Level + 1)
		}
	default:
		h.content.root = m.Content.Root
		h.learn(m.Instance, g)
	}
}

// whole puts a content together that came in parts; nil while some are missing.
func (h *Host) whole(m *Message) []byte {
	c := m.Content
	if c.Parts == 1 {
		return c.Body
	}
	p := &h.content
	of := m.From.Name + string(rune('0'+m.Level))
	if len(p.parts) != c.Parts || p.partsOf != of || p.parts[0] != nil && p.parts[0].Seq != c.Seq {
		if c.Part != 0 {
			return nil
		}
		p.parts, p.partsOf = make([]*Content, c.Parts), of
	}
	p.parts[c.Part] = c
	var body []byte
	for _, part := range p.parts {
		if part == nil || part.Seq != c.Seq {
			p.wantAt = max(p.wantAt, h.now.Add(wantEvery)) // the rest is on its way
			return nil
		}
		body = append(body, part.Body...)
	}
	p.parts = nil
	return body
}

// want asks for what a group decided since base.
func (h *Host) want(to string, level uint8, group uint16, base *view.Group) {
	m := Message{Kind: MessageWant, Instance: h.instance()}
	if base != nil {
		m.Version = base.Digest
	}
	h.letter(to, level, group, m)
}

// wanted answers who misses what a group decided.
func (h *Host) wanted(m *Message) {
	if m.Instance != h.instance() {
		return
	}
	if m.Level == h.cfg.Top {
		if c := h.content.current; c != nil && c.Instance == m.Instance && c.Top.Digest != m.Version {
			h.sendContent(h.pastOf(m.Version), c.Top, m.From.RPC)
		}
		return
	}
	if g := h.decidedContent(m.Level); g != nil && g.Number == m.Group {
		h.sendContent(nil, g, m.From.RPC)
	}
}

// pastOf is the content of the top with that digest, if it is kept.
func (h *Host) pastOf(digest uint64) *view.Group {
	for _, g := range h.content.past {
		if g != nil && g.Digest == digest {
			return g
		}
	}
	return nil
}

// learn takes the content of an epoch.
func (h *Host) learn(instance uint32, g *view.Group) {
	c := &h.content
	if c.current != nil && c.current.Instance == instance && !g.Newer(c.current.Top) {
		return
	}
	if h.refuted(instance, g) {
		h.mismatch(g)
		return
	}
	if c.current == nil || c.current.Instance != instance {
		c.past = [8]*view.Group{}
	}
	copy(c.past[1:], c.past[:])
	c.past[0] = g
	c.current = &view.ClusterView{Cluster: h.cfg.Cluster, Instance: instance, Top: g}
	if v := h.vectors[h.cfg.Top]; v != nil && h.leads(h.cfg.Top) == nil {
		v.know(instance, g)
	}
}

// refuted reports whether that is not what the epoch holds, by the digest that the own registers accepted at
// the top or that the last beats below it told.
func (h *Host) refuted(instance uint32, g *view.Group) bool {
	for _, p := range []Place{LeaderAt(h.cfg.Top), SeatAt(h.cfg.Top)} {
		if r := h.memberIn(instance, p); r != nil {
			c := &r.Committed
			if c.Seq == g.Seq && c.Ballot.Generation() == g.Generation && c.Digest != 0 && c.Digest != g.Digest {
				return true
			}
		}
	}
	for p := Place(0); p.Level() < h.cfg.Top; p++ {
		if r := h.memberIn(instance, p); r != nil && r.Epoch == g.Seq && r.Outdates(g.Seq, g.Digest) {
			return true
		}
	}
	return false
}

// memberIn is the register of a place where this host is a member in the instance; nil elsewhere. A host may come
// into an instance above while it holds a register of an earlier one below, to which the same numbers mean other
// epochs.
func (h *Host) memberIn(instance uint32, p Place) *Register {
	if r := &h.in.Registers[p]; r.State == RegisterMember && r.Instance == instance {
		return r
	}
	return nil
}

func (h *Host) mismatch(g *view.Group) {
	h.out.Events = append(h.out.Events, Event{
		Kind: EventMismatch, At: h.now, Instance: h.instance(), Level: h.cfg.Top, Group: g.Number, To: g.Seq, Why: "the content of the epoch is not what its digest says",
	})
}

// inform takes what this host decided itself, shows the newest epoch, hands it down, and asks for
// what is missing.
func (h *Host) inform() {
	c, instance := &h.content, h.instance()
	if c.current != nil && c.current.Instance != instance {
		*c = content{}
	}
	if c.knownOf != instance {
		c.known, c.knownOf = 0, instance
	}
	c.known = max(c.known, h.knownEpoch(instance))
	if c.current != nil && h.refuted(instance, c.current.Top) { // fetched again, all of it
		h.mismatch(c.current.Top)
		c.current, c.past = nil, [8]*view.Group{}
	}
	if h.leads(h.cfg.Top) != nil {
		if g := h.vectors[h.cfg.Top].base; g != nil && g.Seq > 0 {
			h.learn(instance, g)
		}
	}
	h.catchUp()
	h.show()
	if c.current == nil {
		c.last = [Levels]*view.Group{}
		return
	}
	for level := uint8(0); level <= h.cfg.Top; level++ {
		n := h.leads(level)
		if n == nil {
			c.last[level] = nil
			continue
		}
		if !n.lead.decided || c.last[level] == c.current.Top {
			continue
		}
		// an agent that was just started sends no change: who lacks the content asks
		base := cmp.Or(c.last[level], c.past[1], c.current.Top)
		c.last[level] = c.current.Top
		var to []string
		members := n.lead.view.New
		for s := members.First(); s < Slots; s = members.Next(s + 1) {
			if seat := n.lead.roster.At(s); seat != nil && seat.RPC != h.cfg.Self.RPC {
				to = append(to, seat.RPC)
			}
		}
		h.sendContent(base, c.current.Top, to...)
	}
}

// show publishes the newest epoch, once it has this host in it.
func (h *Host) show() {
	c, r := &h.content, &h.in.Registers[0]
	if r.State != RegisterMember {
		c.shown = nil
		return
	}
	if c.current == nil {
		return
	}
	leader := h.topLeader()
	if c.shown != nil && c.shown.Top == c.current.Top && (leader == "" || leader == c.shown.Leader) {
		return
	}
	if c.shown == nil && c.current.Epoch() < c.known {
		return // an agent before this one may have shown it
	}
	g := c.current.Group(h.cfg.Group)
	if g == nil {
		return
	}
	if m := g.Member(r.Slot); m == nil || m.Name != h.cfg.Self.Name || m.Incarnation != r.Incarnation {
		return
	}
	v := *c.current
	v.Leader = leader
	if c.shown == nil || c.shown.Top != v.Top {
		e := Event{To: v.Epoch()}
		if n := h.leads(h.cfg.Top); n != nil && n.lead.change.To == v.Epoch() {
			e = n.lead.change
		}
		e.Kind, e.At, e.Install = EventInstalled, h.now, h.now
		e.Instance, e.Level, e.Group, e.From, e.Leader = v.Instance, h.cfg.Top, v.Top.Number, 0, leader
		var before *view.Group
		if c.shown != nil {
			before, e.From = c.shown.Top, c.shown.Epoch()
		}
		c := h.cfg.Contents.Changes(before, v.Top)
		e.Joined, e.Removed = c.Joined, c.Removed
		if e.Why == "" && before != nil {
			e.Why = c.Why // of which group who was removed, whose members know why
		}
		h.out.Events = append(h.out.Events, e)
	}
	c.shown = &v
	h.out.View = c.shown
}

// topLeader is the name of the leader of the top group, as far as this host knows.
func (h *Host) topLeader() string {
	for _, p := range []Place{SeatAt(h.cfg.Top), LeaderAt(h.cfg.Top)} {
		if r, n := &h.in.Registers[p], h.nodes[p]; n != nil && r.State == RegisterMember && r.BeatBallot != 0 {
			return n.nameOf(r.Leader())
		}
	}
	return h.content.root
}

// knownEpoch is the highest epoch that this host's registers know of in the instance; 0: none.
func (h *Host) knownEpoch(instance uint32) (known uint64) {
	for p := range Place(Places) {
		switch r := h.memberIn(instance, p); {
		case r == nil:
		case p.Level() == h.cfg.Top:
			known = max(known, r.Committed.Seq)
		case p.Level() < h.cfg.Top:
			known = max(known, r.Epoch)
		}
	}
	return known
}

// catchUp asks for the content of an epoch of which beats tell and no letter came.
func (h *Host) catchUp() {
	c, known := &h.content, h.knownEpoch(h.instance())
	if known == 0 || c.current != nil && c.current.Epoch() >= known {
		c.behind, c.wants = 0, 0
		return
	}
	if c.behind == 0 {
		c.behind = h.now
		c.wantAt = max(c.wantAt, h.now.Add(wantAfter))
	}
	if h.now.Before(c.wantAt) {
		h.wakeAt(c.wantAt)
		return
	}
	c.wantAt = h.now.Add(wantEvery)
	h.wakeAt(c.wantAt)
	var base *view.Group
	if c.current != nil {
		base = c.current.Top
	}
	c.wants++
	if all := h.cfg.Contacts; len(all) > 0 && c.wants >= wantAround {
		if to := all[(int(h.in.Registers[0].Slot)+c.wants)%len(all)]; to != h.cfg.Self.RPC {
			h.want(to, h.cfg.Top, h.groupAt(h.cfg.Top), base)
		}
	}
	for level := uint8(0); level <= h.cfg.Top; level++ {
		if h.leads(level) != nil {
			continue // who leads asks above
		}
		p := SeatAt(level)
		if h.nodes[p] == nil || h.in.Registers[p].State != RegisterMember {
			p = LeaderAt(level)
		}
		if n, r := h.nodes[p], &h.in.Registers[p]; n != nil && r.BeatBallot != 0 {
			h.want(n.rpcOf(r.Leader()), h.cfg.Top, h.groupAt(h.cfg.Top), base)
		}
		return
	}
}
