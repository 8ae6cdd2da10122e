package control

import "testing"

// TestRebooted: which requests prove that a member's host was rebooted. The member is of boot 2.
func TestRebooted(t *testing.T) {
	at := func(boot uint32) Peer { return peer("a", IncarnationOf(boot, 7)) }
	elsewhere := at(3)
	elsewhere.RPC = "b:7746"
	for name, c := range map[string]struct {
		asks    Peer                             // and is asked back
		answers func(q, earlier Inquiry) Inquiry // to the question, or to one before this member
		want    bool
	}{
		"the node, asked back":            {at(3), func(q, _ Inquiry) Inquiry { return q }, true},
		"the node, unasked":               {at(3), func(_, _ Inquiry) Inquiry { return Inquiry{} }, false},
		"to a question about one before":  {at(3), func(_, earlier Inquiry) Inquiry { return earlier }, false},
		"to another's question":           {at(3), func(q, _ Inquiry) Inquiry { q.At++; return q }, false},
		"to an earlier leader's question": {at(3), func(q, _ Inquiry) Inquiry { q.Ballot--; return q }, false},
		"one whose register was given up": {peer("a", IncarnationOf(2, 8)), func(q, _ Inquiry) Inquiry { return q }, false},
		"one that does not know its boot": {at(0), func(q, _ Inquiry) Inquiry { return q }, false},
		"another node of that name":       {elsewhere, func(q, _ Inquiry) Inquiry { return q }, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := voter(Config{Self: Peer{Name: "leader"}})
			n.lead.ballot = NewBallot(1, 4, 0)
			n.now = 100
			before := Seat{Slot: 3, Peer: at(1)}
			earlier := n.inquire(&before, &Peer{Name: "a", RPC: before.RPC, Incarnation: IncarnationOf(2, 7)})
			n.now = 200
			member := Seat{Slot: 3, Peer: at(2)}
			late := Message{Kind: MessageJoin, From: at(1), Inquiry: earlier}
			if n.rebooted(&member, &late) {
				t.Error("a late answer about its predecessor accuses the member")
			}
			m := Message{Kind: MessageJoin, From: c.asks}
			m.Inquiry = c.answers(n.inquire(&member, &c.asks), earlier)
			if got := n.rebooted(&member, &m); got != c.want {
				t.Errorf("proof: %v, want %v", got, c.want)
			}
		})
	}
}
