// Package explore looks for an order of events in which the real code of package control
// breaks agreement: two views under one number (G1), a step back (G2), two sides that both
// decide (G3), or a promise forgotten (G9).
//
// None of these may depend on time, so nothing here happens in time: every host has a clock of
// its own that the explorer sets on as it likes, an interval or a long while at once. Frames
// and letters lie in the network until they are delivered, in any order, twice, or never.
// Agents run when the explorer lets them; hosts crash and boot, agents are restarted, members
// leave and come in, everybody may stand for leader at any time. What runs is control.Node,
// control.Register and control.Tally as they are; a world is copied and compared by the memory
// of its nodes (snapshot.go), without help from package control.
//
// Search visits every state that a given number of events can lead to from an opening, a state
// that a script has led to. Walk takes one random way, hundreds of events long.
//
// An explorer that finds nothing proves little unless it finds what is there. mutants_test.go
// compiles package control with one rule broken at a time, by the overlay of the go command, and
// expects package oracle, which runs walks or the simulator of tests/sim, to find a violation.
//
//	go test ./tests/explore                                 # search, walks, mutants
//	go run ./tests/explore/oracle -check walks -seeds 1000000
//	go run ./tests/explore/oracle -check walks -from 77 -seeds 1 -trace
package explore
