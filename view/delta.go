package view

import "fmt"

// Delta is the way from one content of a group to a later one of the same group. Applied to
// what it is from, it gives exactly what it is to, or fails.
type Delta struct {
	Cluster  string
	Instance uint32
	Change
}

// Change is what became different in one group.
type Change struct {
	Level      uint8
	Number     uint16
	Generation uint16
	Seq        uint64
	Digest     uint64
	Base       uint64     // digest of the content that it changes; 0: it is whole
	Gone       []uint16   // slots at level 0, numbers of groups above: no longer there; ascending
	Joined     []Identity // at level 0, by slot: new there, or others than before
	Below      []Change   // above level 0, by number: of groups that are new or changed
}

// Between is the way from a group's content, or from nothing when that is nil, to another.
func Between(cluster string, instance uint32, from, to *Group) *Delta {
	return &Delta{Cluster: cluster, Instance: instance, Change: change(from, to)}
}

func change(from, to *Group) Change {
	c := Change{Level: to.Level, Number: to.Number, Generation: to.Generation, Seq: to.Seq, Digest: to.Digest}
	if from == nil {
		from = &Group{}
	} else {
		c.Base = from.Digest
	}
	old, now := from.Members, to.Members
	for len(old) > 0 || len(now) > 0 {
		switch {
		case len(now) == 0 || len(old) > 0 && old[0].Slot < now[0].Slot:
			c.Gone = append(c.Gone, old[0].Slot)
			old = old[1:]
		case len(old) == 0 || now[0].Slot < old[0].Slot:
			c.Joined = append(c.Joined, now[0])
			now = now[1:]
		default:
			if old[0] != now[0] {
				c.Joined = append(c.Joined, now[0])
			}
			old, now = old[1:], now[1:]
		}
	}
	was, is := from.Below, to.Below
	for len(was) > 0 || len(is) > 0 {
		switch {
		case len(is) == 0 || len(was) > 0 && was[0].Number < is[0].Number:
			c.Gone = append(c.Gone, was[0].Number)
			was = was[1:]
		case len(was) == 0 || is[0].Number < was[0].Number:
			c.Below = append(c.Below, change(nil, is[0]))
			is = is[1:]
		default:
			if was[0] != is[0] && was[0].Digest != is[0].Digest {
				c.Below = append(c.Below, change(was[0], is[0]))
			}
			was, is = was[1:], is[1:]
		}
	}
	return c
}

// Apply gives the content that the delta leads to from base, which is nil for nothing. It
// fails when base is another than the delta is from, or the result is not what its digest says.
func (d *Delta) Apply(base *Group) (*Group, error) {
	return d.Change.apply(d.Cluster, d.Instance, base)
}

func (c *Change) apply(cluster string, instance uint32, base *Group) (*Group, error) {
	g := &Group{Level: c.Level, Number: c.Number, Generation: c.Generation, Seq: c.Seq, Digest: c.Digest}
	switch {
	case c.Base == 0:
		base = &Group{}
	case base == nil || base.Digest != c.Base || base.Level != c.Level || base.Number != c.Number:
		return nil, fmt.Errorf("content %d of group %d at level %d: it is told as a change of what is not here: fetch it whole", c.Seq, c.Number, c.Level)
	}
	if c.Level == 0 {
		g.Members = c.members(base.Members)
	} else {
		below, err := c.below(cluster, instance, base.Below)
		if err != nil {
			return nil, err
		}
		g.Below = below
	}
	if g.hash(cluster, instance) != g.Digest {
		return nil, fmt.Errorf("content %d of group %d at level %d is not what its digest says", c.Seq, c.Number, c.Level)
	}
	return g, nil
}

func (c *Change) members(old []Identity) []Identity {
	list := make([]Identity, 0, len(old)+len(c.Joined))
	gone, joined := c.Gone, c.Joined
	for i := range old {
		for len(joined) > 0 && joined[0].Slot < old[i].Slot {
			list, joined = append(list, joined[0]), joined[1:]
		}
		for len(gone) > 0 && gone[0] < old[i].Slot {
			gone = gone[1:]
		}
		switch {
		case len(joined) > 0 && joined[0].Slot == old[i].Slot:
			list, joined = append(list, joined[0]), joined[1:]
		case len(gone) > 0 && gone[0] == old[i].Slot:
		default:
			list = append(list, old[i])
		}
	}
	return append(list, joined...)
}

func (c *Change) below(cluster string, instance uint32, old []*Group) ([]*Group, error) {
	list := make([]*Group, 0, len(old)+len(c.Below))
	gone, changed := c.Gone, c.Below
	take := func(base *Group) error {
		g, err := changed[0].apply(cluster, instance, base)
		list, changed = append(list, g), changed[1:]
		return err
	}
	for _, o := range old {
		for len(changed) > 0 && changed[0].Number < o.Number {
			if err := take(nil); err != nil {
				return nil, err
			}
		}
		for len(gone) > 0 && gone[0] < o.Number {
			gone = gone[1:]
		}
		switch {
		case len(changed) > 0 && changed[0].Number == o.Number:
			if err := take(o); err != nil {
				return nil, err
			}
		case len(gone) > 0 && gone[0] == o.Number:
		default:
			list = append(list, o)
		}
	}
	for len(changed) > 0 {
		if err := take(nil); err != nil {
			return nil, err
		}
	}
	return list, nil
}
