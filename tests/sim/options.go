package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"rollcall/control"
)

// Class says what kind of trouble a run has, and so what may be demanded of it.
type Class uint8

// The classes of run.
const (
	Chaos  Class = iota // anything: safety always, progress afterwards
	Starve              // only agents suffer: nobody is ever removed
	Calm                // single crashes in a faultless network: one round, one cut
)

var classNames = [...]string{"chaos", "starve", "calm"}

// String gives the class as traces show it.
func (c Class) String() string { return classNames[c] }

// Weather is the trouble that is in the air all the time.
type Weather struct {
	Loss       float64 // of a frame
	Twice      float64 // a frame arrives twice
	Late       float64 // a frame is held up, uniform up to LateMax
	LateMax    time.Duration
	LetterLoss float64
	Preempt    float64 // an agent is interrupted between two parts of an output …
	PreemptMax time.Duration
}

// Options are everything that a run is made of beside its seed. Draw gives those of a
// random run; scripted scenarios write their own.
type Options struct {
	Seed  uint64
	Class Class

	Hosts      int
	Founders   int
	Contacts   int // how many hosts, founders first, everybody is told of
	Interval   time.Duration
	Rounds     int
	JoinWindow time.Duration
	FoundWait  time.Duration
	AgentGrace time.Duration
	OnStale    bool // remove whose agent is silent for longer
	Kernel     bool // the kernel keeps the time of beats, not a thread of the agent
	Multicast  bool // beats to several reach every host of the segment
	Rails      int  // networks that every host is on

	Drift   uint64        // clocks are at most this many millionths wrong
	Latency time.Duration // of every frame
	Jitter  time.Duration // on top, uniform
	Talk    time.Duration // of a letter, uniform up to
	Nap     time.Duration // between an agent's wake-up and its step, uniform up to
	Tick    time.Duration // by which a beat may be late, uniform up to
	Disk    time.Duration // until a founder's record is on disk, while its agent goes on

	Weather

	Faults     [faults]float64 `json:",omitzero"` // weights, of which a plan is drawn where there is none
	FaultEvery time.Duration   // mean
	Plan       []Mishap        // of the safety phase; nil: drawn from the seed
	Unaided    bool            // nobody is asked again: what that would hide is seen
	Forget     bool            // a majority may lose its registers
	Settle     bool            // trouble begins only when the group stands
	Safety     int             // intervals of the safety phase

	Only string // the guarantee that is checked, and no other; empty: all

	tamper func(h *host, f *control.Frame) // breaks a rule of the register, in tests of the checkers
}

// defaults are those of a small group in a faultless network.
func defaults(seed uint64) Options {
	i := 10 * time.Millisecond
	return Options{
		Seed: seed, Hosts: 5, Founders: 3, Contacts: 3, Rails: 1,
		Interval: i, Rounds: 5, JoinWindow: 2 * i, FoundWait: 2 * time.Second, AgentGrace: 30 * time.Second,
		Latency: i / 100, Jitter: i / 100, Talk: i / 5, Nap: i / 100, Tick: i / 100,
		Settle: true, Safety: 400,
	}
}

