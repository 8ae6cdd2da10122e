// Package control decides who is in a group. It is pure: no goroutine, clock, socket, file,
// logger, random source or map iteration; the daemon and the simulator drive the same code.
//
// # The parts
//
// A Register is what a member holds for its group, a Tally what the answers to a leader's
// asks add up to. Both live where frames are served: in the kernel, whose C rules are twins of
// Register.Receive and Tally.Receive, or in memory on the socket plane and in the simulator.
// A Node is the slow rest: it looks at its register and tally and says what to do next.
//
// # The driver's contract
//
// One thread calls Step when Deadline has come, when the plane reports a Wake, when a message
// or an order arrived; with the register and the tally (of the slots in Watch) as they are at
// that moment. It then carries the Output out in the order of its fields: the record is on disk
// before any command, commands are given before frames leave, and every frame that addresses
// the node itself goes through Deliver before others see it. Output's slices are the driver's;
// a Node keeps no pointer to its input. The plane watches the leader: it reports WakeSilent
// once a silence has lasted ceil(k/2) intervals, so that a member in a healthy group has no
// reason to wake but housekeeping, once a second.
//
// # Decisions that DESIGN leaves open
//
//   - A roster's version is a hash of its content, so that two leaders can never mean two
//     rosters by one version; a register holds four of them, because a new leader may have to
//     propose a view again whose roster is not the newest.
//   - A register that joins is "joining" until it learns of a decided view that contains it:
//     only then can a view without it mean that it is out.
//   - A prepare under the ballot already promised is answered again: the promise may be lost.
//   - A hand-over prepare names the ballot that hands over, and is taken only from those who
//     follow that ballot.
//   - The beat carries a bitmap of stale agents, so that every member can show them.
//   - Beats that tell of a decision at once are rounds like others, but do not count in failure
//     detection: rounds that count are at least 3/4 of an interval apart. A round is over when
//     it is 7/8 of an interval old, so that the jitter of the rounds' grid costs no interval.
//   - A leader that hears of a higher ballot while a quorum still follows it hands over to
//     itself under a higher ballot yet: a straggler moves no leadership.
//   - A deputy's probes count towards removal once it leads: failures at the leader's side
//     come in one view.
//   - The digest of a view at level 0 is the hash of its content (package view), which every
//     member compares with what it installs.
//   - Votes to found an instance bind their voters to join no earlier one, and must include a
//     majority of the voters of the last record unless that is closed: reading "holds no
//     register" alone could be overtaken by a late roster.
//   - Joins wait for a majority of those founders that are members, whose records then name
//     the new voters.
package control
