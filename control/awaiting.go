package control

import (
	"fmt"
	"time"

	"rollcall/view/hostlist"
)

// awaiting tells what a host waits for.
func (h *Host) awaiting(now Time, r *[Places]Register, s *HostStatus) string {
	seat := SeatAt(h.cfg.Top)
	top := s.Places[seat].Awaiting
	inSeat := ""
	if top != "" && r[seat].State != RegisterVacant {
		inSeat = "in its seat of the cluster: " + top
	}
	said := now.Since(h.founder.at) < h.cfg.around() && h.founder.at != 0 // others are asked by turns
	switch g, n := &r[0], h.nodes[0]; {
	case h.cfg.Top == 0 && (n.role != roleAbsent || n.founder() || !said):
		return s.Group.Awaiting + alsoWaiting(s.Waiting)
	case n.role == roleAbsent && n.answeredOfLate(now):
		return "its group's leader: " + n.join.why
	case n.role == roleAbsent && top != "" && r[seat].State == RegisterVacant:
		return top + alsoWaiting(s.Waiting)
	case n.role == roleAbsent && said:
		return h.founder.why + alsoWaiting(s.Waiting)
	case n.role == roleAbsent && now.Since(n.found.heardAt) >= 2*askMost:
		return fmt.Sprintf("a founder: none of %d answers: %s", len(h.cfg.Founders), hostlist.Fold(h.cfg.Founders))
	case n.role == roleAbsent:
		return "somebody to form its group: the cluster's leader does when it hears of this node"
	case g.Leased(now) && now >= g.UpperUntil:
		why := "its group to be heard by the cluster's leader: it is isolated, and nothing is valid here"
		if inSeat != "" {
			why += "; " + inSeat
		}
		return why
	case s.Group.Awaiting == "" && inSeat != "":
		return inSeat
	}
	return s.Group.Awaiting
}

// others tells how many nodes beside the founders wait for a cluster.
func alsoWaiting(waiting int) string {
	if waiting == 0 {
		return ""
	}
	return fmt.Sprintf("; nodes waiting: %d", waiting)
}

// awaiting tells what a node waits for.
func (n *Node) awaiting(now Time, r *Register) string {
	switch {
	case n.role == roleAbsent && n.cfg.Level > 0 && n.place.Votes() && !n.founder():
		if n.invited {
			return "an answer to its request for the seat that it was invited to"
		}
		return "" // seats come by invitation
	case n.role == roleAbsent:
		return n.awaitingGroup()
	case n.role == roleLeft:
		return "an order to join again"
	case r.State == RegisterJoining:
		return "the first view with this node in it"
	case n.cfg.Level > 0 && n.lost(r):
		return "promises of a quorum: no leader, and not enough seats answer; where these are lost for good, rollcall recover goes on without them"
	case n.role == roleCandidate, n.lost(r):
		return "promises of a quorum: no leader, and not enough members answer"
	case !r.Leased(now) && r.Heard.Has(r.Slot) && now.Since(r.BeatAt) < 2*r.Interval():
		return "the roster of the view that its group decided: nobody gave it yet"
	case !r.Valid(now) && !r.Heard.Empty() && !r.Heard.Has(r.Slot) && now.Since(r.BeatAt) < 2*r.Interval():
		return "its leader to count its echoes: they come too late, or its agent was silent for too long"
	case !r.Valid(now):
		return "beats of a leader with a quorum"
	}
	return ""
}

// ofLate is how old a word of others may be to go by it; founders ask once a second.
const ofLate = 4 * time.Second

// answeredOfLate reports whether a member of some instance said what becomes of this node.
func (n *Node) answeredOfLate(now Time) bool {
	return now.Since(n.found.heardAt) < ofLate && n.join.why != ""
}

// awaitingGroup says in words what an absent node waits for.
func (n *Node) awaitingGroup() string {
	if n.answeredOfLate(n.now) {
		return "the group's leader: " + n.join.why
	}
	founders := n.cfg.Founders
	if !n.founder() {
		return fmt.Sprintf("a member of the group, or a founder: %s may found it", hostlist.Fold(founders))
	}
	silent, left := n.missing(founders)
	s := fmt.Sprintf("no cluster yet: %d of %d founders heard", len(founders)-len(silent), len(founders))
	if len(silent) > 0 {
		s += fmt.Sprintf(", %d awaited: %s", len(silent), hostlist.Fold(silent))
	}
	if len(left) > 0 {
		s += fmt.Sprintf(", %d left: `rollcall join` on %s", len(left), hostlist.Fold(left))
	}
	if 2*(len(silent)+len(left)) >= len(founders) {
		return s
	}
	if lives := n.notOver(); lives != "" {
		return s + lives
	}
	return s + fmt.Sprintf("; enough to found it, once they heard of no other for %v", n.cfg.FoundWait)
}

// missing lists those of whom nothing was heard of late, and those who left by order.
func (n *Node) missing(names []string) (silent, left []string) {
	for _, name := range names {
		switch s := n.freshState(name, ofLate); {
		case name == n.cfg.Self.Name:
		case s == nil:
			silent = append(silent, name)
		case s.state.Left:
			left = append(left, name)
		}
	}
	return silent, left
}

// notOver says which instance may not be over yet, and by whom: one whose members answer, or of whose voters too
// many are silent or left; empty: there is none.
func (n *Node) notOver() string {
	known := n.known(ofLate)
	for _, old := range known.living(n.found.abandoned) {
		var names, holding []string
		for _, v := range old.Voters {
			names = append(names, v.Name)
			if s := n.freshState(v.Name, ofLate); s != nil && s.state.Register == old.Instance {
				holding = append(holding, v.Name)
			}
		}
		silent, left := n.missing(names)
		why := ""
		switch {
		case len(holding) > 0:
			why = "held by " + hostlist.Fold(holding)
		case 2*(len(silent)+len(left)) < len(old.Voters):
			continue
		case len(left) == 0:
			why = fmt.Sprintf("%s of its %d voters not heard", hostlist.Fold(silent), len(old.Voters))
		default:
			why = fmt.Sprintf("of its %d voters %d not heard, and left: %s", len(old.Voters), len(silent), hostlist.Fold(left))
		}
		return fmt.Sprintf("; instance %d is not known to be over (%s): `rollcall found --abandon %d` if it is", old.Instance, why, old.Instance)
	}
	return ""
}
