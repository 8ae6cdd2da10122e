package search

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/tests/explore/memory"
)

// Report is what a search or a number of walks came to.
type Report struct {
	States    int // visited, each once
	Events    int
	Views     int  // decided in walks
	Depth     int  // events that the last states are away from the opening
	Whole     bool // nothing was left to happen
	Violation error
	Story     string // what leads to the violation, from a search
}

// Limits say how often each kind of event may happen on one way of a search.
type Limits [Kinds]uint8

// Always, as a limit, is none.
const Always = 255

// Hosts is the largest number of hosts in a world.
const Hosts = 6

// Search visits every state that at most depth events lead to, the nearest first, until one
// breaks a guarantee. Whatever was sent may arrive at any later time or never, and as often again
// as the limits say, so that loss, duplication and reordering are among the orders visited.
// Where looks have no limit, agents take their time once they are woken; where they may not
// happen, agents look at once.
//
// A state is a few numbers: which state each host is in, what was ever sent, what the ledger
// knows. What an event does to a host depends on that host alone, and is worked out once for
// each of its states; all else is looking up.
func Search[H Host[P], P Parcel, L Ledger[L, S], S any](w World[H, P, L, S], l Limits, depth int) Report {
	s := newSearch(w, l[Look] == 0)
	first := s.first(w, l)
	s.add(first, step{})
	r := Report{}
	for level := []state{first}; len(level) > 0; {
		if r.Depth == depth {
			break
		}
		var next []state
		for _, from := range level {
			s.at++
			s.successors(from, func(to state, by step) bool {
				r.Events++
				if s.add(to, by) {
					next = append(next, to)
					r.Violation = s.ledgers.items[to.ledger].Violation()
				}
				return r.Violation == nil
			})
			if r.Violation != nil {
				r.Story = s.story(len(s.came) - 1)
				r.States = len(s.came)
				return r
			}
		}
		level = next
		if len(level) > 0 {
			r.Depth++
		} else {
			r.Whole = true
		}
	}
	r.States = len(s.came)
	return r
}

// state is a whole world, as numbers of things that search has seen.
type state struct {
	hosts  [Hosts]uint32
	sent   uint32 // set of parcels
	ledger uint32
	left   Limits // how often each kind of event may still happen
}

// step is how a state was first reached.
type step struct {
	from uint32 // number of the state before
	move uint32
}

// move is what an event does in one state of a host.
type move[S any] struct {
	host   int
	kind   Kind
	parcel uint32 // with Deliver and Read
	after  uint32 // state of the host
	sends  []uint32
	tells  []S
	idle   bool // it does nothing
}

// phase is one state of a host, and what may happen to it by itself.
type phase[H any] struct {
	host H
	may  []Kind
}

// trigger is an event in a state of a host.
type trigger struct {
	host   uint32
	kind   Kind
	parcel uint32
}

// pair is two numbers that a third follows from.
type pair struct{ a, b uint32 }

type search[H Host[P], P Parcel, L Ledger[L, S], S any] struct {
	world  World[H, P, L, S] // that works moves out
	prompt bool

	hosts   registry[phase[H]]
	parcels registry[P]
	sents   registry[[]uint32] // ascending numbers of parcels
	ledgers registry[L]

	moves     []move[S]
	triggered map[trigger]uint32 // move
	mailed    map[pair]uint32    // sent and move: sent
	taken     map[pair]uint32    // sent and parcel: sent
	noted     map[pair]uint32    // ledger and move: ledger

	seen map[state]struct{}
	came []step // by number of the state
	at   int    // number of the state whose successors are looked for, plus one
}

// registry gives equal things equal numbers.
type registry[T any] struct {
	items  []T
	number map[uint64]uint32
}

func (r *registry[T]) put(digest uint64, item func() T) uint32 {
	n, ok := r.number[digest]
	if !ok {
		if r.number == nil {
			r.number = map[uint64]uint32{}
		}
		n = uint32(len(r.items))
		r.number[digest] = n
		r.items = append(r.items, item())
	}
	return n
}

func newSearch[H Host[P], P Parcel, L Ledger[L, S], S any](w World[H, P, L, S], prompt bool) *search[H, P, L, S] {
	return &search[H, P, L, S]{
		world: w, prompt: prompt, seen: map[state]struct{}{},
		triggered: map[trigger]uint32{}, mailed: map[pair]uint32{}, taken: map[pair]uint32{}, noted: map[pair]uint32{},
	}
}

// first is the state that a world is in.
func (s *search[H, P, L, S]) first(w World[H, P, L, S], l Limits) state {
	f := state{left: l}
	for i, h := range w.Hosts() {
		f.hosts[i] = s.host(h)
	}
	var on []uint32
	for _, p := range w.Parcels() {
		on = append(on, s.parcel(p))
	}
	f.sent = s.sent(on)
	f.ledger = s.ledgers.put(w.Ledger().Digest(), w.Ledger().Clone)
	return f
}

func (s *search[H, P, L, S]) host(h H) uint32 {
	return s.hosts.put(h.Digest(), func() phase[H] { return phase[H]{h, h.May()} })
}

func (s *search[H, P, L, S]) parcel(p P) uint32 {
	return s.parcels.put(p.Digest(), func() P { return p })
}

