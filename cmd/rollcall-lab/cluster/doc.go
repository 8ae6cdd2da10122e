// Package cluster runs a cluster of real daemons on one machine: a rollcalld in each
// namespace of a network that package netlab builds.
//
// A lab called demo keeps all it knows in /run/rollcall-lab/demo: state.json says how it was
// made, and each node has a directory with its configuration, log, API socket and the identity
// of its daemon's process. Pins are in /sys/fs/bpf/rollcall-lab-demo. So any process can
// Find the cluster, and Down cleans up after one that crashed.
//
// Only processes that the lab started are ever signalled: each is recorded with its start
// time, so that a process that got the same number later is never taken for it.
package cluster
