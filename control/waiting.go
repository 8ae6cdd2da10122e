package control

import (
	"slices"
	"time"
)

// waiting counts the nodes that ask a founder to be let in while there is no cluster. Whoever asked in
// this period or in the one before it is taken to wait still.
type waiting struct {
	began       Time // this period
	now, before map[string]bool
	count       int // of both
}

// waitingMax is how many names are held for a period.
const waitingMax = 1 << 16

// around is how long it takes at most until a node that waits has asked all its contacts.
func (c *Config) around() time.Duration { return time.Duration(2+len(c.Contacts)) * askMost }

// noCluster is what a founder answers one that asks to be let in: what is awaited, and how many wait for it.
func (n *Node) noCluster(now Time, name string) (why string, waiting int) {
	waiting = n.waits(now, name)
	why = n.awaitingGroup()
	return why[:min(len(why), wordsMax)], waiting
}

// waits notes that a node asked, and returns how many wait.
func (n *Node) waits(now Time, name string) int {
	if slices.Contains(n.cfg.Founders, name) {
		return n.waitingAt(now)
	}
	w := &n.found.waiting
	if age, period := now.Since(w.began), n.cfg.around(); w.now == nil || age >= period {
		if w.before = w.now; age >= 2*period {
			w.before = nil
		}
		w.began, w.now, w.count = now, map[string]bool{}, len(w.before)
	}
	if !w.now[name] && len(w.now) < waitingMax {
		w.now[name] = true
		if !w.before[name] {
			w.count++
		}
	}
	return w.count
}

// waitingAt is how many wait at a later moment.
func (n *Node) waitingAt(now Time) int {
	w := &n.found.waiting
	switch age, period := now.Since(w.began), n.cfg.around(); {
	case age < period:
		return w.count
	case age < 2*period:
		return len(w.now)
	}
	return 0
}

// waiting is how many nodes beside the founders wait for a cluster, as far as this host or a founder that it heard
// knows; 0 once there is one.
func (h *Host) waiting(now Time) int {
	switch f := h.nodes[SeatAt(h.cfg.Top)]; {
	case h.nodes[0].role != roleAbsent || f != nil && f.role != roleAbsent || now.Since(h.nodes[0].found.heardAt) < ofLate:
		return 0
	case f != nil && f.founder():
		return f.waitingAt(now)
	case h.founder.at != 0 && now.Since(h.founder.at) < h.cfg.around():
		return h.founder.waiting
	}
	return 0
}

// founderSaid is what a founder that has no cluster waits for.
type founderSaid struct {
	why     string
	waiting int // nodes, as Answer has it
	at      Time
}

// heardFounder notes why there is no cluster yet: who asks to be let in waits for the same.
func (h *Host) heardFounder(m *Message) {
	if m.Answer.Status == AnswerIdle && m.Instance == 0 && slices.Contains(h.cfg.Founders, m.From.Name) {
		h.founder = founderSaid{m.Answer.Why, m.Answer.Waiting, h.now}
	}
}
