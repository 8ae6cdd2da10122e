package control

// Quorum reports whether the voters in have decide for the voters in of: more than
// half of them, or exactly half with the lowest among them. Two quorums of one set
// always meet. No set decides for the empty set.
func Quorum(have, of Bitmap) bool {
	h, n := have.And(of).Len(), of.Len()
	return 2*h > n || 2*h == n && n > 0 && have.Has(of.First())
}
