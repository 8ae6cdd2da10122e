package levels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rollcall/control"
)

// cluster is a world in which a whole cluster stands.
func cluster(t *testing.T, o Options) *World {
	t.Helper()
	w := New(t, o)
	if *trace {
		w.Trace = func(line string) { fmt.Println(line) }
	}
	for _, h := range w.hosts {
		h.boot()
	}
	w.Stand(w.hosts, 60*time.Second)
	// until the seats are filled
	w.Run(10*time.Second, func() bool { return w.seats() == min(len(o.Groups), 7) })
	w.Run(2*time.Second, nil)
	w.Stand(w.hosts, 5*time.Second)
	return w
}

// seats counts those who vote at the top, as its leader sees it.
func (w *World) seats() int {
	root := w.leader(w.Top, 0)
	if root == nil {
		return 0
	}
	n := 0
	members := root.regs[2*w.Top+1].Committed.Members
	for s := members.Next(248); s < 256; s = members.Next(s + 1) {
		n++
	}
	return n
}

// without are the hosts that are not among those.
func (w *World) without(gone ...*host) (l []*host) {
	for _, h := range w.hosts {
		if !slices.Contains(gone, h) {
			l = append(l, h)
		}
	}
	return l
}

// crash switches hosts off at once, and waits for the epoch without them; it tells after how many
// intervals, and how many epochs were installed meanwhile.
func (w *World) crash(within time.Duration, gone ...*host) (intervals float64, epochs int) {
	w.t.Helper()
	clear(w.ledger.leftOut)
	before, at := w.Epochs, w.now
	for _, h := range gone {
		h.crash()
	}
	w.Stand(w.without(gone...), within)
	return float64(w.now-at) / float64(w.Interval), w.Epochs - before
}

// lose is a crash that everybody has to know of after at most so many intervals and epochs, none of
// them without somebody who lives.
func (w *World) lose(intervals float64, epochs int, gone ...*host) {
	w.t.Helper()
	took, n := w.crash(30*time.Second, gone...)
	if took > intervals || n > epochs {
		w.t.Errorf("told everywhere after %.2f intervals, in %d epochs; want at most %v and %d", took, n, intervals, epochs)
	}
	if len(w.ledger.leftOut) > 0 {
		w.t.Errorf("left out that live, by epoch: %v", w.ledger.leftOut)
	}
}

func TestFound(t *testing.T) {
	w := cluster(t, Story(3, 4))
	if w.seats() != 3 {
		t.Errorf("%d seats, want one in each of three groups", w.seats())
	}
	for _, h := range w.hosts {
		if r := &h.regs[0]; r.Epoch != h.view.Epoch() || r.EpochDigest != h.view.Hash() {
			t.Errorf("%s is told of epoch %d, digest %x; it shows %d, %x", h.name, r.Epoch, r.EpochDigest, h.view.Epoch(), h.view.Hash())
		}
	}
	t.Logf("stands after %v: epoch %d, %d frames, %d letters", w.now, w.hosts[0].view.Epoch(), w.Frames, w.Letters)
}

// TestRests: where nothing happens nobody steps but for housekeeping, the root no more than others.
func TestRests(t *testing.T) {
	const seconds = 10
	w := cluster(t, Story(3, 4))
	before := w.Steps
	w.Run(seconds*time.Second, nil)
	if n := w.Steps - before; n > seconds*len(w.hosts)*5/4 {
		t.Errorf("%d hosts took %d steps in %d s", len(w.hosts), n, seconds)
	}
}

// TestBootsWithoutSpinning: while a cluster boots nobody steps much more often than it is told
// something, though the root has no group yet and is the one to form it.
func TestBootsWithoutSpinning(t *testing.T) {
	w := New(t, Story(3, 4))
	for _, h := range w.hosts {
		h.boot()
	}
	w.Stand(w.hosts, 60*time.Second)
	seconds := int(w.now/time.Second) + 1
	t.Logf("%d steps, %d letters, %d s", w.Steps, w.Letters, seconds)
	if most := 3*w.Letters + 5*seconds*len(w.hosts); w.Steps > most {
		t.Errorf("%d hosts took %d steps for %d letters in %d s, want at most %d", len(w.hosts), w.Steps, w.Letters, seconds, most)
	}
}

// TestFoundInAnyOrder: hosts that come long after each other, founders last.
func TestFoundInAnyOrder(t *testing.T) {
	w := New(t, Story(3, 4))
	for _, h := range slices.Backward(w.hosts) {
		h.boot()
		w.Run(7*time.Second, nil)
	}
	w.Stand(w.hosts, 60*time.Second)
}

