package scale

import (
	"encoding/binary"
	"errors"
	"fmt"

	"rollcall/control"
	"rollcall/view"
)

// contents keeps one copy of every content, delta and view that hosts hold in common, which is
// what makes a million hosts fit into one process. What a letter has as its body is the number of
// a delta; what it weighs is told by size.
type contents struct {
	deltas  map[uint32]packed
	next    uint32
	packs   map[[2]*view.Group]uint32
	leads   map[*view.Delta]*view.Group
	changes map[[2]*view.Group]control.Changes
	wholes  map[*view.Group]uint32
	views   map[uint64]*view.View
	largest int
}

// packed is a delta without what changes, which leads tells: a whole content of many nodes would be kept
// for each epoch that somebody fetches.
type packed struct {
	*view.Delta
	size int
}

func newContents() *contents {
	c := &contents{}
	c.forget()
	return c
}

// forget lets go of what only earlier epochs needed.
func (c *contents) forget() {
	c.deltas = map[uint32]packed{}
	c.packs = map[[2]*view.Group]uint32{}
	c.leads = map[*view.Delta]*view.Group{}
	c.changes = map[[2]*view.Group]control.Changes{}
	c.wholes = map[*view.Group]uint32{}
	c.views = map[uint64]*view.View{}
}

// known is the body that stands for g as a whole in what is no letter: it has no size.
func (c *contents) known(instance uint32, g *view.Group) []byte {
	i, ok := c.wholes[g]
	if !ok {
		i = c.keep(&view.Delta{Cluster: cluster, Instance: instance}, g, 0)
		c.wholes[g] = i
	}
	return binary.BigEndian.AppendUint32(nil, i)
}

// keep gives a delta to g its number.
func (c *contents) keep(d *view.Delta, g *view.Group, size int) uint32 {
	i := c.next
	c.next++
	d.Level, d.Number, d.Generation, d.Seq, d.Digest = g.Level, g.Number, g.Generation, g.Seq, g.Digest
	d.Gone, d.Joined, d.Below = nil, nil, nil
	c.deltas[i], c.leads[d] = packed{d, size}, g
	return i
}

// Pack implements control.Contents.
func (c *contents) Pack(cluster string, instance uint32, base, g *view.Group) ([]byte, error) {
	k := [2]*view.Group{base, g}
	i, ok := c.packs[k]
	if !ok {
		d := view.Between(cluster, instance, base, g)
		body, err := d.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		if len(body) > control.PartMax*control.PartsMax {
			return nil, fmt.Errorf("content of %d bytes", len(body))
		}
		i = c.keep(d, g, len(body))
		c.packs[k] = i
		c.largest = max(c.largest, len(body))
	}
	return binary.BigEndian.AppendUint32(nil, i), nil
}

// size is that of the encoding which a body stands for.
func (c *contents) size(body []byte) int { return c.deltas[binary.BigEndian.Uint32(body)].size }

// leadsTo is the content to which a body leads; nil: it is forgotten.
func (c *contents) leadsTo(body []byte) *view.Group {
	return c.leads[c.deltas[binary.BigEndian.Uint32(body)].Delta]
}

// Unpack implements control.Contents.
func (c *contents) Unpack(body []byte) (*view.Delta, error) {
	d, ok := c.deltas[binary.BigEndian.Uint32(body)]
	if !ok {
		return nil, errors.New("content that is forgotten")
	}
	return d.Delta, nil
}

// Apply implements control.Contents. What a delta leads to is known.
func (c *contents) Apply(d *view.Delta, base *view.Group) (*view.Group, error) {
	if g := c.leads[d]; g != nil && (d.Base == 0 || base != nil && base.Digest == d.Base && base.Level == d.Level && base.Number == d.Number) {
		return g, nil
	}
	return d.Apply(base) // which fails
}

// Changes implements control.Contents. Who is in the first view of a host nobody asks.
func (c *contents) Changes(from, to *view.Group) control.Changes {
	if from == nil {
		return control.Changes{}
	}
	k := [2]*view.Group{from, to}
	o, ok := c.changes[k]
	if !ok {
		o = control.GroupChanges(from, to)
		c.changes[k] = o
	}
	return o
}

// Share implements control.Contents. Views are told apart by their hash and leader.
func (c *contents) Share(v *view.View) *view.View {
	h := v.Hash()
	if o := c.views[h]; o != nil && o.Leader == v.Leader {
		return o
	}
	c.views[h] = v
	return v
}