// Draw gives the options of the random run that belongs to the seed. Each kind of trouble is
// on in about half of the runs only: what all together would hide, some subset shows.
func Draw(seed uint64) Options {
	r := rand.New(rand.NewPCG(seed, 0x6f7074696f6e73))
	coin := func() bool { return r.IntN(2) == 0 }
	upto := func(most float64) float64 {
		if coin() {
			return 0
		}
		return r.Float64() * most
	}
	o := defaults(seed)
	o.Interval = []time.Duration{time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond}[r.IntN(4)]
	i := o.Interval
	o.Hosts = 2 + r.IntN(8)
	if r.IntN(10) == 0 {
		o.Hosts = 10 + r.IntN(15)
	}
	o.Founders = 1 + r.IntN(min(o.Hosts, 5))
	o.Contacts = o.Founders + r.IntN(o.Hosts-o.Founders+1)
	if r.IntN(4) == 0 {
		o.Rounds = 4 + r.IntN(6)
	}
	o.Multicast, o.Kernel = coin(), coin()
	o.JoinWindow = time.Duration(1+r.IntN(10)) * i
	o.FoundWait = time.Second + time.Duration(r.IntN(int(9*time.Second)))
	o.Drift = uint64(upto(100_000))
	o.Latency, o.Jitter = time.Duration(1+r.IntN(int(i/50))), time.Duration(1+r.IntN(int(i/20)))
	o.Talk, o.Nap = time.Duration(1+r.IntN(int(i))), time.Duration(1+r.IntN(int(i/20)))
	o.Tick = time.Duration(1 + r.IntN(int(i/8)))
	if r.IntN(3) == 0 { // short enough to pass while an agent stands still
		o.AgentGrace = time.Second + time.Duration(20+r.IntN(100))*i
	}
	o.Safety = 200 + r.IntN(800)
	o.Settle = r.IntN(4) != 0

	switch n := r.IntN(10); {
	case n < 6:
		o.Class = Chaos
		o.Loss, o.Twice, o.Late, o.LetterLoss = upto(0.4), upto(0.1), upto(0.3), upto(0.3)
		o.LateMax = time.Duration(r.IntN(int(5 * i)))
		o.Preempt, o.PreemptMax = upto(0.2), time.Duration(1+r.IntN(int(15*i)))
		for f := range o.Faults {
			o.Faults[f] = upto(1)
		}
		o.Faults[faultHeal] = 0.1 + r.Float64()
		o.Faults[faultBoot] = 0.1 + r.Float64()
		o.FaultEvery = time.Duration(1+r.IntN(30)) * i
		if r.IntN(4) == 0 {
			o.OnStale, o.AgentGrace = true, time.Second+time.Duration(20+r.IntN(100))*i
		}
	case n < 8:
		o.Class = Starve
		o.Settle = true
		o.Preempt, o.PreemptMax = upto(0.2), time.Duration(1+r.IntN(int(15*i)))
		for _, f := range []Fault{faultStall, faultStop, faultCont, faultKill, faultStart} {
			o.Faults[f] = 0.1 + r.Float64()
		}
		o.FaultEvery = time.Duration(1+r.IntN(20)) * i
	default:
		o.Class = Calm
		o.Settle = true
		o.Hosts = max(o.Hosts, 4)
		o.Contacts = o.Hosts
		o.Nap, o.Tick = max(o.Nap/4, 1), max(o.Tick/4, 1)
		o.FaultEvery = time.Duration(20*o.Rounds) * i
	}
	o.Forget = seed%4 == 0
	o.Unaided = seed%2 == 1
	if r.IntN(8) == 0 {
		o.Rails = 2
	}
	if r.IntN(3) == 0 {
		// A proposal to found waits for FoundWait/2, in which records are written one after the other.
		o.Disk = min(time.Duration(1+r.IntN(int(30*i))), o.FoundWait/16)
	}
	return o
}

// String lists the options, so that a reader of a trace knows what the run is made of.
func (o Options) String() string {
	s := fmt.Sprintf("seed %d %s: %d hosts, %d founders, %d contacts, %v x %d, join window %v, found wait %v, drift %d ppm, multicast %v, rails %d, kernel %v, settle %v, unaided %v, agents removed %v after %v",
		o.Seed, o.Class, o.Hosts, o.Founders, o.Contacts, o.Interval, o.Rounds, o.JoinWindow, o.FoundWait, o.Drift, o.Multicast, o.Rails, o.Kernel, o.Settle, o.Unaided, o.OnStale, o.AgentGrace)
	s += fmt.Sprintf("; latency %v+%v, letters %v, nap %v, tick %v, disk %v, loss %.2f, twice %.2f, late %.2f up to %v, letters lost %.2f, preempted %.2f up to %v",
		o.Latency, o.Jitter, o.Talk, o.Nap, o.Tick, o.Disk, o.Loss, o.Twice, o.Late, o.LateMax, o.LetterLoss, o.Preempt, o.PreemptMax)
	if o.Plan != nil {
		return s + fmt.Sprintf("; planned: %v", o.Plan)
	}
	s += fmt.Sprintf("; a fault every %v:", o.FaultEvery)
	for f, weight := range o.Faults {
		if weight > 0 {
			s += fmt.Sprintf(" %s %.2f", Fault(f), weight)
		}
	}
	return s
}
