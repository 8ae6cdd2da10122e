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
// A leader's rounds are the tally's own: Tally.Beat makes each beat, votes by it and counts who
// missed what, called by whoever keeps the time, be it the kernel or a thread. The node only says
// what beats carry (CommandBeat), and is woken when that has to change: by the votes, by somebody
// who missed too many rounds, by who asks to come in. In a healthy group neither leader nor
// member has a reason to run but housekeeping. A node that is woken for a verdict and does not look
// in time loses the lead: its tally gives it up by a last beat, which names those who fell (away.go).
//
// # Words
//
//   - Agent: the daemon of a node ("daemon" in README), as distinct from the node's kernel.
//   - Frame: what kernels exchange: beats, echoes, prepares, promises, probes. Letter: what agents do
//     (Message; "message" in output).
//   - Rail: one of the networks that connect the nodes.
//   - Slot: a member's index in its group. Seat: above level 0, a slot that votes; in a Roster, which
//     says who has which slot, every entry. Place: which of a host's registers is meant, by level and
//     whether it is a seat's.
//   - Root: the leader of the top, the group that has none above it.
//   - Round: a beat and its echoes. Ballot: who may propose: generation, term and slot.
//   - Seq: the number of a group's view ("number" in output). Epoch: the top's, and so the number of the cluster view.
//   - Generation: a group's life, from when it is formed until it loses its quorum. Instance: the
//     cluster's, from its founding to its shutdown.
//
// # The driver's contract
//
// One thread calls Step when Deadline has come, when the plane reports a Wake, when a message
// or an order arrived; with the register and the tally (of the slots in Watch) as they are at
// that moment. It then carries the Output out in the order of its fields: the record is on disk
// before any command, or may follow where the driver said so (Config.WriteBehind), since a disk may take
// longer than a leader may be silent; commands are given before frames leave, and every frame that addresses
// the node itself goes through Deliver before others see it. Output's slices are the driver's;
// a Node keeps no pointer to its input. The plane watches the leader: it reports WakeSilent
// once a silence has lasted ceil(k/2) intervals, so that a member in a healthy group has no
// reason to wake but housekeeping, once a second. Beats that are due (Tally.Due) leave by
// the plane, without a Step; one that a command orders at once has left before anything that follows.
//
// # Leases
//
// A node trusts its view while its lease runs, and none runs any more when a view without the node is
// decided (G4). I is the interval between rounds, k how many of them somebody may miss, L the length
// of a lease, 3.5 I for k = 5. Each goes by its own clock, which may be a tenth too fast or too slow.
//
//   - Rule 1: a beat names those who are heard, in the last round (Heard1) and in the one before
//     (Heard2). It extends the lease of each to L after it sent its echo of that round: from the
//     sending, since nobody knows how long the beat was on its way. It extends none whose register does not
//     know the last view that it tells to be decided: the slot may be another's there (Register.abreast).
//   - Rule 2: a leader hears nobody unless the last round was echoed under its ballot by a quorum of
//     its view and, until that is decided, of the one before; and only those whose echo came within
//     an interval of the beat. Its own lease ends L after that beat left.
//   - Rule 3: a leader proposes a view without a member no sooner than 1.25 L after the member's last
//     echo came, and hears it no more from then on. Who rebooted or said goodbye has no lease to
//     wait for.
//   - Rule 4: for k+1 intervals after a beat a member promises no other leader. Each quorum that
//     elects one has somebody who took the last beat that a quorum had confirmed, so that all
//     leases of the leader before are over by then, and the next may remove at once.
//   - Rule 5: a hand-over waits for no lease. Who was elected by it removes nobody for k+1 intervals, and who finds
//     that an earlier leader proposed a removal leads that much later.
//
// # Several groups
//
// A Host drives the nodes of one host, each for a Place: its slot at level 0, and above it the
// slot of the group that it leads and a seat where it votes. What joins them is in files of
// their own: what a leader tells above and when it gives its slot up (represent.go), what a group
// above decides about (vector.go), whom it lets in (admit_above.go, seat.go), who forms a group that has
// no leader (orphan.go, decree.go), and in which generation (generation.go), what a leader above does for those
// below (lookafter.go), which epoch its leases vouch for (vouch.go), and how the content of an epoch gets to
// everybody (content.go). Choices made there:
//
//   - A founder is the first member of its group where nothing else is asked for: of those that ask for a
//     group within the join window one is named to form it, a founder before others, but for whom the
//     operator prefers or avoids. A founder that asks later finds its group formed (orphan.go).
//   - A group has one seat above it. The founder of a group gets its seat back when it returns; the
//     leader of the group above takes back the one that was given to another member meanwhile (seat.go).
//   - Rounds double with every level (5, 10, 20): what a leader hands down of its lease must
//     outlast a round that is lost below, and counts from an echo of the member, since nobody
//     knows how long the beat was on its way. An epoch is beaten as often as a group. What is handed down
//     vouches for views of the epoch that was told with it, or later ones: a leader that tells of an
//     earlier one, or of none as long as it has no place above, changes neither until it has ended. Below the top
//     nobody is heard in a slot that was given again before that epoch holds that it was nobody's (vouch.go).
//   - A generation is begun by one host only: the level above names it, and the generation, in the
//     roster under which it decides the view with that host in the group's slot (Seat.Below). A
//     new root holds that roster or stands down, so no generation is ever given twice. Who begins it
//     notes so in its register above, and takes no decree for it again.
//   - A group below the top that is formed anew may know nothing of what it gave before. So each generation of it has
//     numbers of its own to give, and who leads a later generation of a group below displaces an earlier one that asked
//     first, once that one's lease has ended (generation.go). What its seats knew of groups below is forgotten then.
//   - All registers of a host are of one instance: who comes into a later one gives up those of the one before.
//   - Who forms a group anew takes those along that asked meanwhile and hold registers of its own
//     roster; they keep their incarnations. The first view of a generation follows none.
//   - Who asked for a group without a leader is forgotten once it is formed, and a group is
//     superseded by what is proposed, not by what is about to be: one that is cut off and comes
//     back goes on as it is.
//   - The order to recover holds for 10 s, since candidates without a quorum outbid each other; it
//     is carried out by the first campaign that gave the others an interval to promise.
//   - An epoch that only adds to the one before comes a second after it at the earliest, be it that groups
//     grew or that somebody asked to be let in, so that a cluster that boots has one a second. A group
//     that had a leader waits for none.
//   - A group whose content is not known yet is not in the epoch, though its leader has its slot. So
//     a view is to be trusted only while no beat told of a later epoch than the view's.
//   - A leader that fell silent is taken for gone with its group no sooner than after
//     leaderPatience, which outlasts a leader that is deaf, and not while a successor asks for its slot;
//     claims are kept by all seats.
//   - Contents are hashed when a letter brings them, and compared with the digest that the own
//     register accepted, or that beats tell, where there is one (EventMismatch).
//   - An agent that was stopped finds others leading when it goes on. It keeps the slot of its group
//     for as long as one that lost the lead at that moment, and a goodbye for a slot that a
//     successor asked for changes nothing. Who has no vote is let in without the founders' word.
//   - An agent that is started shows no epoch earlier than its registers know of. What the one before it
//     showed ahead of every beat it cannot know.
//   - Beats of every level name the epoch and, where their leader knows it, the digest of its content, handed
//     down from the top. A view whose digest is another is not trusted, and its content is fetched anew.
//   - Redirects are followed at once a few times only: who is about to lead a group and the leader above
//     send on to each other.
//
// The cluster view's G1 to G4 and G8 are shown by tests/sim/levels: TestSeeds, and the stories
// beside it (of G4 when the root is cut off: TestRootCutOff; of G8 with the agent of a root or of a founder away:
// TestRootAway, TestFounderAway; when half of the groups are lost at once: TestHalfTheGroupsCrash; while seats are
// given: TestLeaderLostAsSeatsAreGiven); G1 to G3, and that every
// generation of a group was decided above and is begun once, by tests/explore/levels TestSearch and TestWalks, and
// G4 by every other walk; that founders are the first of their groups by TestFoundersAreFirst; that nobody whose
// kernel answers is left out by TestStalledAgentsLoseNobody; that most of the seats are not in fewer groups than it
// seems by TestOneSeatAGroup; that the order to recover leaves nobody who could go on beside it by TestRecover; that
// a cluster stands whatever the order of starts, and each node says what it waits for, by TestStartsApart. A
// fifth of TestSeeds has three levels; that a branch is formed anew, and what it forgot is not given again, show
// TestBranchLost and TestBranchForgets. With real
// daemons: tests/e2e TestGroupsLoseAndRegain, TestStructureFails, TestFoundersStartLast.
//
// # The guarantees, and the tests that show them
//
// Random runs of tests/sim (TestSeeds) watch G1 to G5 and G9 throughout, whatever goes wrong. G6 and G7
// are judged only in calm runs, after each crash: hosts that crash at once, in a network without
// fault. G8 is asked for when trouble is over: in the second phase of a run, for the members that
// can go on, and in calm runs after each crash and each return. G10 is no matter of these runs, in which
// nobody forges: the tests named below show it. TestCheckersCatchLies, TestCheckerOfRegisters,
// TestCheckerOfRecords, TestCheckerOfInstances, TestCheckerOfCuts and TestCheckerOfProgress show
// that the checkers can fail, TestStored repeats runs that fail when a rule is undone, as
// tests/mutants TestMutants does. control/testdata tells the guarantees as stories; tests/e2e shows
// them with real daemons and the real kernel program, and make torture counts under faults of every
// kind what G1 and G5 forbid.
//
//   - G1 Agreement: two nodes never install different content for the same instance and
//     epoch. TestSeeds, TestQuorumsMeet, TestTallyBothQuorums, tests/sim TestSlotGivenAgain,
//     tests/explore TestSearch, TestWalks, tests/e2e TestCrashOneRound.
//   - G2 Order: what a node installs only moves forward. TestSeeds, TestRegisterForward, tests/explore TestSearch,
//     TestWalks.
//   - G3 Primary: of two sides of a partition at most one goes on, of two instances at most one
//     lives. TestSeeds, tests/sim TestFoundersRebooted, TestStrangersAreHeard, tests/explore TestSearch, TestWalks,
//     tests/e2e TestSplitOneSideGoesOn, TestFoundersRebooted.
//   - G4 Fencing: when a view without a member is decided, every lease that it held has ended.
//     TestSeeds, TestLease, tests/sim TestLeasesNeedTheRules, TestSlotGivenAgain, tests/e2e TestCutNodeKnowsFirst.
//     A member that said goodbye has given its lease up, whatever its clock still says.
//   - G5 No accusation without evidence: whose kernel answered one of the last k rounds stays, be
//     it through another member. TestSeeds (the starved runs remove nobody at all), TestRebooted, tests/sim
//     TestOneWayCuts, TestLossAtOneHost, TestSuccessorOneWay, TestLeaderAils, TestLeaderLoses, TestAccusedAnswers,
//     TestLateRequest, TestProbesOfOneSilence, TestProbesCountFromLeaving, tests/scale TestSickLeaders,
//     tests/e2e TestAgentStopKeepsNode, TestLossKeepsNode, TestDeadRail, TestDeadRailOfGroups. The
//     operator may order otherwise for silent agents (on_stale = "remove").
//   - G6 One round: a removal takes one beat and its echoes, two exchanges when the leader is
//     the one. tests/sim TestCrashOne, TestCrashLeader, TestQuickReboot, tests/e2e TestCrashOneRound,
//     TestLeaderCrashTwoRounds (counted on the wire).
//   - G7 One cut: what fails within a detection window goes in one view. tests/sim
//     TestCrashFourAtOnce, TestCrashWithinWindow, tests/e2e TestFourCrashesOneView.
//   - G8 Progress: while a quorum of the last view's kernels can exchange frames and one of
//     their agents runs, there is a leader and a next view. The second phase of every run of
//     TestSeeds, tests/sim TestNoQuorum, TestLeaderDeaf, TestLeaderStale, TestLeaderAway, TestSlowDisk,
//     TestLeaderGivesUpForGood, TestRefusedLeaderFallsSilent, TestOnlyTheLeavingKnows.
//   - G9 Restart: an agent that stops, crashes or is restarted removes nobody and loses no
//     promise. TestSeeds, tests/sim TestAgentsRestarted, dataplane TestKernelAdopt, TestKernelCarry
//     (another version of the program takes over what the kernel holds), tests/e2e TestAgentRestartAdopts.
//   - G10 Closed door: a frame that is not the cluster's changes nothing but a counter.
//     TestReplayedBeat, TestReplayAfterRejoin, dataplane TestKernelPackets, TestDifferential,
//     TestEveryBitIsSigned, TestSocketCountsWrongFrames, TestSocketReplay, TestKernelKeys,
//     tests/e2e TestBadInput, TestFloodIsOnlyCounted, TestKeyRotation.
//
// What G3 does not cover: the founders' rule rests on the voters they recorded. A founder records
// those of every view that it installs, those that are about to be let in before they are (they stay
// on record until they vote, or the leader says otherwise), and when it is told that it is out, those
// who voted it out. So a record is out of date only in a founder that has heard nothing since: it was
// off, cut off, or lost power before its disk had written. Founders begin a second instance, while the
// first may live on among those who remained and those who came later, if
//
//  1. that holds for a majority of the founders,
//  2. they are still cut off from what the group became, or none of its agents runs: a leader tells founders and other
//     contacts that are not in its view of itself, four times in found_wait (announce.go); what they hear of its
//     voters they keep, and
//  3. most voters of their newest record hold no register any more: they rebooted, were removed, or
//     joined elsewhere.
//
// It takes the loss of these registers one after the other, each survived by the group; founders that
// stay members, in different racks, keep it from happening. Closing it wholly takes durable records
// on more nodes than founders, or the word of all recorded voters instead of most. A random run that comes upon
// exactly this ends there, and is counted as such (tests/sim TestCheckerOfBeginnings).
//
// # Choices
//
//   - A roster's version is a hash of its content, so that two leaders can never mean two
//     rosters by one version; a register holds four of them, because a new leader may have to
//     propose a view again whose roster is not the newest.
//   - A register that joins is "joining" until it learns of a decided view that contains it:
//     only then can a view without it mean that it is out.
//   - A prepare under the ballot already promised is answered again: the promise may be lost.
//   - A hand-over prepare names the ballot that hands over, and is taken only from those who
//     follow that ballot, or took its last beat and no other leader's since.
//   - A candidate counts promises by the roster of the proposal that it would go on from, whatever roster it is given
//     meanwhile: a slot may be somebody's who knows nothing of what that one before accepted (Node.promisesFor). It
//     stands above every ballot that it was told to be promised, by the more the more often it was refused in a row.
//   - A leader of the top tells contacts that are not in its view of itself (announce.go): they may know nobody in it.
//   - Joiners that hold the roster for longer than a moment answer probes before a view may need their votes
//     (Node.stillThere), and one that can not be let in gives way to who asked since.
//   - A leader that was elected by such a hand-over removes nobody for k+1 intervals (lease rule
//     5) but those whom that last beat accused: their leases had ended before it left.
//   - The beat carries a bitmap of stale agents, so that every member can show them.
//   - Beats that leave at once, to propose or to tell of a decision, are rounds like others, but do not
//     count in failure detection: rounds that count are at least 3/4 of an interval apart. A
//     round is over when it is 7/8 of an interval old, so that the jitter of whoever keeps the
//     time costs no interval.
//   - While rounds go on by themselves, an agent may decide on what is no longer so. An order to
//     beat without somebody who was silent is refused by the tally that has heard of him since:
//     G4 and G5 rest on it. So is one without somebody whose agent was silent and is back.
//   - Who was removed of late answers probes before it is let in again (probation.go): a link that loses
//     most of what it is given would else change everybody's view twice for each time it fails.
//   - A candidate whom the proposal that it found leaves out leads all the same while nobody who belongs to it
//     has accepted it, and hands over as soon as somebody has.
//   - Whoever was voted out is told for k rounds, whatever is proposed meanwhile, and the last member stays until then.
//   - A leader that hears of a higher ballot while a quorum still follows it hands over to
//     itself under a higher ballot yet: a straggler moves no leadership.
//   - Who missed a round is asked again in each round that follows, directly and through others, until
//     an echo has come directly once more (retry.go); deputies probe those through others who did not
//     answer the probe before. Relayed answers count as evidence like others, and for a lease from
//     when the echo left. A leader to which most answer through some only hands over, once a second at
//     most.
//   - A member whose host was rebooted is removed at once, on the word of the new incarnation, which
//     the leader asks for at the member's own address (rebooted.go says why that is certain). What a frame
//     says of another incarnation is no evidence: whoever answers so was given the slot before the
//     member was, and lost it. Above level 0 seats wait for k rounds; a group's slot waits for nothing.
//   - A deputy's probes count towards removal once it leads: failures at the leader's side
//     come in one view.
//   - The digest of a view at level 0 is the hash of its content (package view), which every
//     member compares with what it installs.
//   - Votes to found an instance bind their voters to join no earlier one, and must include a
//     majority of the voters of the last record unless that is closed, by somebody who knew of these voters: reading
//     "holds no register" alone could be overtaken by a late roster.
//   - A proposal to found stands, and is told again, until something was heard that it does not take into account, or
//     others than those it was told to suffice: votes wait for disks, and a number is not given up for nothing.
//   - Joins wait for a majority of those founders that are members, whose records then name
//     the new voters. Removals wait for no disk, which may be busy for longer than a leader may be silent: registers
//     decide them, whatever their agents do, and the records follow (InstanceRecord).
package control
