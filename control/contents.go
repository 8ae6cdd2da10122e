package control

import "rollcall/view"

// Contents turns what groups decided into the bytes of letters and back. A host does so itself;
// who runs very many hosts in one process may keep one copy of what all of them come to hold.
type Contents interface {
	// Pack encodes the way from base, nil for nothing, to g.
	Pack(cluster string, instance uint32, base, g *view.Group) ([]byte, error)
	// Unpack decodes what Pack gave.
	Unpack(body []byte) (*view.Delta, error)
	// Apply gives the content that d leads to from base.
	Apply(d *view.Delta, base *view.Group) (*view.Group, error)
	// Changes lists the names that are in to and not in from, and the other way round, as
	// incarnations; either may be nil.
	Changes(from, to *view.Group) (joined, removed []string)
	// Share gives v or an equal view, which nobody changes any more.
	Share(v *view.View) *view.View
}

// ownContents are those of a host by itself. The content that was last packed whole is kept so: while a
// group starts, all its members ask for it.
type ownContents struct {
	of    *view.Group
	whole []byte
}

func (c *ownContents) Pack(cluster string, instance uint32, base, g *view.Group) ([]byte, error) {
	if base != nil {
		return view.Between(cluster, instance, base, g).AppendBinary(nil)
	}
	if c.of != g {
		body, err := view.Between(cluster, instance, nil, g).AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		c.of, c.whole = g, body
	}
	return c.whole, nil
}

func (*ownContents) Unpack(body []byte) (*view.Delta, error) { return view.ParseDelta(body) }

func (*ownContents) Apply(d *view.Delta, base *view.Group) (*view.Group, error) { return d.Apply(base) }

func (*ownContents) Share(v *view.View) *view.View { return v }

func (*ownContents) Changes(from, to *view.Group) (joined, removed []string) {
	return GroupChanges(from, to)
}

// GroupChanges is what Contents.Changes gives.
func GroupChanges(from, to *view.Group) (joined, removed []string) {
	if from == to {
		return nil, nil
	}
	if from == nil {
		from = &view.Group{}
	}
	if to == nil {
		to = &view.Group{}
	}
	j, r := changes(from.Members, to.Members)
	joined, removed = append(joined, j...), append(removed, r...)
	for _, g := range to.Below {
		j, r := GroupChanges(from.Of(g.Number), g)
		joined, removed = append(joined, j...), append(removed, r...)
	}
	for _, g := range from.Below {
		if to.Of(g.Number) == nil {
			_, r := GroupChanges(g, nil)
			removed = append(removed, r...)
		}
	}
	return joined, removed
}
