package scale

import (
	"encoding/json"

	"rollcall/control"
	"rollcall/dataplane"
)

// frameBytes is what a frame weighs on the wire, by UDP over IPv4 over Ethernet.
const frameBytes = 14 + 20 + 8 + dataplane.FrameLen

// load is what one host sent and received since the meter was set to zero.
type load struct{ messages, bytes uint64 }

// meter counts what is sent: frames as they are on the wire, letters by their JSON, without what
// TLS, HTTP and TCP add to it.
type meter struct {
	frameCount, letterCount, letterBytes uint64

	steps   uint64
	rosters map[*control.Roster]int // what each weighs
	kinds   map[control.MessageKind]uint64
}

func (m *meter) start() {
	m.rosters = map[*control.Roster]int{}
	m.kinds = map[control.MessageKind]uint64{}
}

func (m *meter) frame(from, to *host) { m.frames(from, to, 1) }

func (m *meter) frames(from, to *host, n uint64) {
	m.frameCount += n
	from.load.messages += n
	from.load.bytes += n * frameBytes
	to.load.messages += n
	to.load.bytes += n * frameBytes
}

func (m *meter) letter(from, to *host, size int, kind control.MessageKind) {
	m.letterCount++
	m.letterBytes += uint64(size)
	m.kinds[kind]++
	from.load.messages++
	from.load.bytes += uint64(size)
	to.load.messages++
	to.load.bytes += uint64(size)
}

func (m *meter) rosterSize(r *control.Roster) int {
	n, ok := m.rosters[r]
	if !ok {
		if len(m.rosters) > 1<<16 {
			clear(m.rosters)
		}
		body, _ := json.Marshal(r)
		n = len(body)
		m.rosters[r] = n
	}
	return n
}

// messages and bytes that were sent by anybody.
func (m *meter) total() load {
	return load{m.frameCount + m.letterCount, m.frameCount*frameBytes + m.letterBytes}
}

// read gives what was sent since the meter was last read, and the largest load on one host.
func (w *World) read() (all, largest load) {
	for i := range w.groups {
		w.groups[i].account()
	}
	all = w.meter.total()
	for i := range w.hosts {
		h := &w.hosts[i]
		largest.messages = max(largest.messages, h.load.messages)
		largest.bytes = max(largest.bytes, h.load.bytes)
		h.load = load{}
	}
	w.meter.frameCount, w.meter.letterCount, w.meter.letterBytes, w.meter.steps = 0, 0, 0, 0
	clear(w.meter.rosters)
	return all, largest
}
