// Package e2e tests clusters of real daemons with real kernel programs, in network namespaces
// on one machine: what the control and data planes promise separately must hold when links
// and hosts fail under them.
//
// Each test stands for one promise. Those that need nothing special of their cluster lend one
// to each other, and leave it well. The others have a cluster of their own; where its rounds are
// long they run beside each other, but those whose daemons answer themselves, which need the
// processors that others load their programs on.
//
// Tests wait on the nodes' watch streams and events, with generous bounds; they compare numbers
// of rounds, views and frames and the order of times on the one clock that all nodes share,
// never durations.
// What has no stream (counters, keys, status) is polled; that nothing happens is shown by
// waiting.
//
// They need root, network namespaces and BPF; without they skip and say why, and with
// ROLLCALL_REQUIRE_BPF=1 in the environment they fail.
package e2e
