// Package sim runs whole groups in one goroutine, deterministically: a seed decides
// everything, the options of the run included, so that a run that broke a guarantee is
// replayed exactly from its seed.
//
// A host is a clock with its own rate and offset, a kernel part (control.Register and
// control.Tally, which answer frames at once whatever the agent does), an agent (a
// control.Node, stepped at its deadlines and when it is woken, a little late as the
// scheduler of a busy machine would) and a disk. The agent may be starved, stopped, killed
// and restarted, even between two parts of one Output; the host may lose its power. Between
// the hosts lies a network that loses, repeats, delays, reorders and cuts frames and letters.
//
// A random run has two phases. In the safety phase anything goes wrong that the options
// allow, and after every event the checkers compare what happened with the guarantees of
// package control. Then the faults end, a random core is left connected, and the liveness
// phase asks that it agrees on one valid view of itself within a bound.
//
// What goes wrong in the safety phase is a plan, drawn from the seed before the run begins. Mishaps
// can so be left out one by one: Shrink finds a small run that breaks the same guarantee, and
// testdata keeps such runs with their stories, whatever seeds come to mean later. Each fails where the
// rule is undone that came of it, which tests/mutants shows.
//
//	go test ./tests/sim                                          # stories, stored runs, fixed seeds
//	go test ./tests/sim -timeout 0 -run TestSeeds -v -args -seconds 600 # fresh seeds for ten minutes
//	go test ./tests/sim -v -run TestSeeds -args -seed 1234 -trace # one run, one line an event
//	go test ./tests/sim -run TestSeeds -args -seed 1234 -shrink  # the smallest run that breaks the same
//	go test ./tests/sim -run TestStored -args -stored testdata/NAME.json -trace
package sim
