package main

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/cmd/internal/schedule"
	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// exchanges is how often the floor is measured.
const exchanges = 100

// errUnanswered says that frames of an exchange were lost.
var errUnanswered = errors.New("a probe was not answered")

// floor measures what no protocol on this machine can beat: a real-time thread in the
// leader's namespace sends one signed probe to every other member and reads all the answers.
// Probes have the size and the path of beats, and change nothing. The thread is idle before
// each exchange: after an interval it finds cold caches and sleeping processors, as a leader
// does; after none, everything at its best.
func floor(c *cluster.Cluster, d *publish.Document, idle time.Duration) (sample, error) {
	keys, err := c.Keys()
	if err != nil {
		return nil, err
	}
	type target struct {
		slot uint16
		to   unix.Sockaddr
	}
	var own uint16
	var targets []target
	for _, m := range d.Members {
		n, err := c.Node(m.Name)
		switch {
		case err != nil:
			return nil, err
		case m.Name == d.Leader:
			own = m.Slot
		case m.Incarnation != "":
			targets = append(targets, target{m.Slot, udpAddress(c, n)})
		}
	}
	fd := -1
	err = c.Network().Inside(d.Leader, func() (err error) {
		fd, err = probeSocket(c.Options().IPv6)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("measure the floor: %w", err)
	}
	defer unix.Close(fd)

	var result sample
	round := func(number uint64) (time.Duration, error) {
		f := control.Frame{
			Kind: control.KindProbe, Cluster: dataplane.ClusterID(d.Cluster), Instance: d.Instance, From: own, Key: keys.First, Round: number,
		}
		buffer := make([]byte, 0, dataplane.FrameLen)
		began := dataplane.Now()
		for _, t := range targets {
			f.To, f.Sent = t.slot, dataplane.Now()
			buffer = dataplane.AppendFrame(buffer[:0], &f, keys)
			if err := unix.Sendto(fd, buffer, 0, t.to); err != nil {
				return 0, fmt.Errorf("send probe: %w", err)
			}
		}
		answer := make([]byte, dataplane.FrameLen+1)
		for answered := 0; answered < len(targets); {
			n, _, err := unix.Recvfrom(fd, answer, 0)
			if err == unix.EINTR {
				continue
			}
			if err == unix.EAGAIN {
				return 0, errUnanswered
			}
			if err != nil {
				return 0, fmt.Errorf("read answer: %w", err)
			}
			if a, why := dataplane.ParseFrame(answer[:n], keys); why == control.ReasonNone && a.Round == number {
				answered++
			}
		}
		return dataplane.Now().Since(began), nil
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()         // never unlocked: the thread ends with its priority
		_ = schedule.FIFO(50).Thread() // where that is not allowed, the floor is higher
		lost := 0
		for number := uint64(1); len(result) < exchanges; number++ {
			sleep := unix.NsecToTimespec(int64(idle))
			_ = unix.ClockNanosleep(unix.CLOCK_BOOTTIME, 0, &sleep, nil) // a shorter one does no harm
			took, err := round(number)
			if errors.Is(err, errUnanswered) && lost < exchanges/10 {
				lost++
				continue
			}
			if err != nil {
				done <- fmt.Errorf("measure the floor: %w", err)
				return
			}
			result = append(result, took)
		}
		done <- nil
	}()
	return result, <-done
}

// probeSocket opens a UDP socket with a port of its own: answers to it pass the leader's
// program, which takes those to the port of the protocol. The caller is in the namespace.
func probeSocket(ipv6 bool) (int, error) {
	family := unix.AF_INET
	if ipv6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open socket: %w", err)
	}
	within := unix.NsecToTimeval((200 * time.Millisecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &within); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("set timeout of socket: %w", err)
	}
	return fd, nil
}

func udpAddress(c *cluster.Cluster, n *cluster.Node) unix.Sockaddr {
	if c.Options().IPv6 {
		return &unix.SockaddrInet6{Port: dataplane.DefaultPort, Addr: n.IPv6.As16()}
	}
	return &unix.SockaddrInet4{Port: dataplane.DefaultPort, Addr: netip.Addr(n.IPv4).As4()}
}
