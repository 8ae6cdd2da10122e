package dataplane

import (
	"errors"

	"rollcall/control"
)

// mixedTransport is that of a node whose group uses Ethernet, below others that may be anywhere:
// level 0 goes over Ethernet, all above it over UDP.
type mixedTransport struct {
	*etherTransport
	above *udpTransport
}

func (m *mixedTransport) SetPeers(level uint8, r *control.Roster) {
	if level == 0 {
		m.etherTransport.SetPeers(level, r)
	} else {
		m.above.SetPeers(level, r)
	}
}

func (m *mixedTransport) Send(level uint8, frame []byte, to control.Bitmap) error {
	if level == 0 {
		return m.etherTransport.Send(level, frame, to)
	}
	return m.above.Send(level, frame, to)
}

func (m *mixedTransport) Close() error { return errors.Join(m.etherTransport.Close(), m.above.Close()) }
