package levels

import (
	"slices"

	"rollcall/control"
	"rollcall/tests/explore/memory"
)

// Primary (G3): of the instances of a cluster one lives.

// groupsMost is how many groups a world has, and so founders, at most.
const groupsMost = 4

// life is an instance of the cluster.
type life struct {
	instance   uint32
	generation uint16             // of the top
	decided    []electorate       // epochs
	recorded   [groupsMost]uint64 // the latest epoch that the disk of each group's founder ever held of it
	forgotten  bool               // a later one was founded, and nobody who did could know of it
}

// electorate is who votes in an epoch, by incarnation.
type electorate struct {
	epoch  uint64
	voters []uint64
}

// life gives what is known of an instance. It may be shared with copies of the ledger up to then.
func (l *ledger) life(instance uint32) *life {
	i := slices.IndexFunc(l.lives, func(x life) bool { return x.instance == instance })
	if i < 0 {
		i = len(l.lives)
		l.lives = append(l.lives, life{instance: instance})
	}
	return &l.lives[i]
}

// outlives looks at a decision of the top: it must be of the one instance, and of its one generation, that lives.
func (l *ledger) outlives(p *proposal, roster *control.Roster) {
	x := l.life(p.instance)
	e := electorate{epoch: p.seq}
	for i := range roster.Seats {
		if s := &roster.Seats[i]; s.Slot >= control.FirstSeat && p.New.Has(s.Slot) {
			e.voters = append(e.voters, s.Incarnation)
		}
	}
	x.decided = append(x.decided[:len(x.decided):len(x.decided)], e)
	if p.generation < x.generation {
		l.fail("G3", "%v is decided while generation %d lives", p.numbered, x.generation)
	}
	x.generation = max(x.generation, p.generation)
	for i := range l.lives {
		switch other := &l.lives[i]; {
		case other.instance > p.instance && len(other.decided) > 0 && !x.forgotten:
			l.fail("G3", "%v is decided while instance %d lives", p.numbered, other.instance)
		case other.instance < p.instance && l.lost(other):
			other.forgotten = true
		}
	}
}

// lost reports whether founders may take an instance for dead that they can not know to go on: most of the voters of
// an epoch that may be the newest in the records of a majority of them know nothing of it any more. It
// may have gone on with those few that remained. Who is let in by the next epoch is on record before.
func (l *ledger) lost(x *life) bool {
	records := slices.Clone(x.recorded[:l.founders])
	slices.Sort(records)
	for i, e := range x.decided {
		grows := i+1 < len(x.decided) && len(x.decided[i+1].voters) > len(e.voters)
		if e.epoch >= records[len(records)/2] && l.gone(e) && (!grows || l.gone(x.decided[i+1])) {
			return true
		}
	}
	return false
}

// gone reports whether most of those voters are.
func (l *ledger) gone(e electorate) bool {
	gone := 0
	for _, v := range e.voters {
		if slices.Contains(l.ended, v) {
			gone++
		}
	}
	return 2*gone > len(e.voters)
}

// forgets takes note that registers are no more, and that nobody is left on their host who could say what
// became of them.
func (l *ledger) forgets(incarnations []uint64) {
	for _, i := range incarnations {
		if at, known := slices.BinarySearch(l.ended, i); !known {
			l.ended = slices.Insert(slices.Clip(l.ended), at, i)
		}
	}
}

// digest of what later decisions are judged by.
func (x *life) digest() uint64 {
	h := memory.Hash{Sum: 8}
	h.Word(uint64(x.instance)<<32 | uint64(x.generation))
	for _, e := range x.recorded {
		h.Word(e)
	}
	if x.forgotten {
		h.Word(1)
	}
	return h.Sum
}
