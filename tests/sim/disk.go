package sim

import (
	"encoding/json"

	"rollcall/control"
)

// save has a founder's record written, which takes Options.Disk. What is on its way is lost with the agent.
func (h *host) save(r *control.InstanceRecord) {
	a := &h.agent
	switch {
	case h.w.Disk == 0:
		h.write(r)
	case a.writing != nil:
		a.next = r
	default:
		a.writing = r
		h.w.queue.push(event{at: h.w.now + Instant(h.w.Disk), kind: eventSaved, host: uint16(h.id), arg: a.life})
	}
}

// saved is when a record is on disk: the agent hears of it, and goes on if it waits for that.
func (h *host) saved(life uint32) {
	a := &h.agent
	if !h.up || a.life != life || a.state == agentDead {
		return
	}
	h.write(a.writing)
	next := a.next
	a.writing, a.next = nil, nil
	if next != nil {
		h.save(next)
		return
	}
	a.poked = true
	if a.busy && a.out.RecordFirst && a.part == -(partRecord+1)-1 {
		h.resume(life)
		return
	}
	h.plan()
}

// write replaces the record on disk.
func (h *host) write(r *control.InstanceRecord) {
	var was control.InstanceRecord
	if h.disk != nil {
		_ = json.Unmarshal(h.disk, &was) // written here
	}
	h.recorded(&was, r)
	h.disk, _ = json.Marshal(r) // a struct of plain fields
	h.w.tell(h.id, "record", "%s", h.disk)
}
