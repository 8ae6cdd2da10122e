package view

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// deltaVersion is the first byte of an encoded delta.
const deltaVersion = 1

const changeMin = 1 + 2 + 2 + 8 + 8 + 8 + 3*4 // bytes of a change with nothing in it

// AppendBinary appends the delta's encoded form to b.
func (d *Delta) AppendBinary(b []byte) ([]byte, error) {
	if err := d.check(); err != nil {
		return b, fmt.Errorf("encode content %d: %w", d.Seq, err)
	}
	b = append(b, deltaVersion)
	b = appendName(b, d.Cluster)
	b = binary.BigEndian.AppendUint32(b, d.Instance)
	return d.Change.append(b), nil
}

func (c *Change) append(b []byte) []byte {
	b = append(b, c.Level)
	b = binary.BigEndian.AppendUint16(b, c.Number)
	b = binary.BigEndian.AppendUint16(b, c.Generation)
	b = binary.BigEndian.AppendUint64(b, c.Seq)
	b = binary.BigEndian.AppendUint64(b, c.Digest)
	b = binary.BigEndian.AppendUint64(b, c.Base)
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.Gone)))
	for _, s := range c.Gone {
		b = binary.BigEndian.AppendUint16(b, s)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.Joined)))
	for i := range c.Joined {
		m := &c.Joined[i]
		b = appendName(b, m.Name)
		b = binary.BigEndian.AppendUint16(b, m.Slot)
		b = binary.BigEndian.AppendUint64(b, m.Incarnation)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.Below)))
	for i := range c.Below {
		b = c.Below[i].append(b)
	}
	return b
}

// ParseDelta reads an encoded delta, all of b. It keeps nothing of b.
func ParseDelta(b []byte) (*Delta, error) {
	if len(b) == 0 {
		return nil, errors.New("parse content: no bytes")
	}
	if b[0] != deltaVersion {
		return nil, fmt.Errorf("parse content: format %d, this program reads %d: use the version that wrote it", b[0], deltaVersion)
	}
	r := reader{rest: b[1:]}
	d := &Delta{Cluster: r.name(), Instance: r.uint32()}
	d.Change = r.change(Levels)
	if r.short {
		return nil, errors.New("parse content: it ends too early, or nests too deep")
	}
	if len(r.rest) != 0 {
		return nil, fmt.Errorf("parse content: %d bytes too many", len(r.rest))
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("parse content %d: %w", d.Seq, err)
	}
	return d, nil
}

// count reads how many items follow, of which each takes at least so many bytes.
func (r *reader) count(least int) int {
	n := int(r.uint32())
	if n > len(r.rest)/least {
		r.short, r.rest = true, nil
		return 0
	}
	return n
}

// change reads a change of a level below the given one.
func (r *reader) change(above uint8) (c Change) {
	c = Change{Level: r.take(1)[0], Number: r.uint16(), Generation: r.uint16(), Seq: r.uint64(), Digest: r.uint64(), Base: r.uint64()}
	if c.Level >= above {
		r.short, r.rest = true, nil
		return c
	}
	if n := r.count(2); n > 0 {
		c.Gone = make([]uint16, n)
		for i := range c.Gone {
			c.Gone[i] = r.uint16()
		}
	}
	if n := r.count(1 + 2 + 8); n > 0 {
		c.Joined = make([]Identity, n)
		for i := range c.Joined {
			c.Joined[i] = Identity{Name: r.name(), Group: c.Number, Slot: r.uint16(), Incarnation: r.uint64()}
		}
	}
	for range r.count(changeMin) {
		c.Below = append(c.Below, r.change(c.Level))
	}
	return c
}

// check tells what keeps a delta from having an encoded form.
func (d *Delta) check() error {
	if len(d.Cluster) > NameMax {
		return fmt.Errorf("cluster's name of more than %d bytes", NameMax)
	}
	return d.Change.check(Levels)
}

func (c *Change) check(above uint8) error {
	if c.Level >= above {
		return fmt.Errorf("group %d of level %d inside one of level %d", c.Number, c.Level, above)
	}
	if c.Level > 0 && len(c.Joined) > 0 || c.Level == 0 && len(c.Below) > 0 {
		return fmt.Errorf("group %d of level %d has members or groups that its level has not", c.Number, c.Level)
	}
	for i, s := range c.Gone {
		if i > 0 && c.Gone[i-1] >= s {
			return fmt.Errorf("group %d of level %d: %d is gone out of order", c.Number, c.Level, s)
		}
	}
	for i := range c.Joined {
		m := &c.Joined[i]
		if m.Group != c.Number || i > 0 && c.Joined[i-1].Slot >= m.Slot {
			return fmt.Errorf("group %d: member %.80q is not in order of slots, or of another group", c.Number, m.Name)
		}
		if len(m.Name) > NameMax {
			return fmt.Errorf("group %d: name of %d bytes, at most %d", c.Number, len(m.Name), NameMax)
		}
	}
	for i := range c.Below {
		o := &c.Below[i]
		if o.Level != c.Level-1 || o.Number/PerBranch != c.Number || i > 0 && c.Below[i-1].Number >= o.Number {
			return fmt.Errorf("group %d of level %d is not in order in group %d of level %d", o.Number, o.Level, c.Number, c.Level)
		}
		if err := o.check(c.Level); err != nil {
			return err
		}
	}
	return nil
}
