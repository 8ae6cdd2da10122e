package calls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// What a rail that leads nowhere may take where there are others.
const (
	tryTimeout   = 300 * time.Millisecond // of a connection, unless it is the last way
	stallTimeout = 500 * time.Millisecond // until data that nobody acknowledges end a connection
)

// waysMax is of how many agents it is known by which rails else they are called.
const waysMax = 1 << 16

// ways are the addresses of agents on several rails, by the one that they go by: the one that
// led there last comes first.
type ways struct {
	mu sync.Mutex
	of map[string][]string
}

// know takes in the rails of a peer. Its agent listens at the same port of each, where its
// address is that of the first: an address of its own is the only one.
func (w *ways) know(p *control.Peer) {
	at, err := netip.ParseAddrPort(p.RPC)
	if err != nil || len(p.Rails) < 2 || p.Rails[0].UDP.Addr() != at.Addr() {
		return
	}
	all := []string{p.RPC}
	for _, rail := range p.Rails[1:] {
		if addr := rail.UDP.Addr(); addr.IsValid() {
			all = append(all, netip.AddrPortFrom(addr, at.Port()).String())
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil || len(w.of) >= waysMax {
		w.of = map[string][]string{}
	}
	if known := w.of[p.RPC]; !sameWays(known, all) {
		w.of[p.RPC] = all
	}
}

// sameWays reports whether both are the same addresses, in whatever order.
func sameWays(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

func (w *ways) to(address string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if all := w.of[address]; all != nil {
		return slices.Clone(all)
	}
	return []string{address}
}

// any reports whether there are agents on several rails: others that are called may turn out to be.
func (w *ways) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.of) > 0
}

func (w *ways) several(address string) bool { return len(w.to(address)) > 1 }

// prefer puts the way that led to an agent first.
func (w *ways) prefer(address, way string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if all := w.of[address]; all != nil && all[0] != way {
		rest := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == way })
		w.of[address] = append([]string{way}, rest...)
	}
}

// dial connects by the first way that leads anywhere.
func (w *ways) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var errs []error
	all := w.to(address)
	for i, way := range all {
		d := net.Dialer{Timeout: dialTimeout}
		if w.any() {
			d.Control = noticeStalls
		}
		if i < len(all)-1 {
			d.Timeout = tryTimeout
		}
		c, err := d.DialContext(ctx, network, way)
		if err == nil {
			w.prefer(address, way)
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// noticeStalls ends a connection soon after its rail died.
func noticeStalls(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(stallTimeout.Milliseconds()))
	}); e != nil {
		return e
	}
	if err != nil {
		return fmt.Errorf("set TCP_USER_TIMEOUT: %w", err)
	}
	return nil
}
