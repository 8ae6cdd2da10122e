package mutants

// kept are rules that came of a failure which a simulator or an explorer found, each undone: the stored
// run that failed does so again, or seeds find another like it, or the story or test fails that was written
// for it. Rules that came so and are in the table of mutants are not repeated.
var kept = []mutant{
	{
		name: "most of the voters and joiners rule an instance out, of the voters alone or not",
		patches: []patch{{"record.go",
			"		l = append(l, FoundVote{Instance: r.Instance, Voters: r.Voters})\n",
			"		if len(r.Joiners) == 0 {\n			l = append(l, FoundVote{Instance: r.Instance, Voters: r.Voters})\n		}\n"}},
		check: "../control TestTranscripts/joiners-kept-out", breaks: "founds instance 2 with n0 n1 n2",
	},
	{
		name:    "most of the voters rule an instance out, whoever was about to come in",
		patches: []patch{{"record.go", "		if len(r.Joiners) > 0 {\n", "		if false {\n"}},
		check:   "../control TestTranscripts/joiners-let-in", breaks: "founds instance 2 with n0 n1 n2",
	},
	{
		name:    "probes of two silences are added up",
		patches: []patch{{"follow.go", "if !w.on || w.since != n.reg.BeatAt {", "if !w.on || w.leader != n.reg.Leader() {"}},
		check:   "sim TestProbesOfOneSilence", breaks: "G5",
	},
	{
		name:    "a probe counts from when it was decided on",
		patches: []patch{{"follow.go", "w.probes[0], w.leaving = max(w.probes[0], at), false", "w.leaving = false"}},
		check:   "sim TestProbesCountFromLeaving", breaks: "and n01 answers",
	},
	{
		name: "who did not vote in time is not in the first view",
		patches: []patch{{"found.go",
			"		members.Set(roster.Seats[i].Slot)\n",
			"		if slices.Contains(n.found.votes, roster.Seats[i].Name) {\n			members.Set(roster.Seats[i].Slot)\n		}\n"}},
		check: "../control TestTranscripts/found-late-vote", breaks: "founds instance 2 with n0 n2",
	},
	{
		name: "an instance is numbered that those heard can not found",
		patches: []patch{{"found.go",
			"!n.suffices(&known, func(name string) bool { return n.mayVote(name, 4*every) })",
			"false"}},
		check: "../control TestTranscripts/founders-cut-off", breaks: "view 4 of instance 2",
	},
	{
		name:    "a vote to found hides the instance before it",
		patches: []patch{{"record.go", "	if r.Instance > abandoned && !r.Closed {\n", "	if r.Instance > abandoned && !r.Closed && len(r.Votes) == 0 {\n"}},
		check:   "../control TestTranscripts/founders-voted", breaks: "founds instance 3 with n1 n2",
	},
	{
		name:    "a decision's rounds are those that left until it",
		patches: []patch{{"tally.go", "t.Quorate = max(t.Latest, 1)", "t.Quorate = max(t.Round, 1)"}},
		check:   "../control TestTallyQuorate", breaks: "the next round left meanwhile: quorate",
	},
	{
		name:    "who follows another ballot is part of the quorum that answers",
		patches: []patch{{"sweep.go", "h.Strayed == 0 && h.aligned", "h.aligned"}},
		check:   "sim TestRefusedLeaderFallsSilent", breaks: "does not get the lead",
	},
	{
		name:    "a missing roster is asked of the leader only",
		patches: []patch{{"follow.go", "if to := l[n.join.turn%len(l)]; to != leader {", "if to := l[n.join.turn%len(l)]; leader == \"\" {"}},
		check:   "../control TestTranscripts/roster-of-the-dead", breaks: "+n1: follower, awaits promises of a quorum",
	},
	{
		name:    "a leader that most do not answer hands over before it may remove them",
		patches: []patch{{"detect.go", "n.now.Since(max(l.elected, l.calmUntil))", "n.now.Since(l.elected)"}},
		check:   "sim/levels TestHalfTheGroupsCrash", breaks: "4 hosts do not agree within 10s",
	},
	{
		name:    "a removal that a leader before proposed is carried out at once after a hand-over",
		patches: []patch{{"candidate.go", "!known && n.revives(&a)", "false"}},
		check:   "../control TestRevivedRemovalWaits", breaks: "proposed: waits false",
	},
	{
		name: "an order to remove whoever was heard since is carried out",
		patches: []patch{{"command.go",
			"c.Since.Before(h.EchoAt) || c.Since.Before(h.AnswerAt)",
			"h.EchoAt == 1"}},
		check: "stored", breaks: "G4", run: "echo-before-order.json",
	},
	{
		name:    "an agent leads on in the instance that the one before it closed",
		patches: []patch{{"node.go", "if n.founder() && n.record.Closed && n.record.Instance == n.reg.Instance {", "if false {"}},
		check:   "stored", breaks: "G9", run: "agent-dies-leaving.json",
	},
	{
		name:    "who fell is removed though it answered before the cut",
		patches: []patch{{"detect.go", "	l.fallen = l.fallen.And(silent.Or(l.certain))\n", "	_ = silent\n"}},
		check:   "stored", breaks: "G5", run: "answer-before-cut.json",
	},
	{
		name:    "who fell is removed as long as it is in doubt, though it answered one of the last rounds",
		patches: []patch{{"detect.go", "l.fallen.And(silent.Or(l.certain))", "l.fallen.And(silent.Or(l.suspects).Or(l.certain))"}},
		check:   "../control TestLateEcho", breaks: "of the first of the last k: fallen true",
	},
	{
		name:    "a leader that can not be let in keeps those from the slot who asked since",
		patches: []patch{{"admit.go", "l.decided && waited >= admitGiveUp {", "false {"}},
		check:   "../control TestNextLeaderGetsItsTurn", breaks: "after 10s: waits true",
	},
	{
		name:    "a candidate counts promises by a roster that it is given meanwhile",
		patches: []patch{{"join.go", "	if n.role == roleCandidate && !n.holdCounted() {\n		n.standDown()\n	}\n", ""}},
		check:   "../control TestCountsItsMembers", breaks: "the slots are those of",
	},
	{
		name:    "the promise of who had a slot before counts for a view in which another has it",
		patches: []patch{{"candidate.go", "		if is, was := r.At(s), counted.At(s); is != nil && (", "		if is, was := r.At(s), counted.At(s); is == nil && ("}},
		check:   "../control TestCountsThoseOfTheProposal", breaks: "after the promise of who had a slot before it is a leader",
	},
	{
		name:    "whoever gives a founder a roster says who is no longer about to be let in",
		patches: []patch{{"record.go", "if m.From.Name == n.nameOf(n.reg.Leader()) {", "if true {"}},
		check:   "../control TestRecordIsTold", breaks: "told by e: joiners [], want [c d]",
	},
	{
		name:    "a late letter takes off the record whom the founder's register voted for",
		patches: []patch{{"record.go", "!slices.Contains(votedFor, v)", "len(votedFor) >= 0"}},
		check:   "../control TestRecordIsTold", breaks: "5: told by b: joiners [], want [d]",
	},
	{
		name:    "a candidate that is refused again and again stands no higher for it",
		patches: []patch{{"candidate.go", "term+1+min(refused, leap)", "term+1+0*min(refused, leap)"}},
		check:   "../control TestClimbsPastOthers", breaks: "after 20 campaigns",
	},
	{
		name:    "what is known of an instance outlives it",
		patches: []patch{{"vector.go", "if v.instance != 0 && v.instance != instance {", "if false {"}},
		check:   "../control TestVectorOfEarlierInstance", breaks: "knows what an earlier instance held",
	},
	{
		name:    "joiners are let in that may be gone",
		patches: []patch{{"holders.go", "	case there == ready, a.calls == callsMost && over:\n", "	case true:\n		there = ready\n"}},
		check:   "../control TestGoneJoiners", breaks: "after 8s proposes",
	},
	{
		name: "whoever hears that an instance was closed joins it no more",
		patches: []patch{
			closedForAll,
			{"record.go", "Joiners: o.Joiners, Tried: o.Instance})", "Joiners: o.Joiners, Closed: o.Closed, Tried: o.Instance})"},
			{"record.go", "return instance < r.Instance ||", "return instance < r.Instance || instance == r.Instance && r.Closed ||"},
		},
		check: "sim TestClosedByOne", breaks: "it is back: did not happen",
	},
	{
		name:    "what joiners answered long ago counts as long as others are called",
		patches: []patch{{"holders.go", "		since = min(since, a.calledAt)\n", "		since = 0\n"}},
		check:   "../control TestTranscripts/joiners-called", breaks: "proposes view 2 {n0 n1",
	},
	{
		name:    "a joining seat is given up for a roster that names nobody in its slot",
		patches: []patch{{"join.go", "|| !mine && m.Roster.At(n.reg.Slot) != nil):", "|| !mine):"}},
		check:   "../control TestJoinsUntilItsSlotIsAnothers", breaks: "goes on joining: false, want true",
	},
	{
		name:    "one call of joiners counts however late",
		patches: []patch{{"holders.go", "	if a.calls == callsMost { //", "	if a.calls > 0 { //"}},
		check:   "../control TestTranscripts/joiners-called-once", breaks: "lost: no quorum answered",
	},
	{
		name:    "who closed an instance when it was removed closed it for those who went on",
		patches: []patch{closedForAll},
		check:   "sim TestClosedByOneFoundsNothing", breaks: "G3",
	},
	{
		name:    "a host in several groups does not hear of a later instance by letter",
		patches: []patch{{"route.go", "held != 0 && m.State.Register > held {", "held != 0 && false {"}},
		check:   "../control TestLaterInstanceOutlivesAll", breaks: "holds registers of the earlier instance",
	},
	{
		name:    "who another leader was about to let in stays on record",
		patches: []patch{{"record.go", "a.Ballot == n.reg.BeatBallot {", "a != nil {"}},
		check:   "../control TestRecordIsTold", breaks: "8: told by b: joiners [d], want []",
	},
	{
		name:    "who holds a register of an earlier instance does not hear of the later",
		patches: []patch{{"announce.go", "case n.role == roleLeft || heard == 0:", "case n.role == roleLeft || heard == 0 || heard > n.reg.Instance:"}},
		check:   "sim TestNextInstanceIsHeard", breaks: "one group again: did not happen",
	},
	{
		name:    "votes count though another register of the host joined an instance",
		patches: []patch{{"found.go", "|| n.elsewhere > f.abandoned || !f.known", "|| !f.known"}},
		check:   "../control TestVotesCountWhileNothingIsHeard", breaks: "heard its own host",
	},
	{
		name:    "a leader tells nobody outside its view that its group lives",
		patches: []patch{{"leader.go", "	n.announces()\n", ""}},
		check:   "sim TestStrangersAreHeard", breaks: "G3",
	},
	{
		name:    "what a founder heard of voters does not bind it for longer than it hears it",
		patches: []patch{{"found.go", "	n.recordHeard(&m.State.Record)\n", ""}},
		check:   "../control TestFounderKeepsWhatItHeard", breaks: "keeps",
	},
	{
		name:    "votes count though a member was heard since they were asked for",
		patches: []patch{{"found.go", "n.quiet() < n.cfg.FoundWait || n.elsewhere > f.abandoned ||", "n.elsewhere > f.abandoned ||"}},
		check:   "../control TestVotesCountWhileNothingIsHeard", breaks: "heard a member",
	},
	{
		name:    "votes count though other voters were heard of since they were asked for",
		patches: []patch{{"found.go", "|| !f.known.covers(&known) {", "|| known.Epoch == 1 {"}},
		check:   "../control TestVotesCountWhileNothingIsHeard", breaks: "heard other voters",
	},
	{
		name:    "who was outbid stands under the next number, not above what it heard",
		patches: []patch{{"candidate.go", "		term = max(term, by.Term())\n", ""}},
		check:   "../control TestTranscripts/founders-removed", breaks: "stands under ballot 1.4.0",
	},
	{
		name: "a founder alone in the list of contacts asks nobody whom its seat knows",
		patches: []patch{
			{"orphan.go", "if to := h.upward(); to != \"\" {", "if to := h.upward(); to == \".\" {"},
			{"join.go", "	for _, v := range n.topVoters {\n		add(v.RPC)\n	}\n", ""},
		},
		check: "sim/levels TestSeeds", breaks: "none of 1 answers", seeds: "100",
	},
	{
		name:    "a founder does not wait for the answers of those who may say otherwise",
		patches: []patch{{"found.go", "!known.Closed && n.now.Before(since) {", "!known.Closed && false {"}},
		check:   "stored", breaks: "G3", run: "answer-of-the-other-first.json",
	},
	{
		name:    "a leader above does not hear its own host's claim",
		patches: []patch{{"host.go", "n.leaderHere = p.Level() > 0 &&", "n.leaderHere = false && p.Level() > 0 &&"}},
		check:   "sim/levels TestSeeds", breaks: "do not agree within", seeds: "100",
	}, {
		name: "founders propose again at once",
		patches: []patch{{"found.go",
			"return time.Duration(1+slices.Index(n.cfg.Founders, n.cfg.Self.Name)) * max",
			"return 0 * max"}},
		check: "stored", breaks: "no cluster was founded", run: "founders-outbid.json",
	},
	{
		name:    "a group of a dead instance is let in",
		patches: []patch{{"join.go", "Instance: max(n.reg.Instance, n.elsewhere), Keys", "Instance: n.reg.Instance, Keys"}},
		check:   "sim/levels TestSeeds", breaks: "G4", seeds: "30", // the next one is noticed within these
		harmless: true, // its host gives the registers of that instance up
	},
	{
		name: "a group of a dead instance is let in, and its host keeps it",
		patches: []patch{
			{"join.go", "Instance: max(n.reg.Instance, n.elsewhere), Keys", "Instance: n.reg.Instance, Keys"},
			{"host.go", "h.in.Registers[p].Instance < latest", "latest == 0"},
		},
		check: "sim/levels TestSeeds", breaks: "G4", seeds: "300",
	},
	{
		name:    "a founder's record goes back",
		patches: []patch{{"record.go", "n.record.Instance == n.reg.Instance && epoch < n.record.Epoch {", "false {"}},
		check:   "sim TestFoundersRebooted", breaks: "G9",
	},
	{
		name:    "a leader whose agent was stopped gives its slot up at once",
		patches: []patch{{"represent.go", "	case h.now.Since(since) < patience:\n", "	case h.now.Since(since) < 0*patience:\n"}},
		check:   "sim/levels TestHalfGroupCrash", breaks: "left out, by epoch",
	},
	{
		name:    "who led a group once takes its slot by the ballot of who leads it",
		patches: []patch{{"admit_above.go", "ballot <= seat.Below", "ballot < seat.Below"}},
		check:   "../control TestSlotGoesToHigherBallot", breaks: "it is about to take the slot: true",
	},
	{
		name:    "a new root did not hear the claims that the last one was told",
		patches: []patch{{"admit_above.go", "n.now.Since(c.at) < claimFor && !c.m.Holds", "n.now.Since(c.at) < 0*claimFor"}},
		check:   "../control TestClaimsAreInherited", breaks: "0 are about to be let in",
	},
	{
		name:    "whoever votes for another's instance does not give up its own",
		patches: []patch{{"found.go", "	if n.giveUpProposal() {\n		n.found.until = n.now.Add(n.turn(n.foundEvery()))\n	}\n", ""}},
		check:   "../control TestVoteGivesOwnProposalUp", breaks: "votes [{Instance:1 Proposer:a",
	},
	{
		name:    "a proposal is given up when its votes are late",
		patches: []patch{{"found.go", "	if n.proposalStands(4 * every) {\n", "	if false {\n"}},
		check:   "../control TestLateVotes", breaks: "proposals by their numbers",
	},
	{
		name: "who was asked but is not there is waited for, whoever else may vote",
		patches: []patch{{"proposal.go",
			"		!n.suffices(&known, mayVote)\n",
			"		!n.suffices(&known, mayVote) || n.now != 0\n"}},
		check: "../control TestLateVotes", breaks: "proposals by their numbers",
	},
	{
		name: "a founder that is told that it is out does not write down who votes",
		patches: []patch{
			{"join.go", "if m.Roster != nil && m.Instance == n.reg.Instance {", "if m.Roster != nil && m.Instance == 0 {"},
			{"candidate.go", "			n.recordDecided(m.Accepted.Seq, m.Accepted.New, r)\n", ""},
			{"found.go", "	n.recordHeard(&m.State.Record)\n", ""},
		},
		check: "../control TestTranscripts/founders-removed", breaks: "of instance 2 led by n0, valid",
	},
	{
		name: "an order to remove whoever answered a probe since is carried out",
		patches: []patch{{"command.go",
			"c.Since.Before(h.EchoAt) || c.Since.Before(h.AnswerAt)",
			"c.Since.Before(h.EchoAt)"}},
		check: "../control TestApplyBeat", breaks: "a probe answered since: asks",
	}, {
		name:    "an echo under a higher ballot extends leases",
		patches: []patch{{"tally.go", " && f.Reply.Promised <= t.Ballot {", " {"}},
		check:   "../control TestStrayedExtendNoLease", breaks: "on the word of those who follow another",
	},
	{
		name:    "a lease is as long whatever the number of rounds",
		patches: []patch{{"leader.go", "return n.cfg.Interval * min(10*k-15, 7*k) / 10", "return n.cfg.Interval * max(35, 0*k) / 10"}},
		check:   "../control TestLeaseFits", breaks: "outlives the refusal of prepares",
	},
	{
		name:    "who answered the prepare is forgotten with the phase",
		patches: []patch{{"command.go", "		if sameBallot {\n", "		if false {\n"}},
		check:   "../control TestApplyAsk", breaks: "another phase: remembers",
	},
	{
		name:    "redirects are followed at once without end",
		patches: []patch{{"join.go", "j.hops < hopsMost", "j.hops >= 0"}},
		check:   "../control TestRedirectsEnd", breaks: "redirects at once, want",
	},
	{
		name:    "what remains of the lease above counts from the arrival of the beat",
		patches: []patch{{"lease.go", "r.UpperUntil = at + Time(a.UpperUS)*1000", "r.UpperUntil = now + Time(a.UpperUS)*1000"}},
		check:   "../control TestUpperLease", breaks: "the upper lease ends at",
	},
	{
		name: "a vote for a proposal of its own that came to nothing is kept",
		patches: []patch{
			{"record.go", "return n.voidVotes(func(v *FoundVote) bool { return v.Proposer == n.cfg.Self.Name })", "return false"},
			{"found.go",
				"	if n.giveUpProposal() {\n		f.until = n.now.Add(n.turn(every))",
				"	if p := f.proposed; p != 0 {\n		n.giveUpProposal()\n		f.until = n.now.Add(n.turn(every))"},
		},
		check: "../control TestTranscripts/vain-votes", breaks: "no agreement within",
	},
	{
		name: "the roster of the view in force is dropped for newer ones",
		patches: []patch{
			{"held.go", "	keep(true) // the views in force rest on these, however many came since\n", ""},
			{"held.go", "if is == needed && ", "if "},
			{"held.go", "			is := o.version == n.reg.Accepted.Roster || o.version == n.reg.Committed.Roster\n", ""},
		},
		check: "../control TestTranscripts/vain-joins", breaks: "no agreement within",
	},
	{
		name:    "who is elected while it leaves hands over at once",
		patches: []patch{{"candidate.go", "	n.handOverAt = n.now.Add(2 * askEvery)\n", ""}},
		check:   "../control TestTranscripts/all-leave", breaks: "+n3: follower, awaits beats of a leader with a quorum",
	},
	{
		name:    "a candidate whom the proposal leaves out stands down, whoever else knows of it",
		patches: []patch{{"candidate.go", "if !a.New.Has(n.reg.Slot) && (known || !n.knowing(&a, n.tally.Promises).Empty()) {", "if !a.New.Has(n.reg.Slot) {"}},
		check:   "sim TestOnlyTheLeavingKnows", breaks: "one is left: did not happen",
	},
	{
		name:    "whom a view left out is told no more once another is proposed",
		patches: []patch{{"round.go", "to.Or(t.Parted)", "to.Or(t.Old)"}},
		check:   "../control TestTranscripts/all-leave", breaks: "+n2: candidate, awaits promises of a quorum",
	},
	{
		name:    "the last member leaves though others are still to be told that they are out",
		patches: []patch{{"join.go", "	case others.Empty() && n.tally.Round < l.tell && !l.parted.Empty():", "	case false:"}},
		check:   "sim TestLastTells", breaks: "both left: did not happen",
	},
	{
		name:    "a founder founds though a member of its group answers",
		patches: []patch{{"host.go", "	n.found.heardAt = max(n.found.heardAt, h.nodes[0].found.heardAt) // of a member of any group\n", ""}},
		check:   "../control TestHeardOfAnyGroup", breaks: "proposes an instance: true",
	},
	{
		name:    "the goodbye of a group's leader is taken for its group's",
		patches: []patch{{"detect.go", "l.goodbyes.Has(s) && !l.withheld.from.Has(s)", "l.goodbyes.Has(s)"}},
		check:   "sim/levels TestLeaderLeaves", breaks: "G4",
	},
	{
		name:    "a goodbye outlives its holder's slot",
		patches: []patch{{"admit.go", "l.goodbyes.Minus(ready)", "l.goodbyes"}},
		check:   "sim/levels TestLeaderLeaves", breaks: "left out that live",
	},
	{
		name:    "who asked for a group is remembered after it is formed",
		patches: []patch{{"orphan.go", "h.now.Since(o.at) > orphanFor || h.formed(o.level, o.group)", "h.now.Since(o.at) > orphanFor"}},
		check:   "sim/levels TestCutOffAfterFormed", breaks: "is another incarnation, or in another generation",
	},
	{
		name:    "a leader with a seat to give turns while a join is under way",
		patches: []patch{{"lookafter.go", "h.wakeAt(max(wait, h.now.Add(n.cfg.Interval)))", "h.wakeAt(wait)"}},
		check:   "sim/levels TestRestsWhileJoinsWait", breaks: "steps in 10 intervals",
	},
	{
		name:    "whoever takes a group's slot is judged by the silence of who had it",
		patches: []patch{{"admit.go", "l.seated[s] = seating{n.tally.Round, n.now, since}", "_ = since"}},
		check:   "sim/levels TestSuccessorJudgedByItself", breaks: "left out that live",
	},
	{
		name:    "a roster under vote is sent once",
		patches: []patch{{"admit.go", "	if !l.decided { // who lacks the roster can not vote\n		n.pushRosters()\n", "	if !l.decided {\n"}},
		check:   "sim/levels TestFirstRosterLost", breaks: "instances were founded until one stood",
	},
	{
		name: "who is about to be let in is forgotten with the next view that is decided",
		patches: []patch{{"record.go",
			"n.recordVoters(epoch, members, l.view.New.Or(l.adm.joiners), append",
			"n.recordVoters(epoch, members, Bitmap{}, append"}},
		check: "levels", breaks: "G3", opening: "four groups, the founder lost its memory", seeds: "200",
	},
	{
		name:    "a founder that does not lead forgets who is about to be let in",
		patches: []patch{{"record.go", "	return n.record.Joiners\n", "	return nil\n"}},
		check:   "../control TestRecordKeepsJoiners", breaks: "Joiners:[]",
	},
	{
		name:    "whoever stood goes on asking while somebody beats",
		patches: []patch{{"candidate.go", "case n.reg.BeatAt > c.began && (c.prior == 0 || c.prepares > 4):", "case false:"}},
		check:   "../control TestCampaignEnds", breaks: "asks for promises while the leader beats",
	},
	{
		name:    "a new leader takes back the epoch that was told with the lease above",
		patches: []patch{{"lease.go", "now < r.UpperUntil && a.Epoch < r.Epoch", "false"}},
		check:   "../control TestEarlierEpoch", breaks: "and the upper lease ends",
	},
	{
		name:    "whoever sees that its slot was given to another stays",
		patches: []patch{{"join.go", "n.reg.State == RegisterMember && n.givenAway(m.Roster)", "false"}},
		check:   "sim TestSlotGivenAgain", breaks: "G4 at ",
	},
	{
		name:    "registers of another instance tell of epochs",
		patches: []patch{{"content.go", "r.State == RegisterMember && r.Instance == instance {", "r.State == RegisterMember {"}},
		check:   "../control TestOtherInstanceIsNoWitness", breaks: "refuted: true",
	},
	{
		name:    "a group below the top that is formed anew gives the generations that it gave before",
		patches: []patch{{"generation.go", "if !n.below.top {", "if false {"}},
		check:   "sim/levels TestBranchForgets", breaks: "G1: ",
	},
	{
		name:    "who leads a group of a branch that is lost can not be named to form that anew",
		patches: []patch{{"represent.go", "for l := level + 1; l <= h.cfg.Top; l++ {", "for l := level + 1; l <= 1; l++ {"}},
		check:   "sim/levels TestBranchLost", breaks: "do not agree within",
	},
	{
		name:    "a later generation takes the slot of the earlier one at once",
		patches: []patch{{"generation.go", "seat != nil && seat.Below.Generation() < p.below.Generation()", "seat == nil"}},
		check:   "../control TestLaterGenerationWaits", breaks: "it takes the slot at once",
	},
	{
		name:    "a slot that is given again is heard before an epoch holds that it was nobody's",
		patches: []patch{{"vouch.go", "n.seatedSince(s) > known+1", "n.seatedSince(s) > known+100"}},
		check:   "../control TestHeardOnceVouched", breaks: "no epoch is known: [0 0 0 0]",
	},
	{
		name:    "a host that comes into a later instance keeps its registers of the one before",
		patches: []patch{{"host.go", "h.in.Registers[p].Instance < latest", "latest == 0"}},
		check:   "../control TestOneInstanceAHost", breaks: "keeps its register",
	},
}

// closedForAll has whoever closed an instance close it for those who went on without it.
var closedForAll = patch{"record.go",
	"r.Epoch, r.Voters, r.Joiners, r.Closed = o.Epoch, o.Voters, nil, false\n		}\n",
	"r.Epoch, r.Voters, r.Joiners = o.Epoch, o.Voters, nil\n		}\n		r.Closed = r.Closed || o.Closed\n"}
