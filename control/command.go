package control

import "time"

// CommandKind names what an agent may do to its register and tally.
type CommandKind uint32

// The commands. Whoever holds the register (the kernel plane's command program, the socket
// plane, the simulator) carries them out in one step each.
const (
	// CommandVacate leaves the group: the register forgets everything and belongs to a new
	// incarnation, Command.Incarnation, which the plane draws.
	CommandVacate CommandKind = 1
	// CommandJoin gives a vacant register its place: Cluster, Instance, Level, Group, Slot.
	CommandJoin CommandKind = 2
	// CommandHold sets the roster versions held: Rosters.
	CommandHold CommandKind = 3
	// CommandAsk says what the tally collects: Ballot, Preparing, Seq, New, Old, WindowNS.
	// Another ballot or phase forgets all answers (of another phase not when they came), another
	// seq the votes. Ballot zero stops. Beats end.
	CommandAsk CommandKind = 4
	// CommandKeys says which keys the host holds: Keys, Newest, and Key, which signs until the
	// register has taken a beat.
	CommandKeys CommandKind = 5
	// CommandReport says what the register's echoes tell of the group that this host leads one
	// level below: Below.
	CommandReport CommandKind = 6
	// CommandBeat asks the same by beats, one an interval from now on (Tally.Beat), which say
	// Beats; with Now one leaves at once. It is refused, and changes nothing, when anybody in
	// Silent was heard after Since, or the kernel of anybody in Stale told of an agent that is back
	// within Beats.GraceNS: whoever decided on it did not know. Nor is it carried out under a ballot
	// whose last beat has left (FlagAway).
	CommandBeat CommandKind = 7
)

// Command is one order of an agent to its register and tally. It has the layout of struct
// rc_command in bpf/order.h.
type Command struct {
	Kind        CommandKind
	Preparing   uint32
	Now         uint32 // 1: a beat leaves at once
	_           uint32
	Cluster     uint64
	Incarnation uint64
	Instance    uint32
	Group       uint16
	Slot        uint16
	Level       uint8
	Seat        uint8 // with Level, the place whose register is meant
	Key         uint8
	Newest      uint8
	_           [4]uint8
	Keys        KeyIDs
	Ballot      Ballot
	Seq         uint64
	WindowNS    uint64
	New         Bitmap
	Old         Bitmap
	Rosters     [HeldRosters]uint64
	Below       Report
	Beats       Beats
	Silent      Bitmap // whom it leaves out because they did not answer
	Stale       Bitmap // … because their agents are silent
	Since       Time
}

// Place is the one whose register, and whose level's tally, the command is for.
func (c *Command) Place() Place { return Place(c.Level*2 + c.Seat) }

// Apply carries out one command.
func Apply(c *Command, r *Register, t *Tally) {
	switch c.Kind {
	case CommandVacate:
		r.apply(c)
		if c.Place().Votes() { // the others never ask
			t.ask(&Command{})
		}
	case CommandAsk, CommandBeat:
		t.ask(c)
	default:
		r.apply(c)
	}
}

func (r *Register) apply(c *Command) {
	switch c.Kind {
	case CommandVacate:
		*r = Register{
			Version: r.Version, Incarnation: c.Incarnation, Key: r.Key, Newest: r.Newest, Keys: r.Keys,
			AgentAt: r.AgentAt, Health: r.Health, Orphaned: r.Orphaned,
		}
	case CommandJoin:
		if r.State != RegisterVacant {
			return
		}
		r.State = RegisterJoining
		r.Cluster, r.Instance = c.Cluster, c.Instance
		r.Level, r.Group, r.Slot = c.Level, c.Group, c.Slot
	case CommandHold:
		r.Rosters = c.Rosters
	case CommandReport:
		r.Below = c.Below
	case CommandKeys:
		r.Keys, r.Newest = c.Keys, c.Newest
		if r.BeatBallot == 0 {
			r.Key = c.Key
		}
	}
}

func (t *Tally) ask(c *Command) {
	if t.disproves(c) {
		return
	}
	another := c.Ballot != t.Ballot || c.Preparing != t.Preparing
	if t.Away != 0 && !another {
		return
	}
	if another {
		t.forget(c.Ballot == t.Ballot)
	}
	if another || c.Seq != t.Seq {
		t.Votes, t.Latest, t.Quorate, t.Proposed = Bitmap{}, 0, 0, 0
	}
	enter := c.New.Minus(t.New)
	for s := enter.First(); s < Slots; s = enter.Next(s + 1) {
		t.Heard[s].Entered = t.Round
	}
	t.Ballot, t.Preparing, t.Seq = c.Ballot, c.Preparing, c.Seq
	t.New, t.Old, t.WindowNS, t.Beats = c.New, c.Old, c.WindowNS, c.Beats
	switch {
	case c.Kind != CommandBeat:
		t.Beating, t.Ordered = 0, 0
	case c.Now != 0:
		t.Beating, t.Ordered = 1, 1
	default:
		t.Beating = 1
	}
}

// disproves reports whether somebody gave a sign of life that the order does not know of.
func (t *Tally) disproves(c *Command) bool {
	for s := c.Silent.First(); s < Slots; s = c.Silent.Next(s + 1) {
		if h := &t.Heard[s]; c.Since.Before(h.EchoAt) || c.Since.Before(h.AnswerAt) {
			return true
		}
	}
	for s := c.Stale.First(); s < Slots; s = c.Stale.Next(s + 1) {
		if uint64(t.Heard[s].AgentAgeMS)*uint64(time.Millisecond) <= c.Beats.GraceNS {
			return true
		}
	}
	return false
}

// forget begins anew; of the same ballot it stays known who answered the prepare, and so is there.
func (t *Tally) forget(sameBallot bool) {
	t.Round, t.Outbid, t.Promises, t.Away = 0, 0, Bitmap{}, 0
	t.Suspects, t.Fallen, t.QuorumAt, t.Attended, t.ReportAt = Bitmap{}, Bitmap{}, 0, 0, 0
	t.DueAt, t.Counted, t.CountedAt = 0, 0, 0
	t.Relayed, t.Doubtful, t.Helpers = Bitmap{}, Bitmap{}, Bitmap{}
	for i := range t.Heard {
		h := &t.Heard[i]
		kept := Heard{AnswerAt: h.AnswerAt}
		if sameBallot {
			kept.EchoAt = h.EchoAt
		}
		*h = kept
	}
}

// Deliver hands an ask of this node's own to its own register and the answer to its own
// tally: a leader votes, and a candidate promises, by the rule that holds for everybody.
// It must come before the ask leaves for the others, so that no answer is ahead of it.
func Deliver(now Time, r *Register, t *Tally, f Frame) Outcome {
	f.Rail = noRail
	o := r.Receive(now, &f)
	if o.Reply {
		o.Wake |= t.Receive(now, &f).Wake
	}
	return o
}