// TestEpochsWhileBooting: whatever the order of starts, the root lets in at once all who asked within a
// second: an epoch that nobody leaves comes no sooner than a second after the one before.
func TestEpochsWhileBooting(t *testing.T) {
	for seed := range uint64(4) {
		o := Story(12, 4)
		o.Seed = seed
		w := New(t, o)
		random := rand.New(rand.NewPCG(seed, 1))
		epochs, last := 0, -time.Second
		w.Decided = func(level uint8, p control.Proposal) {
			if level == 0 {
				return
			}
			epochs++
			if p.Old.Minus(p.New).Empty() && w.now-last < time.Second {
				t.Errorf("seed %d: epoch %d at %v, the one before at %v", seed, p.Seq, w.now, last)
			}
			last = w.now
		}
		for _, i := range random.Perm(len(w.hosts)) {
			w.hosts[i].boot()
			w.Run(time.Duration(random.Int64N(int64(time.Second))), nil)
		}
		w.Stand(w.hosts, 60*time.Second)
		w.Run(15*time.Second, nil) // until the seats are filled
		t.Logf("seed %d: %d epochs, the last after %v; %d seats", seed, epochs, last, w.seats())
		if w.seats() != 7 {
			t.Errorf("seed %d: %d seats of 7", seed, w.seats())
		}
	}
}

func TestMemberCrash(t *testing.T) {
	w := cluster(t, Story(3, 4))
	victim := w.in(1)[3]
	if victim == w.leader(0, 1) {
		victim = w.in(1)[2]
	}
	w.lose(6.5, 1, victim)
	victim.boot()
	w.Stand(w.hosts, 20*time.Second)
}

func TestLeaderCrash(t *testing.T) {
	w := cluster(t, Story(3, 4))
	root := w.leader(1, 0)
	victim := w.leader(0, (root.group+1)%3)
	w.lose(9, 2, victim)
	victim.boot()
	w.Stand(w.hosts, 20*time.Second)
}

func TestRootCrash(t *testing.T) {
	w := cluster(t, Story(3, 4))
	root := w.leader(1, 0)
	w.lose(14, 3, root)
	root.boot()
	w.Stand(w.hosts, 20*time.Second)
}

func TestRootAndDeputyCrash(t *testing.T) {
	w := cluster(t, Story(5, 3))
	root := w.leader(1, 0)
	var deputy *host
	for _, h := range w.hosts {
		if r := &h.regs[3]; h != root && r.State != 0 && (deputy == nil || r.Slot < deputy.regs[3].Slot) {
			deputy = h
		}
	}
	w.lose(16, 3, root, deputy)
	root.boot()
	deputy.boot()
	w.Stand(w.hosts, 20*time.Second)
}

// TestSeatsDecide: of two sides the one with most seats goes on, though most groups, and the root,
// are on the other: leaders of groups do not vote.
func TestSeatsDecide(t *testing.T) {
	const groups = 12
	w := cluster(t, Story(groups, 3))
	root := w.leader(1, 0)
	seats, voters := w.seats(), 0
	there := map[uint16]bool{}
	for _, h := range w.hosts {
		if h.regs[3].State != 0 && h.group != root.group && !there[h.group] && 2*voters <= seats {
			there[h.group] = true
			voters++
		}
	}
	if 2*voters <= seats || 2*(voters+len(there)) >= seats+groups {
		t.Fatalf("%d of %d seats and %d of %d groups", voters, seats, len(there), groups)
	}
	var rest, gone []*host
	for _, h := range w.hosts {
		if there[h.group] {
			h.side = 1
			rest = append(rest, h)
		} else {
			gone = append(gone, h)
		}
	}
	w.Stand(rest, 60*time.Second)
	for _, h := range gone {
		if h.regs[0].Valid(h.clock()) {
			t.Errorf("%s trusts its view on the side of few seats", h.name)
		}
	}
	for _, h := range rest {
		h.side = 0
	}
	w.Stand(w.hosts, 60*time.Second)
}

func TestGroupCrash(t *testing.T) {
	w := cluster(t, Story(4, 3))
	root := w.leader(1, 0)
	group := w.in((root.group + 1) % 4)
	w.lose(18, 1, group...)
	for _, h := range group {
		h.boot()
	}
	w.Stand(w.hosts, 30*time.Second)
}

// TestHalfTheGroupsCrash: of four groups two are gone at once, with half of the seats, so that most do not answer the
// leader of the top: it does not pass the lead on before it may remove them, whatever the interval.
func TestHalfTheGroupsCrash(t *testing.T) {
	o := Story(4, 2)
	o.Interval = 100 * time.Millisecond
	w := cluster(t, o)
	root := w.leader(1, 0)
	var gone, rest []*host
	for _, h := range w.hosts {
		if (h.group-root.group+4)%4 >= 2 {
			gone = append(gone, h)
		} else {
			rest = append(rest, h)
		}
	}
	for _, h := range gone {
		h.crash()
	}
	w.Stand(rest, 10*time.Second)
}

// TestRootsGroupCrash: the group that the root belongs to dies with it.
func TestRootsGroupCrash(t *testing.T) {
	w := cluster(t, Story(4, 3))
	group := w.in(w.leader(1, 0).group)
	w.lose(18, 1, group...)
	for _, h := range group {
		h.boot()
	}
	w.Stand(w.hosts, 30*time.Second)
}

