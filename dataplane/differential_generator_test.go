package dataplane

import (
	"math/rand/v2"
	"slices"
	"time"

	"rollcall/control"
)

// generator makes frames and orders that the model's state makes interesting: what a healthy
// group would send, what almost fits, and what does not fit at all.
type generator struct {
	*model
	rng       *rand.Rand
	now       control.Time
	thawed    [8]control.RegisterState
	wholeIP   bool // cut no IP header: the kernel runs no TC program on such packets
	last      []byte
	echoes    uint64 // taken so far
	rail      int    // by which it came
	lastLevel int    // whom the last frame was about
	lastFrom  uint16
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.rng.IntN(100) < percent }

// pass lets time pass, rarely backwards.
func (g *generator) pass() {
	switch n := g.rng.IntN(1000); {
	case n < 20: // to the moment at which a register is calm again
		r := &g.registers[g.anIndex()]
		g.now = r.BeatAt.Add(r.Calm())
	case n < 970:
		g.now += control.Time(g.rng.IntN(2_000_000))
	case n < 990:
		g.now += control.Time(g.rng.IntN(200_000_000))
	case n < 998:
		g.now -= control.Time(g.rng.IntN(5_000_000))
	default:
		g.now += control.Time(g.rng.Int64N(1 << 44))
	}
}

// near is a number close to n, mostly n itself.
func (g *generator) near(n uint64) uint64 {
	switch g.rng.IntN(16) {
	case 0:
		return n - 2
	case 1:
		return n - 1
	case 2, 3:
		return n + 1
	case 4:
		return n + 2
	case 5:
		return n + uint64(g.rng.IntN(80))
	case 6:
		return pick(g.rng, 0, 1, ^uint64(0), g.rng.Uint64(), n-uint64(g.rng.IntN(80)))
	}
	return n
}

// anIndex is that of a register: mostly one of the two lowest levels.
func (g *generator) anIndex() int { return pick(g.rng, 0, 0, 0, 0, 2, 2, 3, 3, g.rng.IntN(8)) }

func (g *generator) aSlot() uint16 {
	return pick(g.rng, 0, 1, 2, 3, 4, 64, 130, 200, 248, 250, 255, 256, 300, control.ToAll, uint16(g.rng.IntN(1<<16)))
}

func (g *generator) aMember() uint16 { return pick[uint16](g.rng, 0, 1, 2, 3, 64, 130, 200, 250, 255) }

func (g *generator) someMembers(and uint16) (b control.Bitmap) {
	if g.chance(3) {
		return control.Bitmap{g.rng.Uint64(), g.rng.Uint64(), g.rng.Uint64(), g.rng.Uint64()}
	}
	for range g.rng.IntN(5) {
		b.Set(g.aMember())
	}
	if and < control.Slots && g.chance(95) {
		b.Set(and)
	}
	return b
}

func (g *generator) aBallot(near ...control.Ballot) control.Ballot {
	b := pick(g.rng, near...)
	switch g.rng.IntN(12) {
	case 0:
		b += 1 << 16
	case 1:
		b -= 1 << 16
	case 2:
		b = control.NewBallot(uint16(g.rng.IntN(2)), uint32(g.rng.IntN(1000)), g.aMember())
	case 3:
		b = pick(g.rng, 0, b+1, control.Ballot(g.rng.Uint64()))
	}
	if b>>60 != 0 && g.chance(95) { // the highest ballots end all contests
		b = near[0]
	}
	return b
}

// aHead addresses a frame to a register.
func (g *generator) aHead(i int) control.Frame {
	r := &g.registers[i]
	f := control.Frame{
		Level: r.Level, Cluster: r.Cluster, Instance: r.Instance, Group: r.Group, From: g.aMember(), To: r.Slot,
		Key:    uint8(g.rng.IntN(KeySlots)),
		Ballot: r.Promised, Round: g.near(r.BeatRound), Sent: g.now - control.Time(g.near(uint64(g.rng.IntN(3_000_000)))),
	}
	if r.State == control.RegisterVacant {
		f.Level = uint8(i / 2)
	}
	if g.chance(10) {
		f.To = control.ToAll
	}
	switch g.rng.IntN(60) {
	case 0:
		f.Level = uint8(g.rng.IntN(6))
	case 1:
		f.Cluster++
	case 2:
		f.Instance--
	case 3:
		f.Instance++
	case 4:
		f.Group++
	case 5:
		f.To = g.aSlot()
	case 6:
		f.From = g.aSlot()
	}
	return f
}

