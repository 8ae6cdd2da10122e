// Package netlab builds a small network out of namespaces on one machine: N nodes, each in a
// network namespace of its own with one interface, eth0, plugged into a port of one bridge.
// The bridge has a namespace too, so nothing is added to the host's own network.
//
// A network may have several segments: a bridge each, all in one namespace, joined by a router
// that forwards IPv4 and IPv6 between them and is a namespace of its own.
//
// It may have several rails: every node has further interfaces, eth1, …, those of one name on a bridge
// that all nodes share.
//
// A network called demo has the namespaces rc-demo (the bridge) and rc-demo-NODE; they are
// bound below /run/netns, so `ip netns exec rc-demo-n01 …` works. Addresses and MACs follow
// from a node's number and never change.
//
// Each port carries a gate: an XDP program for what the node sends and a TC program for what
// it receives, which look up in a pinned map whether to drop: always, by chance, or every
// other while. They also keep the sides of a split network apart. Closing a gate takes one
// store to memory, so that links of several nodes can fail in the same instant, and is
// invisible to the node but for the silence. (A filter in the node's own namespace would
// come after its XDP program and be no loss to it.) The XDP half is also what a native XDP
// program at the node's end needs: without a program on the peer, veth loses every frame that
// XDP sends back.
//
// Everything outlives the process that made it; Remove finds and deletes it by name.
package netlab
