package control

import (
	"fmt"
	"slices"
	"time"

	"rollcall/view"
)

// quarantineWithin is the time in which Config.Quarantine removals of a node make it one that flaps.
const quarantineWithin = 10 * time.Minute

// removals is what a node remembers of another one that the group removed. One that flaps, removed
// and back again and again, costs everybody a change of view each time: it is held in quarantine,
// however long it behaves, until the operator readmits it.
//
// Every member counts the removals in the views that it installs, so that a new leader knows what
// the old one knew. It is the leader who keeps a node out. Everybody is told that one was readmitted, for
// the lead may move before it comes in; that the leader let it in all the same tells those who missed
// it. Who said goodbye was not removed, as far as that is known: the leader alone hears it. Agents that are
// restarted begin to count anew.
type removals struct {
	name string
	at   []Time // those that count
	held bool

	suspicion suspicion
}

// removedOf is what is remembered of a node that was removed within quarantineWithin, or nil.
func (n *Node) removedOf(name string) *removals {
	i := slices.IndexFunc(n.removals, func(r removals) bool { return r.name == name })
	if i < 0 || n.now.Since(n.removals[i].at[len(n.removals[i].at)-1]) > quarantineWithin {
		return nil
	}
	return &n.removals[i]
}

// countRemoval notes that a node was removed, and reports how it is to be shown.
func (n *Node) countRemoval(name string) view.State {
	if n.cfg.Quarantine == 0 {
		return view.Gone
	}
	i := slices.IndexFunc(n.removals, func(r removals) bool { return r.name == name })
	if i < 0 {
		if len(n.removals) >= 2*Slots { // more than a group has names for
			n.removals = slices.Delete(n.removals, 0, 1)
		}
		n.removals = append(n.removals, removals{name: name})
		i = len(n.removals) - 1
	}
	r := &n.removals[i]
	r.at = slices.DeleteFunc(r.at, func(at Time) bool { return n.now.Since(at) > quarantineWithin })
	r.at = append(r.at, n.now)
	if !r.held && len(r.at) >= n.cfg.Quarantine {
		r.held = true
		n.event(Event{Kind: EventQuarantined, Nodes: []string{name}, Why: whyQuarantined(r)})
	}
	if r.held {
		return view.Quarantined
	}
	return view.Gone
}

// quarantined reports why a node may not come back, empty if it may.
func (n *Node) quarantined(name string) string {
	for i := range n.removals {
		if r := &n.removals[i]; r.name == name && r.held {
			return whyQuarantined(r)
		}
	}
	return ""
}

func whyQuarantined(r *removals) string {
	return fmt.Sprintf("%s was removed %d times within %.0f minutes and is held in quarantine: rollcall readmit %s lets it back in", r.name, len(r.at), quarantineWithin.Minutes(), r.name)
}

// readmitted forgets the removals of a node that is held, or failed its probation, and reports whether it did.
func (n *Node) readmitted(name string) bool {
	i := slices.IndexFunc(n.removals, func(r removals) bool { return r.name == name && (r.held || r.suspicion.failed > 0) })
	if i < 0 {
		return false
	}
	n.removals = slices.Delete(n.removals, i, i+1)
	for i := range n.past {
		if p := &n.past[i]; p.Name == name && p.State == view.Quarantined {
			n.past = slices.Clone(n.past) // readers may hold the old one
			n.past[i].State = view.Gone
		}
	}
	n.event(Event{Kind: EventReadmitted, Nodes: []string{name}, Why: name + " may come back"})
	return true
}

// readmit is the operator's order, for the leader to follow and for those who may lead next.
func (n *Node) readmit(name string) {
	n.readmitted(name)
	if n.reg.State != RegisterMember {
		return
	}
	members := n.reg.Committed.Members
	for s := members.First(); s < Slots; s = members.Next(s + 1) {
		n.letter(n.rpcOf(s), Message{Kind: MessageReadmit, Name: name})
	}
}
