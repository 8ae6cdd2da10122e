// Package flood sends a node frames that it must not serve, as many as one processor can.
package flood

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/control"
	"rollcall/dataplane"
)

// Kinds lists what can be sent: random bytes; frames of the cluster signed with another key;
// frames of another cluster that has the same key; frames of the cluster as they crossed the
// bridge shortly before.
func Kinds() []string { return []string{"garbage", "forged", "foreign", "replayed"} }

// Result is what became of a flood.
type Result struct {
	Sent    uint64            `json:"sent"`
	Packets int               `json:"packets"` // different ones, sent in turn
	Took    time.Duration     `json:"took_ns"`
	Counted map[string]uint64 `json:"counted"` // at the target while it lasted, by reason, its regular frames as well
}

// Refused is how many frames were counted as refused.
func (r *Result) Refused() (n uint64) {
	for reason := range control.Reasons {
		if reason.Refuses() {
			n += r.Counted[reason.String()]
		}
	}
	return n
}

const (
	listen = 200 * time.Millisecond // for frames to forge or replay, and ten rounds more
	most   = 512                    // different packets, sent in turn
	burst  = 64                     // packets between looks at the clock
)

// Send floods a node from the namespace of another one for a while.
func Send(ctx context.Context, c *cluster.Cluster, kind, from, to string, during time.Duration) (*Result, error) {
	target, err := c.Node(to)
	if err != nil {
		return nil, err
	}
	packets, err := packets(ctx, c, kind)
	if err != nil {
		return nil, err
	}
	fd, err := dial(c, from, target)
	if err != nil {
		return nil, fmt.Errorf("flood %s: %w", to, err)
	}
	defer unix.Close(fd)
	before, err := target.Client().Stats(ctx)
	if err != nil {
		return nil, err
	}
	r := &Result{Packets: len(packets), Counted: map[string]uint64{}}
	began := time.Now()
	runtime.LockOSThread()
	for ctx.Err() == nil && r.Took < during {
		for range burst {
			// What the target's stack says of earlier packets is no failure of this one.
			if _, err := unix.Write(fd, packets[r.Sent%uint64(len(packets))]); err == nil || errors.Is(err, unix.ECONNREFUSED) {
				r.Sent++
			}
		}
		r.Took = time.Since(began)
	}
	runtime.UnlockOSThread()
	after, err := target.Client().Stats(ctx)
	if err != nil {
		return nil, err
	}
	for reason, n := range after.Frames {
		if n > before.Frames[reason] {
			r.Counted[reason] = n - before.Frames[reason]
		}
	}
	return r, nil
}

// packets makes what is sent.
func packets(ctx context.Context, c *cluster.Cluster, kind string) (all [][]byte, err error) {
	switch kind {
	case "garbage":
		for range most {
			b := make([]byte, 1+rand.IntN(2*dataplane.FrameLen))
			if rand.IntN(2) == 0 {
				b = make([]byte, dataplane.FrameLen)
			}
			for i := range b {
				b[i] = byte(rand.Uint32())
			}
			all = append(all, b)
		}
		return all, nil
	case "forged", "foreign", "replayed":
	default:
		return nil, fmt.Errorf("flood of %q: %s", kind, strings.Join(Kinds(), ", "))
	}
	keys, err := c.Keys()
	if err != nil {
		return nil, err
	}
	if kind == "forged" {
		keys = &dataplane.Keys{}
		for number := range keys.Slots {
			crand.Read(keys.Slots[number][:])
		}
	}
	seen, err := c.Sample(ctx, most, listen+10*c.Options().Interval)
	if err != nil {
		return nil, err
	}
	for i := range seen {
		f := seen[i].Frame
		if kind == "foreign" {
			f.Cluster++
		}
		all = append(all, dataplane.AppendFrame(nil, &f, keys))
	}
	if len(all) == 0 {
		return nil, errors.New("flood: no frame of the cluster crossed the bridge; is it up?")
	}
	return all, nil
}

// dial opens a UDP socket in the namespace of one node that is connected to another node.
func dial(c *cluster.Cluster, from string, to *cluster.Node) (fd int, err error) {
	err = c.Network().Inside(from, func() error {
		ip := net.IP(to.IPv4.AsSlice())
		if c.Options().IPv6 {
			ip = to.IPv6.AsSlice()
		}
		conn, err := net.Dial("udp", net.JoinHostPort(ip.String(), strconv.Itoa(dataplane.DefaultPort)))
		if err != nil {
			return err
		}
		defer conn.Close()
		raw, err := conn.(*net.UDPConn).SyscallConn()
		if err != nil {
			return err
		}
		return errors.Join(raw.Control(func(u uintptr) {
			if fd, err = unix.Dup(int(u)); err == nil {
				err = unix.SetNonblock(fd, false)
			}
		}), err)
	})
	return fd, err
}