func (g *generator) anAsk(i int) control.Frame {
	r, t := &g.registers[i], &g.tallies[i/2]
	f := g.aHead(i)
	a := &f.Ask
	f.Kind = pick(g.rng, control.KindBeat, control.KindBeat, control.KindBeat, control.KindBeat, control.KindPrepare, control.KindProbe)
	if g.chance(5) {
		f.Kind = control.KindHandOver
		f.From = f.Ballot.Slot()
	}
	f.Flags = pick(g.rng, 0, control.FlagHandOver, control.FlagAway, control.Flags(g.rng.IntN(256)))
	*a = control.Ask{
		Seq: g.near(r.Accepted.Seq), Committed: g.near(r.Committed.Seq), Digest: g.rng.Uint64(), Epoch: g.rng.Uint64(), EpochDigest: g.rng.Uint64(),
		Roster: pick(g.rng, r.Rosters[0], r.Rosters[0], r.Rosters[0], r.Rosters[g.rng.IntN(4)], 0, g.rng.Uint64()),
		Prior:  pick(g.rng, r.Promised, 0, r.BeatBallot), IntervalUS: uint32(1000 * g.rng.IntN(20)),
		Rounds: uint16(g.rng.IntN(9)), LeaseUS: uint32(g.rng.IntN(100_000)), UpperUS: pick(g.rng, control.NoUpper, 0, uint32(g.rng.IntN(100_000))),
		New: g.someMembers(r.Slot), Old: g.someMembers(r.Slot), Stale: g.someMembers(control.Slots),
		Heard1: g.someMembers(r.Slot), Heard2: g.someMembers(r.Slot),
	}
	if g.chance(2) {
		a.IntervalUS, a.Rounds, a.LeaseUS = g.rng.Uint32(), uint16(g.rng.Uint32()), g.rng.Uint32()
	}
	if g.chance(40) {
		f.Ballot = g.aBallot(r.Promised, r.Promised, r.BeatBallot, t.Ballot, r.Accepted.Ballot)
	}
	if f.Kind == control.KindPrepare && g.chance(60) { // a candidate's first
		f.Ballot = r.Promised + 1<<16
	}
	if f.Kind == control.KindBeat && g.chance(60) { // the leader's next
		f.Round = r.BeatRound + 1
		a.Seq = r.Accepted.Seq + uint64(g.rng.IntN(2))
		a.Committed = a.Seq - uint64(g.rng.IntN(2))
	}
	if g.chance(25) {
		g.travel(i, &f, f.From)
	}
	return f
}

func (g *generator) anAnswer(i int) control.Frame {
	t := &g.tallies[i/2]
	f := g.aHead(i)
	if f.From >= control.Slots && g.chance(90) {
		f.From = g.aMember()
	}
	m, h := &t.Members[f.From%control.Slots], &t.Heard[f.From%control.Slots]
	f.Kind = pick(g.rng, control.KindEcho, control.KindEcho, control.KindEcho, control.KindPromise, control.KindAnswer)
	if t.Preparing != 0 {
		f.Kind = pick(g.rng, control.KindEcho, control.KindPromise, control.KindPromise, control.KindPromise, control.KindAnswer)
	}
	f.Ballot = t.Ballot
	if g.chance(20) {
		f.Ballot = g.aBallot(t.Ballot, t.Outbid)
	}
	wordful := 60 + uint64(g.rng.IntN(8)) // about as many rounds as a word has bits
	f.Round = pick(g.rng, t.Round, t.Round, h.Round+1, g.near(h.Round), g.near(t.Round), h.Round-uint64(g.rng.IntN(70)), h.Round-wordful, h.Round+wordful)
	f.Sent = g.now - control.Time(g.near(pick(g.rng, t.WindowNS, uint64(g.rng.IntN(int(t.WindowNS)+2)))))
	f.Reply = control.Reply{
		Incarnation: m.Expected, Promised: t.Ballot, Committed: g.near(t.Seq), Roster: g.rng.Uint64(), SilenceUS: g.rng.Uint32(),
		Keys:       control.KeyIDs{g.rng.Uint32(), g.rng.Uint32()},
		AgentAgeMS: g.rng.Uint32(), Health: uint16(g.rng.Uint32()), WireMin: uint8(g.rng.IntN(3)), WireMax: uint8(g.rng.IntN(3)),
		Accepted: control.Proposal{Ballot: t.Ballot, Seq: t.Seq, Digest: g.rng.Uint64(), Roster: g.rng.Uint64(), New: t.New, Old: t.Old},
		Below: control.Report{
			Seq: g.rng.Uint64(), Digest: g.rng.Uint64(), Members: g.someMembers(control.Slots), Generation: uint16(g.rng.Uint32()), Group: uint16(g.rng.Uint32()),
		},
	}
	if g.chance(5) {
		f.Reply.Incarnation++
	}
	if g.chance(10) {
		f.Reply.Promised = g.aBallot(t.Ballot, t.Outbid, g.registers[i].Promised)
	}
	if g.chance(15) {
		f.Reply.Accepted.Ballot, f.Reply.Accepted.Seq = g.aBallot(t.Ballot), g.near(t.Seq)
	}
	if g.chance(25) {
		g.travel(i, &f, f.To)
	}
	return f
}

