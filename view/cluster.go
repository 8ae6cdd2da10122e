package view

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"slices"
)

// Group is what a group of any level decided under one number: at level 0 its members, above
// it the groups below that have a leader in it. It is immutable, and contents of which most
// is the same share it by pointer: what a change costs is proportional to the change.
type Group struct {
	Level      uint8
	Number     uint16 // of the group in its level
	Generation uint16 // raised when a group was formed anew by decree
	Seq        uint64
	Digest     uint64     // of everything below, the groups' by their digests
	Members    []Identity // at level 0, by slot
	Below      []*Group   // above level 0, by number
}

// Leaf is the content of a group of level 0.
func Leaf(v *View) *Group {
	return &Group{Number: v.Group, Generation: v.Generation, Seq: v.Epoch, Digest: v.Hash(), Members: v.Members}
}

// Compose is the content of a group above level 0: below is by number, and the Group's from
// now on.
func Compose(cluster string, instance uint32, level uint8, number, generation uint16, seq uint64, below []*Group) *Group {
	g := &Group{Level: level, Number: number, Generation: generation, Seq: seq, Below: below}
	g.Digest = g.hash(cluster, instance)
	return g
}

// hash is the first 64 bits of SHA-256 over the group's content; of a group of level 0 it is
// View.Hash.
func (g *Group) hash(cluster string, instance uint32) uint64 {
	if g.Level == 0 {
		v := View{Cluster: cluster, Instance: instance, Group: g.Number, Generation: g.Generation, Epoch: g.Seq, Members: g.Members}
		return v.Hash()
	}
	b := make([]byte, 0, 64+20*len(g.Below))
	b = appendString(b, cluster)
	b = binary.BigEndian.AppendUint32(b, instance)
	b = append(b, g.Level)
	b = binary.BigEndian.AppendUint16(b, g.Number)
	b = binary.BigEndian.AppendUint16(b, g.Generation)
	b = binary.BigEndian.AppendUint64(b, g.Seq)
	b = binary.BigEndian.AppendUint32(b, uint32(len(g.Below)))
	for _, o := range g.Below {
		b = binary.BigEndian.AppendUint16(b, o.Number)
		b = binary.BigEndian.AppendUint16(b, o.Generation)
		b = binary.BigEndian.AppendUint64(b, o.Seq)
		b = binary.BigEndian.AppendUint64(b, o.Digest)
	}
	h := sha256.Sum256(b)
	return binary.BigEndian.Uint64(h[:8])
}

// Newer reports whether g was decided after o, which may be nil.
func (g *Group) Newer(o *Group) bool {
	return o == nil || g.Generation > o.Generation || g.Generation == o.Generation && g.Seq > o.Seq
}

// Of returns the group of that number in the level below, or nil.
func (g *Group) Of(number uint16) *Group {
	i, found := slices.BinarySearchFunc(g.Below, number, func(o *Group, n uint16) int { return int(o.Number) - int(n) })
	if !found {
		return nil
	}
	return g.Below[i]
}

// Find returns the group of that level and number, which is this one or somewhere below it, or nil. Groups of a
// level are numbered through the whole cluster.
func (g *Group) Find(level uint8, number uint16) *Group {
	for g != nil && g.Level > level {
		at := number
		for range g.Level - 1 - level {
			at /= PerBranch
		}
		g = g.Of(at)
	}
	if g == nil || g.Level != level || g.Number != number {
		return nil
	}
	return g
}

// All lists the members of the group, or of all groups below it, by group, then slot.
func (g *Group) All() iter.Seq[Identity] {
	return func(yield func(Identity) bool) { g.walk(yield) }
}

func (g *Group) walk(yield func(Identity) bool) bool {
	for i := range g.Members {
		if !yield(g.Members[i]) {
			return false
		}
	}
	for _, o := range g.Below {
		if !o.walk(yield) {
			return false
		}
	}
	return true
}

// Len counts the members that All lists.
func (g *Group) Len() int {
	n := len(g.Members)
	for _, o := range g.Below {
		n += o.Len()
	}
	return n
}

// Member returns a member of a group of level 0, or nil.
func (g *Group) Member(slot uint16) *Identity {
	i, found := slices.BinarySearchFunc(g.Members, slot, func(m Identity, s uint16) int { return int(m.Slot) - int(s) })
	if !found {
		return nil
	}
	return &g.Members[i]
}

// ClusterView is one epoch: what the top group decided. Two nodes never install different
// content for the same instance and epoch. It is immutable, and shared by pointer.
type ClusterView struct {
	Cluster  string
	Instance uint32
	Leader   string // of the top group as far as this node knows: the root; not agreed
	Top      *Group // where the cluster has one group, that group
}

// Epoch is the number of the view: the seq of the top group.
func (v *ClusterView) Epoch() uint64 { return v.Top.Seq }

// Hash is equal where the content is.
func (v *ClusterView) Hash() uint64 { return v.Top.Digest }

// Group returns a group of level 0, or nil. Groups are numbered through the whole cluster.
func (v *ClusterView) Group(number uint16) *Group { return v.Top.Find(0, number) }

// The shape of a cluster: it has at most Levels levels, the nodes' own groups among them, and group g of
// a level belongs to group g/PerBranch of the next.
const (
	Levels    = 4
	PerBranch = 248
)

// Flat is the view as one list of members, as those want it who show it. Its Hash is not that of
// the cluster view unless the cluster has one group.
func (v *ClusterView) Flat() *View {
	f := &View{Cluster: v.Cluster, Instance: v.Instance, Generation: v.Top.Generation, Epoch: v.Top.Seq, Leader: v.Leader}
	if v.Top.Level == 0 {
		f.Group, f.Members = v.Top.Number, v.Top.Members
		return f
	}
	f.Members = make([]Identity, 0, v.Top.Len())
	for m := range v.Top.All() {
		f.Members = append(f.Members, m)
	}
	return f
}
