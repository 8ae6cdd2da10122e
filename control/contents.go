package control

import (
	"cmp"
	"fmt"
	"strings"

	"rollcall/view"
	"rollcall/view/hostlist"
)

// Contents turns what groups decided into the bytes of letters and back. A host does so itself;
// who runs very many hosts in one process may keep one copy of what all of them come to hold.
type Contents interface {
	// Pack encodes the way from base, nil for nothing, to g.
	Pack(cluster string, instance uint32, base, g *view.Group) ([]byte, error)
	// Unpack decodes what Pack gave.
	Unpack(body []byte) (*view.Delta, error)
	// Apply gives the content that d leads to from base.
	Apply(d *view.Delta, base *view.Group) (*view.Group, error)
	// Changes tells what became different; either may be nil.
	Changes(from, to *view.Group) Changes
	// Share gives v or an equal view, which nobody changes any more.
	Share(v *view.View) *view.View
}

// Changes are what became different from one content of the top to another.
type Changes struct {
	Joined, Removed []string // names that are in the later one alone, or in the earlier one, as incarnations
	Why             string   // what became of which groups of level 0, in words
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

func (*ownContents) Changes(from, to *view.Group) Changes { return GroupChanges(from, to) }

// GroupChanges is what Contents.Changes gives.
func GroupChanges(from, to *view.Group) (c Changes) {
	var groups [len(fates)][]string
	eachChanged(from, to, func(from, to *view.Group) {
		joined, removed := changes(membersOf(from), membersOf(to))
		c.Joined, c.Removed = append(c.Joined, joined...), append(c.Removed, removed...)
		became := func(f int) { groups[f] = append(groups[f], fmt.Sprintf("group %d", cmp.Or(to, from).Number)) }
		switch {
		case to == nil:
			became(fateOut)
			return
		case from == nil:
			became(fateIn)
			return
		case to.Generation > from.Generation:
			became(fateAnew)
			return
		}
		if len(removed) > 0 {
			became(fateLess)
		}
		if len(joined) > 0 {
			became(fateMore)
		}
	})
	var what []string
	for f := range groups {
		if len(groups[f]) > 0 {
			what = append(what, hostlist.Fold(groups[f])+" "+fates[f])
		}
	}
	c.Why = strings.Join(what, "; ")
	return c
}

// What becomes of groups of level 0 from one epoch to another, as far as their contents tell.
const (
	fateOut = iota
	fateAnew
	fateLess
	fateIn
	fateMore
)

var fates = [...]string{
	fateOut: "out", fateAnew: "formed anew", fateLess: "removed members", fateIn: "in", fateMore: "let members in",
}

func membersOf(g *view.Group) []view.Identity {
	if g == nil {
		return nil
	}
	return g.Members
}

// eachChanged tells of the groups of level 0 in which two contents differ: nil is for one that is not there.
func eachChanged(from, to *view.Group, tell func(from, to *view.Group)) {
	if from == to || from != nil && to != nil && from.Digest == to.Digest {
		return
	}
	if cmp.Or(to, from).Level == 0 {
		tell(from, to)
		return
	}
	var was, is []*view.Group
	if from != nil {
		was = from.Below
	}
	if to != nil {
		is = to.Below
	}
	for len(was) > 0 || len(is) > 0 {
		switch {
		case len(is) == 0 || len(was) > 0 && was[0].Number < is[0].Number:
			eachChanged(was[0], nil, tell)
			was = was[1:]
		case len(was) == 0 || is[0].Number < was[0].Number:
			eachChanged(nil, is[0], tell)
			is = is[1:]
		default:
			eachChanged(was[0], is[0], tell)
			was, is = was[1:], is[1:]
		}
	}
}