// travel has a frame to or from the asker travel through a member.
func (g *generator) travel(i int, f *control.Frame, asker uint16) {
	r := &g.registers[i]
	f.Flags |= control.FlagRelay
	f.Via = pick(g.rng, r.Slot, r.Slot, r.Slot, r.Slot, g.aSlot())
	if g.chance(45) {
		return // it is at its end
	}
	other := f.To
	if f.To == asker {
		other = f.From
	}
	if g.chance(90) {
		others := r.Committed.Members
		others.Clear(r.Slot)
		asker = g.oneOf(others)
		others.Clear(asker)
		other = g.oneOf(others)
	}
	x := &g.relays[i/2][asker%control.Slots]
	if isAsk(f.Kind) {
		f.From, f.To = asker, other
		f.Ballot, f.Round = r.Promised, g.near(pick(g.rng, x.Round, x.Round+1))
		return
	}
	if g.chance(80) {
		other = g.oneOf(x.Asked)
	}
	f.From, f.To = other, asker
	f.Ballot, f.Round = x.Ballot, g.near(x.Round)
}

// oneOf is a slot of the set, or any where that is empty.
func (g *generator) oneOf(b control.Bitmap) uint16 {
	slot := g.aMember()
	for s, n := b.First(), 1; s < control.Slots; s, n = b.Next(s+1), n+1 {
		if g.rng.IntN(n) == 0 {
			slot = s
		}
	}
	return slot
}

// aPacket carries a frame, or what became of one.
func (g *generator) aPacket() []byte {
	i := g.anIndex()
	var f control.Frame
	if g.chance(45) {
		f = g.anAnswer(i)
	} else {
		f = g.anAsk(i)
	}
	frame := AppendFrame(nil, &f, &twinKeys)
	g.rail = (g.rail + 1) % len(hosts)
	if taken := g.stats[control.ReasonEchoTaken]; taken != g.echoes || g.last != nil && g.chance(2) {
		frame, g.echoes = g.last, taken // once more, by the other rail
	}
	g.last = frame
	if g.chance(4) { // anything at all, well signed
		frame = g.garbled(frame)
		g.signAnew(frame, f.Key)
	}
	g.lastLevel, g.lastFrom = int(frame[atLevel]), uint16(frame[atFrom])<<8|uint16(frame[atFrom+1])
	over := pick(g.rng, carriers...)
	if f.Flags&control.FlagRelay != 0 && g.chance(80) {
		over = [...]carrier{overEther, overUDP4, overUDP6, overEther}[f.To%4] // see wayBy
	}
	b := packetBy(g.rail, over, frame)
	if over == overEther && g.chance(50) {
		copy(b, hosts[g.rail].groupMAC[:])
	}
	switch n := g.rng.IntN(100); {
	case n < 2:
		b = g.garbled(b)
	case n < 3: // a number that no key has
		b[over.at()+atKey] = KeySlots + byte(g.rng.IntN(256-KeySlots))
	case n < 6: // in the headers
		b[g.rng.IntN(over.at()+8)] = byte(g.rng.Uint32())
	case n < 7:
		shortest := 14
		if g.wholeIP {
			shortest = max(shortest, over.at()-8)
		}
		b = b[:shortest+g.rng.IntN(len(b)-shortest)]
	case n < 8:
		b = append(b, make([]byte, 1+g.rng.IntN(40))...)
	case n < 9:
		b = packetBy(g.rail, over, frame[:g.rng.IntN(len(frame))])
	case n < 10:
		for range 1 + g.rng.IntN(3) {
			b = slices.Insert(b, 12, pick(g.rng, byte(0x81), 0x81, 0x88), 0x00, pick(g.rng, byte(0), 0x10, 0xe0), pick(g.rng, byte(0), 0, 1))
		}
	case n < 12:
		b[g.rng.IntN(6)]++
	case n < 13 && over == overUDP4:
		b[30+g.rng.IntN(4)]++
	}
	return b
}

