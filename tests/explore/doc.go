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
// # What a search covers
//
// Search visits every state that a given number of events can lead to from an opening, a state
// that a script has led to: two candidates, a join that crosses a removal, a hand-over that crosses
// an election, founders of whom one is late, and more. Inquiries lists the searches of every test
// run with what may happen in each; the log says how deep each went and how many states there were.
//
// Where anything may happen, and on each way one host at most leaves, comes back, crashes, boots or has its agent
// restarted, every way of 8 events is visited of two hosts, of 6 or 7 of three, of 6 of four, and of 5 of
// five. Where only rounds go on, the ways of three hosts are visited to the end, but for one search that is
// 8 events deep, those of four are 11 deep and those of five 9, and frames may arrive again in most.
//
// An event is a frame or a letter that arrives, an agent that looks, time that passes at one host,
// an operator's order, a crash, a boot, a restart. Exhaustive means: up to so many events every
// order of them, every loss, and where the limits say so every duplication, of every frame and
// letter ever sent. It does not mean more events, other openings, or other amounts of time than an
// interval and a long while. Some inquiries let anything happen, others only frames that are on
// their way arrive, and these go on until nothing is left to happen. Where agents look at once, probes,
// which bear on nothing but suspicion, are lost. Hosts are not taken for interchangeable: slots
// settle ties and ranks.
//
// A beat that is sent once more, directly or through others, to those who missed a round is for
// agreement the same frame twice: that is among what may happen to any, and retries of their own
// are left out.
//
// Two states of a host are one if all their memory is equal but for measurements and leases. Those
// states and what is sent are told apart by 64-bit hashes; whole worlds exactly.
//
// Walk takes one random way, hundreds of events long.
//
// An explorer that finds nothing proves little unless it finds what is there: tests/mutants breaks
// rules on purpose, and expects to be told.
//
//	go test ./tests/explore -v                              # searches, walks
//	go run ./tests/mutants/oracle -check search -depth 9 -opening "three stand"
//	go run ./tests/mutants/oracle -check walks -seeds 1000000
//	go run ./tests/mutants/oracle -check walks -from 77 -seeds 1 -trace
package explore
