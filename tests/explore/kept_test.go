package explore

// kept are rules that came of a failure which a simulator or an explorer found, each undone: the stored
// run that failed does so again, or seeds find another like it. Those of the table of mutants that came so, too,
// are not repeated.
var kept = []mutant{
	{
		name: "an order to remove whoever was heard since is carried out",
		patches: []patch{{"command.go",
			"c.Since.Before(h.EchoAt) || c.Since.Before(h.AnswerAt)",
			"h.EchoAt == 1"}},
		check: "stored", run: "echo-before-order.json",
	},
	{
		name: "who fell is removed though it answered before the cut",
		patches: []patch{{"detect.go",
			"if !l.certain.Has(s) && !l.suspects.Has(s) {",
			"if false {"}},
		check: "stored", run: "answer-before-cut.json",
	},
	{
		name: "a founder alone in the list of contacts asks nobody whom its seat knows",
		patches: []patch{
			{"orphan.go", "if to := h.upward(0); to != \"\" {", "if to := h.upward(0); to == \".\" {"},
			{"join.go", "	for _, v := range n.topVoters {\n		add(v.RPC)\n	}\n", ""},
		},
		check: "sim/levels TestSeeds", seeds: "100",
	},
	{
		name:    "a leader above does not hear its own host's claim",
		patches: []patch{{"host.go", "n.leaderHere = p.Level() > 0 &&", "n.leaderHere = false && p.Level() > 0 &&"}},
		check:   "sim/levels TestStalledAgentsLoseNobody",
	},
}
