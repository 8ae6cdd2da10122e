package mutants

// mutants are the rules of package control, broken one at a time.
var mutants = []mutant{
	{
		name: "no old quorum: a view commits without one",
		patches: []patch{{"tally.go",
			"Decides(f.Level, t.Votes, t.Old) && Decides(f.Level, t.Votes, t.New)",
			"Decides(f.Level, t.Votes, t.New)"}},
		check: "walks", breaks: "G1", seeds: "2000",
	},
	{
		name: "no old quorum, in all orders of events",
		patches: []patch{{"tally.go",
			"Decides(f.Level, t.Votes, t.Old) && Decides(f.Level, t.Votes, t.New)",
			"Decides(f.Level, t.Votes, t.New)"}},
		check: "search", breaks: "G1", opening: "three, the third comes in",
	},
	{
		name: "no old quorum: a candidate is elected without one",
		patches: []patch{{"candidate.go",
			"n.decides(promises, a.New) && (known || n.decides(promises, a.Old))",
			"n.decides(promises, a.New)"}},
		check: "walks", breaks: "G1", opening: "three, two stand while one is being removed", from: "2500", seeds: "20000",
	},
	{
		name: "any half counts as a quorum",
		patches: []patch{{"quorum.go",
			"2*h == n && n > 0 && have.Has(of.First())",
			"2*h == n && n > 0"}},
		check: "walks", breaks: "G1", seeds: "2000",
	},
	{
		name: "fused prepare-and-accept: a prepare carries a view, which is accepted with the promise",
		patches: []patch{
			{"candidate.go",
				"f := Frame{Kind: KindPrepare, To: ToAll, Ballot: c.ballot, Round: uint64(c.prepares + 1)}",
				`f := Frame{Kind: KindPrepare, To: ToAll, Ballot: c.ballot, Round: uint64(c.prepares + 1)}
	if a := n.reg.Accepted; true {
		f.Ask = Ask{Seq: a.Seq, Digest: a.Digest, Roster: a.Roster, New: a.New, Old: a.Old}
	}`},
			{"register.go",
				"	r.reply(now, f, KindPromise)\n	return o",
				`	a, b := f.Ask, f.Ballot
	r.reply(now, f, KindPromise)
	if o.Reason == ReasonPromised && r.Accepted.Ballot < b && r.Holds(a.Roster) {
		r.Accepted = Proposal{Ballot: b, Seq: a.Seq, Digest: a.Digest, Roster: a.Roster, New: a.New, Old: a.Old}
	}
	return o`},
		},
		check: "walks", breaks: "G1", seeds: "2000",
	},
	{
		name: "votes counted with the wrong incarnation: echoes of who holds a roster in which its slot is another's",
		patches: []patch{
			{"tally.go",
				"	if f.Reply.Incarnation != m.Expected {\n		return Outcome{Reason: ReasonStranger}\n	}\n	byRail",
				"	byRail"},
			{"join.go", "n.reg.State == RegisterMember && n.givenAway(m.Roster)", "false"},
		},
		check: "sim TestSlotGivenAgain", breaks: "G1 at ",
	},
	{
		name: "echoes of the wrong incarnation are heard",
		patches: []patch{{"tally.go",
			"	if f.Reply.Incarnation != m.Expected {\n		return Outcome{Reason: ReasonStranger}\n	}\n	byRail",
			"	byRail"}},
		check: "sim TestSpeaksForNobodyElse", breaks: "the new one is removed: did not happen",
	},
	{
		name:    "a lease is extended though the register does not know the decided view",
		patches: []patch{{"lease.go", "r.State == RegisterMember && r.abreast(f)", "r.State == RegisterMember"}},
		check:   "sim TestSlotGivenAgain", breaks: "G4 at ",
	},
	{
		name: "votes counted with the wrong incarnation: promises",
		patches: []patch{{"tally.go",
			"	if f.Reply.Incarnation != m.Expected {\n		return Outcome{Reason: ReasonStranger}\n	}\n	if t.Promises.Has(f.From)",
			"	if t.Promises.Has(f.From)"}},
		check: "walks", breaks: "G1", seeds: "5000",
	},
	{
		name: "stale ballots accepted: beats of one below the promised one are taken",
		patches: []patch{{"register.go",
			"	if f.Ballot < r.Promised {\n		r.reply(now, f, KindEcho)",
			"	if f.Ballot < r.Accepted.Ballot {\n		r.reply(now, f, KindEcho)"}},
		check: "walks", breaks: "G1", seeds: "2000",
	},
	{
		name: "a lease anchored at the arrival of the beat",
		patches: []patch{
			{"lease.go", "at = r.echoedAt(f.Round - 1)", "at = now"},
			{"lease.go", "at = r.echoedAt(f.Round - 2)", "at = now"},
		},
		check: "sim", breaks: "G4", seeds: "2000",
	},
	{
		name: "prepares promised while beats are fresh",
		patches: []patch{{"register.go",
			"return r.BeatAt != 0 && now.Since(r.BeatAt) < r.Calm()",
			"return false"}},
		check: "sim", breaks: "G4", from: "250", seeds: "2000",
	},
	{
		name: "heard bits without a quorum",
		patches: []patch{{"round.go",
			"if !t.decides(level, last) {",
			"if last.Empty() {"}},
		check: "sim", breaks: "G4", seeds: "2000",
	},
	{
		name:    "the cluster's lease handed down without its quorum",
		patches: []patch{{"round.go", "if !t.decides(level, last) {", "if level == 0 && !t.decides(level, last) {"}},
		check:   "sim/levels TestRootCutOff", breaks: "G4",
	},
	{
		name:    "whose agent is silent is removed while its lease runs",
		patches: []patch{{"stale.go", "if w.since[s] == 0 || !n.ended(w.since[s]) {", "if false {"}},
		check:   "sim", breaks: "G4", seeds: "2000",
	},
	// k rounds are so long that the waits for leases are seldom what holds a removal up. These
	// accuse after a single round, which alone must not break fencing: the waits do their part.
	{
		name:    "a single missed round accuses",
		patches: eager,
		check:   "sim", breaks: "G4", seeds: "200", harmless: true,
	},
	{
		name: "removal before the wait is over, where a single missed round accuses",
		patches: append([]patch{{"away.go",
			"(at == 0 || now.Since(at) >= length*5/4)",
			"true"}}, eager...),
		check: "sim", breaks: "G4", seeds: "2000",
	},
	{
		name: "a removal at once after a hand-over, where a single missed round accuses",
		patches: append([]patch{{"candidate.go",
			"	if c.prior != 0 {\n		n.lead.calmUntil",
			"	if false {\n		n.lead.calmUntil"}}, eager...),
		check: "sim", breaks: "G4", from: "120", seeds: "5000",
	},
	{
		name: "whose agent is silent is still heard",
		patches: []patch{{"round.go",
			"may := t.New.Minus(t.Withheld)",
			"may := t.New"}},
		check: "sim", breaks: "G4", seeds: "2000",
	},
	{
		name:    "rounds that nobody answered accuse",
		patches: []patch{{"sweep.go", "s.accusing &= answered", "_ = answered"}},
		check:   "sim", breaks: "G5", seeds: "100",
	},
	{
		name: "a leader beats on without a quorum",
		patches: []patch{
			{"round.go", "if s.lost || !t.mayBeat(now, r) {", "if !t.mayBeat(now, r) {"},
			{"detect.go", "if !s.lost {", "if true {"},
		},
		check: "sim TestLeaderDeaf", breaks: "leadership moves: did not happen",
	},
	{
		name: "the kernel beats on for an agent that is gone",
		patches: []patch{{"round.go",
			"now.Since(r.AgentAt) <= time.Duration(t.GraceNS)",
			"t.GraceNS > 0"}},
		check: "sim TestLeaderStale", breaks: "leadership moves: did not happen",
	},
	{
		name: "the kernel beats on while the fallen wait for an agent that does not look",
		patches: []patch{{"round.go",
			"if t.away(&s, r.AgentAt) {",
			"if false {"}},
		check: "sim TestLeaderAway", breaks: "the crash is decided on: did not happen",
	},
	{
		name: "the accused are removed though they answered the next leader",
		patches: []patch{
			{"away.go", "h.EchoAt == 0 && h.AnswerAt <= n.reg.BeatAt", "h != nil"},
			{"detect.go", "	if n.lives(slot) {\n		l.credit[slot] = 0", "	if n.lives(slot) && !l.accused.Has(slot) {\n		l.credit[slot] = 0"},
		},
		check: "sim", breaks: "G5", from: "250", seeds: "5000",
	},
	{
		name:    "who missed fewer than k rounds is accused",
		patches: []patch{{"away.go", "	doubtful := s.suspects.Minus(s.accused)", "	s.accused = s.suspects\n	doubtful := s.suspects.Minus(s.accused)"}},
		check:   "sim", breaks: "G5", from: "200", seeds: "2000",
	},
	{
		name: "beats go on under a ballot that was given up",
		patches: []patch{
			{"command.go", "if t.Away != 0 && !another {", "if false {"},
			{"leader.go", "case t.Ballot == l.ballot && t.Away != 0:", "case false:"},
		},
		check: "sim TestLeaderGivesUpForGood", breaks: "decided seq 4",
	},
	{
		name:    "nobody is asked again",
		patches: []patch{{"retry.go", "doubtful := turn(a.Doubtful, beat.Round, retryMost)", "doubtful := Bitmap{}"}},
		check:   "sim TestOneWayCuts", breaks: "n00 has no valid view",
	},
	{
		name:    "who answers through others only is asked directly again",
		patches: []patch{{"round.go", "s.doubtful.Or(t.Relayed).And(t.New)", "s.doubtful.And(t.New)"}},
		check:   "sim TestOneWayCuts", breaks: "n00 has no valid view",
	},
	{
		name:    "a leader that only some can reach keeps the lead",
		patches: []patch{{"leader.go", "n.ails() &&", "false &&"}},
		check:   "sim TestLeaderAils", breaks: "the lead moves: did not happen",
	},
	{
		name:    "silence accuses while most are in doubt",
		patches: []patch{{"detect.go", " && !unsure {", " {"}, {"detect.go", "	unsure := n.unsure()\n", ""}},
		check:   "sim TestLeaderLoses", breaks: "where 0 ails",
	},
	{
		name:    "silence accuses as soon as most are in no doubt",
		patches: []patch{{"detect.go", "n.tally.Round-l.dubiousAt < uint64(n.cfg.Rounds) &&", "n.tally.Round == l.dubiousAt &&"}},
		check:   "sim TestLeaderLoses", breaks: "where 0 ails",
	},
	{
		name:    "deputies probe directly only",
		patches: []patch{{"follow.go", "		n.probeAgain(others, probe)\n", ""}},
		check:   "sim TestSuccessorOneWay", breaks: "removals [{",
	},
	{
		name: "an order to remove whose agent is silent is carried out though that is back",
		patches: []patch{{"command.go",
			"<= c.Beats.GraceNS {",
			"<= c.Beats.GraceNS && c.Kind == 0 {"}},
		check: "../control TestApplyBeatStale", breaks: "an agent silent for 2000 ms: refused false",
	},
	{
		name: "a late request of an earlier incarnation accuses",
		patches: []patch{{"rebooted.go",
			"m.Inquiry != (Inquiry{}) && m.Inquiry == q.Inquiry && q.incarnation == member.Incarnation &&",
			"q.At <= n.now &&"}},
		check: "sim TestLateRequest", breaks: "G5",
	},
	{
		name: "leaders of groups vote above level 0",
		patches: []patch{{"quorum.go",
			"if level == 0 {",
			"if level < Levels {"}},
		check: "sim/levels TestSeatsDecide", breaks: "hosts do not agree within",
	},
	{
		name: "who recovers goes on in the generation that lost its quorum",
		patches: []patch{{"decree.go",
			"n.begin(NewBallot(n.reg.Promised.Generation()+1, 1, n.reg.Slot)",
			"n.begin(NewBallot(n.reg.Promised.Generation(), n.reg.Promised.Term()+1, n.reg.Slot)"}},
		check: "sim/levels TestRecover", breaks: "G3",
	},
	{
		name: "who is taken along into a later generation is thought to be taking its roster yet",
		patches: []patch{{"detect.go",
			"return l.began == 1 && l.view.Seq == 1 &&",
			"return l.began != 0 && l.view.Seq == l.began &&"}},
		check: "sim/levels TestRecover", breaks: "hosts do not agree within 2s",
	},
	{
		name:    "what founders wait for is forgotten before they are asked again",
		patches: []patch{{"waiting.go", "time.Duration(2+len(c.Contacts)) * askMost", "2 * askMost"}},
		check:   "sim/levels TestStartsApart", breaks: "a founder: none of 3 answers",
	},
	{
		name: "votes of leaders of groups count above level 0",
		patches: []patch{{"tally.go",
			"Decides(f.Level, t.Votes, t.Old) && Decides(f.Level, t.Votes, t.New)",
			"Decides(0, t.Votes, t.Old) && Decides(0, t.Votes, t.New)"}},
		check: "levels", breaks: "G1", opening: "three groups of one stand", seeds: "1000",
	},
	{
		name:    "a group keeps two seats",
		patches: []patch{{"stale.go", ".Or(n.surplus())", ""}},
		check:   "sim/levels TestOneSeatAGroup", breaks: "not one seat a group",
	},
	{
		name: "a group is decreed before that is decided",
		patches: []patch{
			{"lookafter.go", "if !n.lead.decided || h.now.Before(h.pushAt) {", "if h.now.Before(h.pushAt) {"},
			{"lookafter.go", "t == nil || t.Heard[s].Answered == 0 || t.Members", "t == nil || t.Members"},
			{"route.go", "if ours && h.appointed(m) {", "if ours {"},
		},
		check: "levels", breaks: "G1", opening: "two groups of two, one is given to the other member when its leader comes back", seeds: "2000",
	},
	{
		name:    "a generation is begun again by who lost its part in it",
		patches: []patch{{"orphan.go", "|| reg.Below.Generation >= uint16(m.Version) {", "{"}},
		check:   "../control TestDecreeObeyedOnce", breaks: "obeyed true",
	},
	{
		name:    "founders found whatever most of the voters of the last instance hold",
		patches: []patch{{"found.go", "	for _, old := range known.living(n.found.abandoned) {\n		voters := 0\n", "	for _, old := range known.living(known.Instance) {\n		voters := 0\n"}},
		check:   "levels", breaks: "G3", opening: "four groups, the founder lost its memory", seeds: "2000",
	},
	{
		name: "a root gives a generation again",
		patches: []patch{{"generation.go",
			"first = max(first, int(seat.Below.Generation())+1)",
			"first = max(first, int(seat.Below.Generation()))"}},
		check: "levels", breaks: "G1", seeds: "2000",
	},
	{
		name: "a root uses the number of an epoch again whose content it does not know",
		patches: []patch{{"leader.go",
			"	seq := l.view.Seq + 1\n",
			"	seq := l.view.Seq + 1\n	if n.below != nil && n.below.base == nil {\n		seq--\n	}\n"}},
		check: "levels", breaks: "G1", opening: "three groups, the root is lost and another begins", seeds: "2000",
	},
	{
		name: "a root goes on from what it remembers of the groups",
		patches: []patch{{"vector.go",
			"		if v.base == nil {\n			if r := told(s)",
			"		if false {\n			if r := told(s)"}},
		check: "levels", breaks: "G4", seeds: "4000",
	},
	{
		name: "beats of an old generation are taken",
		patches: []patch{{"register.go",
			"	if f.Ballot < r.Promised {\n		r.reply(now, f, KindEcho)",
			"	if f.Ballot<<16 < r.Promised<<16 {\n		r.reply(now, f, KindEcho)"}},
		check: "levels", breaks: "G9", seeds: "2000",
	},
	{
		name: "a group is given to another while its leader has its slot, and at once",
		patches: []patch{
			{"orphan.go", "if n.lead.inView().Or(n.lead.adm.joiners).Has(slot) {", "if n.lead.inView().Or(n.lead.adm.joiners).Has(slot) && m.Standing.Ballot == 0 {"},
			{"orphan.go", "n.lead.adm.roster != nil || n.lead.inView().Has(slot) {", "n.lead.adm.roster != nil || n.lead.inView().Has(slot) && those[0].standing.Ballot == 0 {"},
			{"orphan.go", "|| h.formed(o.level, o.group) })", "|| h.formed(o.level, o.group) && o.standing.Ballot == 0 })"},
			{"generation.go", "return seat != nil && seat.Below.Generation() < p.below.Generation()", "return seat == nil"},
		},
		check: "levels", breaks: "G4", opening: "two groups of three, one member hears nobody of its group", from: "700", seeds: "2000",
	},
	{
		name: "an agent that was started shows whatever it is told first",
		patches: []patch{{"content.go",
			"if c.shown == nil && c.current.Epoch() < c.known {",
			"if false {"}},
		check: "levels", breaks: "G2", seeds: "2000",
	},
}

var eager = []patch{
	{"detect.go", "if missed >= half(k) {", "if missed >= 1 {"},
	{"detect.go", "		if missed < k {", "		if missed < min(1, k) {"},
	{"sweep.go", "if missed >= half(k) {", "if missed >= 1 {"},
	{"sweep.go", "if missed >= k {", "if missed >= min(1, k) {"},
}
