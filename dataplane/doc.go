// Package dataplane serves frames: it is where a node's registers and tallies live, and how
// asks leave. Everything that decides is in package control.
//
// There are two planes behind the interface Plane. They speak the same frames, obey the
// same rules (those of control.Register and control.Tally) and mix in one group.
//
// A plane has eight registers, one for each control.Place, and a tally for each of the four
// levels: the node's slot in its own group, and at the levels above a slot of the group that it
// leads and a seat. Frames say which they are for. Above level 0 they travel over UDP, through
// routers, whatever transport the own group has.
//
// The Kernel plane keeps registers and tallies in BPF maps. A program at the interface, the
// door, recognises frames and tail-calls the frame logic, which answers asks and adds up
// answers; no process is scheduled for it. The agent's part is small:
//
//   - It loads the programs, fills the maps and attaches the door last.
//   - It reads register and tally by mmap, without a system call, copying again when a
//     version shows that the kernel wrote meanwhile. It stores each member's name,
//     expected incarnation and state the same way.
//   - rc_group is frozen, so that the register can be given to everybody to map and nobody
//     but programs can write it. A small program stamps the agent's two fields in it. The
//     page of views is sealed memory: the kernel maps no BPF map for those who may only read.
//   - Everything else it has done by program rc_command, run through BPF_PROG_TEST_RUN,
//     under the lock that the frame logic takes too: commands, the delivery of its own asks to
//     its own register before they leave, and a leader's next beat, which Wait sends when it is due.
//   - It waits for the ring buffer, an interrupt or a deadline with one ppoll.
//
// # Rails
//
// A plane serves one to four interfaces, the rails of package control (rail.go there). Each has a door,
// addresses and, for what the agent sends, a transport of its own; registers and tallies are those of
// all. The rail of a frame is the one to whose address it came, so rails are networks of their own: of two
// interfaces in one network, the kernel answers for both addresses at either, unless arp_ignore
// keeps it from that.
//
// # What stays
//
// Maps and doors are pinned under PinDir/Cluster. When the agent exits, crashes or is upgraded, the
// kernel goes on answering, and echoes tell how long the agent has been silent. The next agent adopts
// the pins: same incarnation, same promises. It puts its own programs behind the door by
// replacing the entries of two pinned program arrays; the device is not touched. Keys are not
// pinned. Whatever must be pinned together is built beside its place and renamed, so that
// a crash leaves all of it or nothing. A pinned layout that the programs do not know is carried over
// field by field, by the names in its type information. Detach ends all of it.
//
// One agent at a time holds the lock of a cluster's pins.
//
// # Ways to attach
//
// auto tries native XDP, then TC, then the socket plane; Description.Refused tells why a
// better way was refused. Native XDP is attached by a link and TC by a filter of a clsact
// qdisc, and neither replaces what is there. On a veth device native replies vanish unless
// the other end runs a native program as well, so auto looks at the other end, and takes
// TC where it sees none. Generic XDP is taken only when asked for.
//
// # Who keeps the beat
//
// A leader's beats are sent by the kernel: a clock of its own ticks once an interval and
// a program sends what is due, at every level that this node leads, whether the agent gets a processor
// or not, until its grace is over. The clock runs only where this node leads, as often as
// the level with the shortest rounds needs it. It is two frames on a pair of veth devices behind
// a token bucket; the agent puts in new ones where they are lost and repairs what somebody took
// away. Where it cannot be had, and until it ticks, the thread in Wait sends what is due;
// Description.Pacing says which it is, on which processor it did so last, and why. What a decision cannot wait for
// is the thread's always.
//
// Programs send by headers that the agent keeps ready, in rc_peer, from roster, routes and neighbours.
// It hears of changes of those when it wakes: once a second, and as soon as somebody missed rounds. Programs need
// not wait for that: what a slot did not answer they send again by the way that the kernel finds by itself.
//
// The Socket plane serves the same frames in the agent: without privilege and on any
// kernel, but only while the agent gets the processor, and with a new incarnation at each start.
//
// # Wakes
//
// A wake is a reason to look, never a message: register and tally say the rest, and
// reasons may come joined or once too often. Two stand for something heard and are never
// made up: WakeHandOver and WakeInstance. When the kernel's ring of events overflows, and
// after an adoption, Wait reports all the others that can be; the two are repeated by
// those who caused them.
package dataplane
