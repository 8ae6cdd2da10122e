package dataplane

import (
	"context"
	"fmt"

	"github.com/vishvananda/netlink"
)

// MissingError says that an interface, or its address, is not there. It may come: WatchLinks tells when to look
// again.
type MissingError struct {
	What   string // for example "interface ib0 does not exist"
	Remedy string
}

func (e *MissingError) Error() string { return e.What + ": " + e.Remedy }

// WatchLinks returns a channel on which something comes after interfaces or addresses of this host changed, until
// ctx ends. It is closed when the kernel tells no more.
func WatchLinks(ctx context.Context) (<-chan struct{}, error) {
	links, addresses := make(chan netlink.LinkUpdate), make(chan netlink.AddrUpdate)
	if err := netlink.LinkSubscribe(links, ctx.Done()); err != nil {
		return nil, fmt.Errorf("watch interfaces: %w", err)
	}
	if err := netlink.AddrSubscribe(addresses, ctx.Done()); err != nil {
		return nil, fmt.Errorf("watch addresses: %w", err)
	}
	changed := make(chan struct{}, 1)
	go func() {
		defer close(changed)
		for told := true; told; {
			select {
			case _, told = <-links:
			case _, told = <-addresses:
			}
			select {
			case changed <- struct{}{}:
			default: // it was not looked at since the last
			}
		}
	}()
	return changed, nil
}
