package control

// KeySlots is how many keys a host holds at once. The number of a key, below KeySlots, is part
// of the key itself, so that all hosts give it the same.
const KeySlots = 2

// KeyIDs name the keys that a host holds, by their numbers; 0: none of that number.
type KeyIDs [KeySlots]uint32

// A register knows of its host's keys what others may know: their ids. The secrets are the
// plane's. What an ask is signed with follows from the register alone, so that a candidate,
// an agent that was started again and the kernel's own beat all sign with the same key:
//
//   - Every node signs with the key of the last beat that it took, before the first with the one
//     that stands first in its key file.
//   - A leader turns to the newest key of its own file in the first beat after which every
//     member has answered that it holds that very key.
//
// An answer is signed with the key of its ask.

// turnKey is the key that the leader's beats are to be signed with.
func (n *Node) turnKey() uint8 {
	r, l := &n.reg, &n.lead
	id := r.Keys[r.Newest%KeySlots]
	if r.Newest == r.Key || id == 0 {
		return r.Key
	}
	all := l.view.New.Or(l.view.Old)
	all.Clear(r.Slot)
	for s := all.First(); s < Slots; s = all.Next(s + 1) {
		if n.tally.Heard[s].Answered == 0 || n.tally.Members[s].Keys[r.Newest%KeySlots] != id {
			return r.Key
		}
	}
	return r.Newest
}
