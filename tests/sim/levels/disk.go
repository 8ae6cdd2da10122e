package levels

import "rollcall/control"

// write has a record written while the agent takes steps. The newest knows all that those before it do.
func (h *host) write(r *control.InstanceRecord) {
	h.writing = r
	h.w.after(h.w.latency(0.1), func() {
		if h.writing == r && h.up {
			h.written(r)
			h.poke()
		}
	})
}

// written is when what is on its way is on the disk.
func (h *host) written(r *control.InstanceRecord) {
	if r != nil {
		h.record, h.writing = *r, nil
		h.w.ledger.life(r.Instance).recorded[h] = r.Epoch
	}
}
