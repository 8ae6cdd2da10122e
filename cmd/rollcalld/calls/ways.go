package calls

import (
	"net/netip"
	"sync"

	"rollcall/control"
)

// waysMax is of how many agents it is known by which rails else they are called.
const waysMax = 1 << 16

// ways are the further addresses of agents on several rails, by the one that they go by.
type ways struct {
	mu     sync.Mutex
	others map[string][]string
}

// know takes in the rails of a peer. Its agent listens at the same port of each, where its
// address is that of the first: an address of its own is the only one.
func (w *ways) know(p *control.Peer) {
	at, err := netip.ParseAddrPort(p.RPC)
	if err != nil || len(p.Rails) < 2 || p.Rails[0].UDP.Addr() != at.Addr() {
		return
	}
	var others []string
	for _, rail := range p.Rails[1:] {
		if addr := rail.UDP.Addr(); addr.IsValid() {
			others = append(others, netip.AddrPortFrom(addr, at.Port()).String())
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.others == nil || len(w.others) >= waysMax {
		w.others = map[string][]string{}
	}
	w.others[p.RPC] = others
}

// to are all addresses of an agent, the one that it goes by first.
func (w *ways) to(address string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{address}, w.others[address]...)
}
