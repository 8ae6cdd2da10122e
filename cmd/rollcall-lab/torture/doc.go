// Package torture lets a cluster of real daemons live through faults of every kind, crashes
// nodes in between, and counts what it must not do: remove a node that lives and can be
// reached, or show two nodes different views of one epoch.
//
// A scenario makes one fault and goes on with it for a while. All the while the package
// follows what every node records, and crashes a member now and then, which must be removed
// as if nothing else were wrong. What is judged is what the nodes recorded, on the one clock
// that they share; nothing is polled.
//
// The package's process should run at a priority above the loads that it starts (see
// Prepare), or it would measure its own starvation.
package torture
