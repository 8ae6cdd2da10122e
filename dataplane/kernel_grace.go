package dataplane

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// grace waits until every program that runs now has ended. The kernel does so when an
// entry of an array of maps is replaced.
type grace struct {
	outer, inner *ebpf.Map
}

func newGrace() (*grace, error) {
	in := &ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}
	inner, err := ebpf.NewMap(in)
	if err != nil {
		return nil, fmt.Errorf("make a map to wait with: %w", err)
	}
	outer, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, InnerMap: in})
	if err != nil {
		inner.Close()
		return nil, fmt.Errorf("make a map to wait with: %w", err)
	}
	return &grace{outer: outer, inner: inner}, nil
}

func (g *grace) wait() error {
	if err := g.outer.Put(uint32(0), g.inner); err != nil {
		return fmt.Errorf("wait for running programs: %w", err)
	}
	return nil
}

func (g *grace) close() {
	g.outer.Close()
	g.inner.Close()
}
