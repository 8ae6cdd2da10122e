package control

import "fmt"

// Ballot says who may propose in a group: generation(16) . term(32) . slot(16). Higher
// ballots win everywhere; zero is before every ballot.
type Ballot uint64

// NewBallot composes a ballot.
func NewBallot(generation uint16, term uint32, slot uint16) Ballot {
	return Ballot(uint64(generation)<<48 | uint64(term)<<16 | uint64(slot))
}

// Generation is raised by decree of the level above when a group lost its quorum.
func (b Ballot) Generation() uint16 { return uint16(b >> 48) }

// Term is raised by every candidate.
func (b Ballot) Term() uint32 { return uint32(b >> 16) }

// Slot is the candidate or leader that owns the ballot.
func (b Ballot) Slot() uint16 { return uint16(b) }

// String gives generation.term.slot.
func (b Ballot) String() string {
	return fmt.Sprintf("%d.%d.%d", b.Generation(), b.Term(), b.Slot())
}