func (g *generator) garbled(b []byte) []byte {
	b = slices.Clone(b)
	for range 1 + g.rng.IntN(4) {
		b[g.rng.IntN(len(b))] = pick(g.rng, 0, 1, 0xff, byte(g.rng.Uint32()))
	}
	return b
}

func (g *generator) signAnew(frame []byte, key uint8) {
	frame[atKey] = key
	w := [FrameLen]byte(frame)
	clear(w[atTag : atTag+8])
	tag := twinKeys.tag(key, &w)
	for i := range 8 {
		frame[atTag+i] = byte(tag >> (56 - 8*i))
	}
}

// incarnationOf is that of whoever is in a slot.
func incarnationOf(slot int) uint64 { return 0x1000 + uint64(slot) }

// aCommand keeps most registers in a group, and most tallies asking.
func (g *generator) aCommand(i int) control.Command {
	r, t := &g.registers[i], &g.tallies[i/2]
	c := control.Command{
		Kind: pick(g.rng, control.CommandAsk, control.CommandBeat, control.CommandBeat, control.CommandHold, control.CommandKeys, control.CommandReport), Cluster: 0xc1, Instance: 3,
		Incarnation: g.rng.Uint64(), Level: uint8(i / 2), Seat: uint8(i % 2), Group: uint16(i), Slot: g.slotFor(i), Preparing: uint32(g.rng.IntN(4) / 3),
		Key: uint8(g.rng.IntN(KeySlots)), Newest: uint8(g.rng.IntN(KeySlots)), Keys: control.KeyIDs{g.rng.Uint32(), g.rng.Uint32()},
		Seq: t.Seq + uint64(g.rng.IntN(2)), WindowNS: uint64(g.rng.IntN(5_000_000)), New: g.someMembers(r.Slot), Old: g.someMembers(r.Slot),
		Rosters: [4]uint64{g.rng.Uint64(), r.Rosters[0], r.Rosters[1], r.Rosters[2]},
		Below:   control.Report{Seq: g.rng.Uint64(), Digest: g.rng.Uint64(), Members: g.someMembers(r.Slot), Generation: uint16(g.rng.IntN(3)), Group: uint16(i)},
	}
	c.Beats = control.Beats{
		Committed: c.Seq - uint64(g.rng.IntN(2)), Digest: g.rng.Uint64(), Roster: r.Rosters[0], Epoch: g.rng.Uint64(), EpochDigest: g.rng.Uint64(),
		Upper: uint32(g.rng.IntN(2)), GraceNS: uint64(time.Second), Tell: g.near(t.Round), Parted: g.someMembers(control.Slots),
		Withheld: g.someMembers(control.Slots), Kin: g.someMembers(r.Slot), Began: uint64(g.rng.IntN(2)), IntervalUS: uint32(pick(g.rng, 0, 1000, 1000, 3000)), LeaseUS: pick(g.rng, uint32(g.rng.IntN(10_000)), g.rng.Uint32()),
		Rounds: uint32(g.rng.IntN(9)), StaleMS: g.rng.Uint32(), Patience: uint32(g.rng.IntN(4)), CalmUntil: g.now - control.Time(g.near(uint64(g.rng.IntN(3_000_000)))), Key: uint8(g.rng.IntN(KeySlots)),
	}
	c.Now = uint32(g.rng.IntN(2))
	if g.chance(10) {
		c.Stale, c.Beats.GraceNS = g.someMembers(control.Slots), uint64(t.Heard[r.Slot%control.Slots].AgentAgeMS)*uint64(time.Millisecond)
	}
	if g.chance(20) {
		c.Silent, c.Since = g.someMembers(control.Slots), g.now-control.Time(g.rng.IntN(3_000_000))
	}
	c.Ballot = t.Ballot
	if g.chance(20) {
		c.Ballot = g.aBallot(t.Ballot, control.NewBallot(r.Promised.Generation(), r.Promised.Term()+1, r.Slot))
	}
	switch {
	case r.State == control.RegisterVacant && g.chance(70):
		c.Kind = control.CommandJoin
	case r.State == control.RegisterOut && g.chance(60) || g.chance(3):
		c.Kind = control.CommandVacate
	case g.chance(3):
		c.Kind = control.CommandJoin // refused: it has a place
	}
	return c
}

// slotFor is a slot of the kind that the register is for.
func (g *generator) slotFor(i int) uint16 {
	if i%2 == 1 {
		return 248 + uint16(g.rng.IntN(8))
	}
	return pick(g.rng, 0, 1, 3, 64, 130, 200, uint16(g.rng.IntN(248)))
}
