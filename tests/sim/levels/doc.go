// Package levels runs clusters of several groups in one goroutine, deterministically: hosts that
// each drive a control.Host over registers and tallies in memory, a network between them that
// loses and delays, and checkers of what package control guarantees about every group and about
// the cluster view. It is smaller than its parent, which tries one group harder.
//
//	go test ./tests/sim/levels                                    # stories, and some seeds
//	go test ./tests/sim/levels -run TestSeeds -args -seconds 60   # fresh seeds for a minute
//	go test ./tests/sim/levels -run TestSeeds -args -seed 7 -trace
package levels