// sent is the number of a set of parcels.
func (s *search[H, P, L, S]) sent(on []uint32) uint32 {
	slices.Sort(on)
	on = slices.Compact(on)
	x := memory.Hash{Sum: 7}
	for _, p := range on {
		x.Word(uint64(p))
	}
	return s.sents.put(x.Sum, func() []uint32 { return on })
}

// add notes a state and reports whether it is a new one.
func (s *search[H, P, L, S]) add(x state, by step) bool {
	if _, ok := s.seen[x]; ok {
		return false
	}
	s.seen[x] = struct{}{}
	s.came = append(s.came, by)
	return true
}

// successors calls visit for all that one event more leads to, until it says no.
func (s *search[H, P, L, S]) successors(from state, visit func(to state, by step) bool) {
	for i := range s.world.Hosts() {
		for _, k := range s.hosts.items[from.hosts[i]].may {
			if from.left[k] > 0 && !s.follow(from, s.move(from.hosts[i], k, 0), visit) {
				return
			}
		}
	}
	for _, p := range s.sents.items[from.sent] {
		x := s.parcels.items[p]
		h, k := from.hosts[x.To()], x.Kind()
		if from.left[k] == 0 || !s.hosts.items[h].host.Takes(x) {
			continue
		}
		number := s.move(h, k, p)
		if from.left[Again] > 0 && !s.follow(from.less(Again), number, visit) {
			return
		}
		if from.left[Again] != Always {
			arrived := from
			arrived.sent = s.without(from.sent, p)
			if !s.follow(arrived, number, visit) {
				return
			}
		}
	}
}

// follow visits what a move leads to, unless it does nothing.
func (s *search[H, P, L, S]) follow(from state, number uint32, visit func(to state, by step) bool) bool {
	m := &s.moves[number]
	if m.idle {
		return true
	}
	to := from.less(m.kind)
	to.hosts[m.host] = m.after
	if len(m.sends) > 0 {
		to.sent = s.mail(from.sent, number)
	}
	if len(m.tells) > 0 {
		to.ledger = s.note(from.ledger, number)
	}
	return visit(to, step{uint32(s.at - 1), number})
}

// less is the state in which one event of a kind less may happen.
func (x state) less(k Kind) state {
	if x.left[k] != Always {
		x.left[k]--
	}
	return x
}

// without takes a parcel out of a set.
func (s *search[H, P, L, S]) without(sent, p uint32) uint32 {
	n, ok := s.taken[pair{sent, p}]
	if !ok {
		on := s.sents.items[sent]
		at, _ := slices.BinarySearch(on, p)
		n = s.sent(slices.Concat(on[:at], on[at+1:]))
		s.taken[pair{sent, p}] = n
	}
	return n
}

// mail adds what a move sends to a set of parcels.
func (s *search[H, P, L, S]) mail(sent, number uint32) uint32 {
	n, ok := s.mailed[pair{sent, number}]
	if !ok {
		n = s.sent(slices.Concat(s.sents.items[sent], s.moves[number].sends))
		s.mailed[pair{sent, number}] = n
	}
	return n
}

// note has a ledger take note of what a move tells.
func (s *search[H, P, L, S]) note(known, number uint32) uint32 {
	n, ok := s.noted[pair{known, number}]
	if !ok {
		l := s.ledgers.items[known].Clone()
		for i := range s.moves[number].tells {
			l.Saw(&s.moves[number].tells[i])
		}
		n = s.ledgers.put(l.Digest(), func() L { return l })
		s.noted[pair{known, number}] = n
	}
	return n
}

// move is what an event does in a state of a host.
func (s *search[H, P, L, S]) move(h uint32, k Kind, p uint32) uint32 {
	t := trigger{h, k, p}
	n, ok := s.triggered[t]
	if !ok {
		n = uint32(len(s.moves))
		s.triggered[t] = n
		s.moves = append(s.moves, s.try(h, k, p))
	}
	return n
}

// try lets an event happen to a host.
func (s *search[H, P, L, S]) try(number uint32, k Kind, p uint32) move[S] {
	h := s.hosts.items[number].host
	var parcel P
	if k == Deliver || k == Read {
		parcel = s.parcels.items[p]
	}
	after, sends, tells := s.world.Try(h, k, parcel, s.prompt)
	m := move[S]{host: h.Number(), kind: k, parcel: p, after: s.host(after), tells: tells}
	for _, x := range sends {
		m.sends = append(m.sends, s.parcel(x))
	}
	m.idle = m.after == number && len(m.sends) == 0 && len(m.tells) == 0
	return m
}

// story tells what leads to a state, by doing it once more.
func (s *search[H, P, L, S]) story(number int) string {
	var path []uint32
	for n := uint32(number); n != 0; n = s.came[n].from {
		path = append(path, s.came[n].move)
	}
	slices.Reverse(path)
	var b strings.Builder
	w := s.world.Story(s.prompt, func(line string) { b.WriteString(line + "\n") })
	for _, number := range path {
		s.again(w, number)
	}
	if err := w.Ledger().Violation(); err != nil {
		fmt.Fprintf(&b, "%v\n", err)
	}
	return b.String()
}

// again has a story make a move that was worked out.
func (s *search[H, P, L, S]) again(w Story[H, P, L, S], number uint32) {
	m := &s.moves[number]
	parcel := uint64(0)
	if m.kind == Deliver || m.kind == Read {
		parcel = s.parcels.items[m.parcel].Digest()
	}
	w.Retell(m.kind, m.host, parcel)
}
