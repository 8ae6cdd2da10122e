package sim

// Order (G2): what a node installs only moves forward.

// forward looks at the number of a view that a host installs.
func (l *ledger) forward(h *host, k viewKey) {
	if last, again := l.order[h.id]; again && k.before(last) {
		l.w.fail("G2", "%s installs %+v after %+v", h.name, k, last)
	}
}

func (k viewKey) before(o viewKey) bool {
	if k.instance != o.instance {
		return k.instance < o.instance
	}
	if k.generation != o.generation {
		return k.generation < o.generation
	}
	return k.seq < o.seq
}
