// Package scale runs whole clusters of up to a million nodes in one goroutine and measures what
// they should cost: from a failure to the last node's view it takes rounds that grow with
// levels, not with nodes, and what a node sends does not grow with the cluster, views aside.
//
//	make scale                                                     # the table, all sizes
//	go test ./tests/scale -v -run TestTable -args -nodes 9408       # one size
//
// # What is simulated
//
// Every node is a control.Host with registers of its own, which the rules of package control serve
// (Register.Receive, Tally.Receive, Tally.Beat, Apply): nothing of the protocol is written twice but
// what a newcomer does (below). The profile is safe, 100 ms x 5. A frame takes 50 us one way, a
// letter 1 ms, an agent 20 us from a reason to its step, which reads one letter. Clocks run
// alike; nothing is lost but by a fault. Whoever missed a round is asked again, directly and through
// others, as by a kernel. A letter between two nodes one of which loses what it sends or receives is lost as likely,
// and sent again as TCP does, four times within 3 s. A view counts as shown when the agent publishes it. A node is
// quarantined after three removals, and readmitted by an operator when the fault is over.
//
// # What is modelled
//
//   - Idle groups. Of a group of level 0 in which nothing happens but beats that everybody answers,
//     beats and the agents' housekeeping are computed, not simulated (group). Levels above, and
//     every group in which anything happens, are simulated beat by beat. EachBeat turns the
//     model off; TestModel compares.
//   - Frames that leave together arrive together: a beat and its echoes are two events.
//   - Contents, which all nodes hold alike, are held once (contents). A letter with one is counted by
//     the size of its encoding, in one piece.
//   - From 63,488 nodes on, agents at rest are put away (away.go): a member of an idle group without a part
//     above is its registers, its rosters and the view that it shows, and its agent goes on from
//     those, as after an upgrade, when there is something to do. Epochs that follow the one it shows
//     are shown without it. The cold start then begins with one host of each group, and goes on rack
//     by rack; contacts are that host, and the founders. TestGrowth compares.
//   - From 100,000 on, hosts but the first of each group are newcomers (newcomer.go): switched on without an
//     agent, which would ask, hold its roster, and show the first epoch that it is in. Those who let
//     them in are real, and so are their registers and votes. TestGrowth compares.
//   - Of a million nodes there is no row of 80 % loss: each lossy node is a view, told to everybody.
//
// Rosters and views shared by pointer are the reason why memory a node is less here than on a host.
//
// Bytes are those of frames on the wire (Ethernet, IPv4, UDP) and of letters as JSON, without what
// TLS, HTTP and TCP add.
package scale