// TestHalfGroupCrash: those left have no quorum, and are a group again by decree, as the same
// incarnations.
func TestHalfGroupCrash(t *testing.T) {
	w := cluster(t, Story(3, 4))
	root := w.leader(1, 0)
	group := w.in((root.group + 1) % 3)
	var gone []*host
	lead := w.leader(0, group[0].group)
	gone = append(gone, lead)
	for _, h := range group {
		if h != lead && len(gone) < 2 && h.regs[0].Slot == 0 || h != lead && len(gone) < 2 && lead.regs[0].Slot == 0 {
			gone = append(gone, h)
		}
	}
	left := slices.DeleteFunc(slices.Clone(group), func(h *host) bool { return slices.Contains(gone, h) })
	var was []uint64
	for _, h := range left {
		was = append(was, h.regs[0].Incarnation)
	}
	intervals, epochs := w.crash(60*time.Second, gone...)
	t.Logf("told everywhere after %.2f intervals, in %d epochs; left out, by epoch: %v", intervals, epochs, w.ledger.leftOut)
	// Without the group, with who forms it anew, with what it is then; the first and the second are without those left.
	if epochs != 3 || intervals > 50 || len(w.ledger.leftOut) != 2 {
		t.Errorf("%.2f intervals, %d epochs, left out %v", intervals, epochs, w.ledger.leftOut)
	}
	for i, h := range left {
		if h.regs[0].Incarnation != was[i] || h.regs[0].Promised.Generation() != 2 {
			t.Errorf("%s has ballot %v, incarnation %x, was %x", h.name, h.regs[0].Promised, h.regs[0].Incarnation, was[i])
		}
	}
	for _, h := range gone {
		h.boot()
	}
	w.Stand(w.hosts, 30*time.Second)
}

// TestGroupCutOff: it goes on by itself and nothing there is valid; healed, it is back as it was.
func TestGroupCutOff(t *testing.T) {
	w := cluster(t, Story(4, 3))
	root := w.leader(1, 0)
	group := w.in((root.group + 1) % 4)
	var was []uint64
	for _, h := range group {
		h.side = 1
		was = append(was, h.regs[0].Incarnation)
	}
	w.Stand(w.without(group...), 30*time.Second)
	for _, h := range group {
		if h.regs[0].Valid(h.clock()) || h.regs[0].LeaseUntil < h.clock() {
			t.Errorf("cut off: %s", h.describe())
		}
		if s := h.agent.Status(h.clock(), &h.regs); s.Group.Awaiting == "" {
			t.Errorf("%s does not say that it is isolated", h.name)
		}
	}
	for _, h := range group {
		h.side = 0
	}
	w.Stand(w.hosts, 30*time.Second)
	for i, h := range group {
		if h.regs[0].Incarnation != was[i] {
			t.Errorf("%s is another incarnation", h.name)
		}
	}
}

// TestSplitGroup: half of a group is cut off with its leader, the other half is formed anew; when
// the network is whole again there is one group.
func TestSplitGroup(t *testing.T) {
	w := cluster(t, Story(3, 5))
	root := w.leader(1, 0)
	group := w.in((root.group + 1) % 3)
	lead := w.leader(0, group[0].group)
	away := []*host{lead}
	for _, h := range group {
		if h != lead && len(away) < 3 {
			away = append(away, h)
		}
	}
	for _, h := range away { // with a quorum of the group
		h.side = 1
	}
	w.Stand(w.without(away...), 60*time.Second)
	for _, h := range away {
		h.side = 0
	}
	w.Stand(w.hosts, 60*time.Second)
}

func TestAgentsRestarted(t *testing.T) {
	w := cluster(t, Story(3, 3))
	epoch := w.hosts[0].view.Epoch()
	for _, h := range w.hosts {
		h.kill()
		h.start()
	}
	w.Stand(w.hosts, 20*time.Second)
	t.Logf("epoch %d, then %d", epoch, w.hosts[0].view.Epoch())
}

// TestThreeLevels: groups of two branches.
func TestThreeLevels(t *testing.T) {
	o := Story(0, 2)
	o.Groups, o.Founders, o.Top = []uint16{0, 1, 248, 249, 500}, 3, 2
	w := cluster(t, o)
	victim := w.in(249)[1]
	if victim == w.leader(0, 249) {
		victim = w.in(249)[0]
	}
	w.lose(8, 1, victim)
}

// TestBranchLeaderCrash: who leads a group of level 1 that is not the top leads one of its groups as
// well. Their next leaders have to know each other before anything can be decided there.
func TestBranchLeaderCrash(t *testing.T) {
	o := Story(0, 3)
	o.Groups, o.Founders, o.Top = []uint16{0, 1, 248, 249, 250}, 2, 2
	w := cluster(t, o)
	victim := w.leader(1, 1)
	if victim == w.leader(2, 0) {
		victim = w.leader(1, 0)
	}
	w.lose(30, 4, victim)
}
