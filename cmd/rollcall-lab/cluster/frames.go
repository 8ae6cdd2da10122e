package cluster

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/control"
	"rollcall/dataplane"
)

// Seen is one frame of the cluster as it crossed the bridge.
type Seen struct {
	Node  string // whose port it came from
	At    control.Time
	Frame control.Frame
}

// Frames records the cluster's frames as they cross the bridge.
type Frames struct {
	stop func() (uint32, error)

	mu   sync.Mutex
	seen []Seen
}

// Record begins to record, until Stop.
func (c *Cluster) Record() (*Frames, error) {
	f := new(Frames)
	var err error
	f.stop, err = c.capture(func(s Seen) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.seen = append(f.seen, s)
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Sample returns the next frames that cross the bridge, so many or those of a while. It is no error if frames
// between them were lost.
func (c *Cluster) Sample(ctx context.Context, enough int, within time.Duration) ([]Seen, error) {
	var seen []Seen
	full := make(chan struct{})
	stop, err := c.capture(func(s Seen) {
		if len(seen) == enough {
			return
		}
		if seen = append(seen, s); len(seen) == enough {
			close(full)
		}
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-full:
	case <-time.After(within):
	case <-ctx.Done():
	}
	if _, err := stop(); err != nil {
		return nil, err
	}
	return seen, ctx.Err()
}

// capture calls handle for the cluster's frames, in order, until it is stopped.
func (c *Cluster) capture(handle func(Seen)) (stop func() (lost uint32, err error), err error) {
	keys, err := c.Keys()
	if err != nil {
		return nil, err
	}
	return c.network.Capture(func(p netlab.Packet) {
		if frame, why := dataplane.ParseFrame(payload(p.Data), keys); why == control.ReasonNone { // else something else
			handle(Seen{Node: p.Node, At: control.Time(p.At), Frame: frame})
		}
	})
}

// Stop ends the recording; it is an error if frames were lost.
func (f *Frames) Stop() error {
	lost, err := f.stop()
	if err == nil && lost > 0 {
		err = fmt.Errorf("record frames: %d were lost", lost)
	}
	return err
}

// All returns what was recorded up to now, in order.
func (f *Frames) All() []Seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[:len(f.seen):len(f.seen)]
}

// payload is where a frame of ours would be in a packet.
func payload(b []byte) []byte {
	const ethernet, ipv4, ipv6, udp = 14, 20, 40, 8
	if len(b) < ethernet {
		return nil
	}
	skip := ethernet
	switch binary.BigEndian.Uint16(b[12:]) {
	case 0x0800:
		skip += ipv4 + udp
	case 0x86dd:
		skip += ipv6 + udp
	case dataplane.DefaultEtherType:
	default:
		return nil
	}
	return b[min(skip, len(b)):]
}

// Exchange is what crossed the bridge until one view was decided.
type Exchange struct {
	Rounds   int // rounds of prepares and of beats that carried the proposal
	Prepares int // frames, as all that follows
	Promises int
	Beats    int // with the proposal, before its decision was told
	Echoes   int // with a vote for it, until then
}

// Exchange counts what it took to decide the view seq under a ballot, whose owner had been
// elected, if prepares are seen, since the recording began.
func (f *Frames) Exchange(ballot string, seq uint64) Exchange {
	type round struct {
		kind   control.Kind
		number uint64
	}
	var x Exchange
	rounds := map[round]bool{}
	for _, s := range f.All() {
		m := &s.Frame
		if m.Ballot.String() != ballot {
			continue
		}
		switch m.Kind {
		case control.KindPrepare:
			x.Prepares++
			rounds[round{m.Kind, m.Round}] = true
		case control.KindPromise:
			x.Promises++
		case control.KindBeat:
			if m.Ask.Committed >= seq {
				x.Rounds = len(rounds)
				return x
			}
			if m.Ask.Seq == seq {
				x.Beats++
				rounds[round{m.Kind, m.Round}] = true
			}
		case control.KindEcho:
			if m.Reply.Accepted.Ballot == m.Ballot && m.Reply.Accepted.Seq == seq {
				x.Echoes++
			}
		}
	}
	x.Rounds = len(rounds)
	return x
}

// String says it in a line.
func (x Exchange) String() string {
	s := fmt.Sprintf("%d beats with the proposal, %d echoes with a vote", x.Beats, x.Echoes)
	if x.Prepares > 0 {
		s = fmt.Sprintf("%d prepares, %d promises, ", x.Prepares, x.Promises) + s
	}
	if x.Rounds == 1 {
		return s + ": 1 round"
	}
	return fmt.Sprintf("%s: %d rounds", s, x.Rounds)
}
