package control

// preferences order names by who should lead: the lower the rather. Of others nothing is said, 0.
type preferences map[string]int

// newPreferences is of those that should lead, and of those that should only where there are no
// others.
func newPreferences(prefer, avoid []string) preferences {
	if len(prefer)+len(avoid) == 0 {
		return nil
	}
	p := make(preferences, len(prefer)+len(avoid))
	for _, name := range avoid {
		p[name] = 1
	}
	for _, name := range prefer {
		p[name] = -1
	}
	return p
}

// sooner reports whether the member in slot a is to succeed a leader rather than the one in b: who
// should lead, then the next by slot after the leader. All members order each other alike.
func (n *Node) sooner(a, b, leader uint16) bool {
	if n.cfg.preferences != nil {
		if x, y := n.cfg.preferences[n.nameOf(a)], n.cfg.preferences[n.nameOf(b)]; x != y {
			return x < y
		}
	}
	return (a-leader)%Slots < (b-leader)%Slots
}
