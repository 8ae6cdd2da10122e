package control

// Quorum reports whether the voters in have decide for the voters in of: more than
// half of them, or exactly half with the lowest among them. Two quorums of one set
// always meet. No set decides for the empty set.
func Quorum(have, of Bitmap) bool {
	h, n := have.And(of).Len(), of.Len()
	return 2*h > n || 2*h == n && n > 0 && have.Has(of.First())
}

// Voters are those of the members of a group whose votes count: at level 0 all, above it those
// in seats. Leaders of groups below come and go with their groups, and a new one has no
// memory of what the old one voted: were they voters, a cluster of two groups would stop for
// ever when one leader died.
func Voters(level uint8, members Bitmap) Bitmap {
	if level == 0 {
		return members
	}
	return Bitmap{FirstSeat / 64: members[FirstSeat/64] &^ (1<<(FirstSeat%64) - 1)}
}

// Decides reports whether those in have are a quorum of the members of a group of that level.
func Decides(level uint8, have, members Bitmap) bool { return Quorum(have, Voters(level, members)) }

func (n *Node) decides(have, members Bitmap) bool { return Decides(n.cfg.Level, have, members) }
