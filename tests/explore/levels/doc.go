// Package levels looks for an order of events in which the real code of package control breaks
// what it guarantees of a cluster of several groups: one content of every view of every group and
// of every epoch (G1), no step back in what a host shows (G2), no view that follows another than was
// decided and no epoch of an instance, or of a generation of the top, beside a later one (G3), no
// generation of a group that was not decided above, or given twice, and no epoch that holds an older
// view of a group than an earlier epoch did.
//
// It does for control.Host what its parent does for control.Node: hosts have clocks of their own,
// frames and letters arrive in any order, twice or never, agents look when they may, and hosts crash
// and boot. Two hosts in two groups are the smallest world, six the largest. Groups are founded, and
// their seats filled, in the way that they are in a cluster; exploring begins after that, or in the
// middle of something that breaks (Openings).
//
// Inquiries lists the searches of every test run, three to six events deep; the log says how deep each
// went and how many states there were. The openings with six hosts, and the one with a founder that lost
// its memory, are walked only, as hosts are cut off and reached again in walks only. Walks go on for
// hundreds of events. The operator's order to recover is no event here: tests/sim/levels TestRecover
// gives it.
//
// In every other walk time passes at all hosts alike, and nobody whom the latest epoch is without may
// trust an earlier one (G4). Everywhere else clocks are what the explorer likes, and leases mean
// nothing.
//
// What a host showed and no beat had told it yet, its agent forgets when it is killed: a later
// agent may show the epoch before that again.
//
//	go test ./tests/explore/levels -v
//	go run ./tests/mutants/oracle -check levels -seeds 100000
//	go run ./tests/mutants/oracle -check levels -from 77 -seeds 1 -trace
package levels
