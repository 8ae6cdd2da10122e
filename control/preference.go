package control

import (
	"time"

	"rollcall/view"
)

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

// A leader yields to one who should lead rather than it. A change of leader costs everybody's lease a few
// intervals, so who takes over must have been well for a while; and where that one cannot keep the lead,
// it does not go back and forth more than once in yieldApart.
const (
	yieldAfter = 10 * time.Second
	yieldApart = time.Minute
)

// yields reports whether this leader is to hand over to its heirs. While anything else is under way
// the lead stays where it is.
func (n *Node) yields() bool {
	l := &n.lead
	if n.cfg.preferences == nil {
		return false
	}
	well := n.preferred()
	switch both := l.heirs.And(well); {
	case both.Empty():
		l.heirs, l.heirsSince = well, n.now
		return false
	default:
		l.heirs = both
	}
	busy := !l.decided || n.leaving || l.adm.roster != nil || len(l.adm.asked) > 0 || !l.suspects.Or(l.fallen).Or(l.goodbyes).And(l.view.New).Empty()
	return !busy && n.now.Since(l.heirsSince) >= yieldAfter && (n.yieldedAt == 0 || n.now.Since(n.yieldedAt) >= yieldApart)
}

// preferred is who should lead rather than this leader, and is well: its kernel answers directly and its
// agent is awake.
func (n *Node) preferred() Bitmap {
	l, own := &n.lead, n.cfg.preferences[n.cfg.Self.Name]
	well := n.others().Minus(n.tally.Relayed).Minus(l.withheld.from)
	for s := well.First(); s < Slots; s = well.Next(s + 1) {
		if n.cfg.preferences[n.nameOf(s)] >= own || n.states[s] != view.Alive || !n.livesOn(s) {
			well.Clear(s)
		}
	}
	return well
}
