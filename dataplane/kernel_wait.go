package dataplane

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"rollcall/control"
)

// confirmable are the wakes whose reason can be read in the register and tally: to report
// them once too often costs nothing. Hand-over and a higher instance are only heard. If
// such an event is lost, the one who caused it says it again, while a made-up one would
// start an election or leave the cluster.
const confirmable = control.WakeCommitted | control.WakeRemoved | control.WakeRoster |
	control.WakeQuorum | control.WakePromise | control.WakeOutbid | control.WakeRounds

// Wait implements Plane.
func (k *Kernel) Wait(deadline control.Time) (Wakes, error) {
	for {
		if wakes := k.wakes(); wakes.Any() {
			return wakes, nil
		}
		fds := [...]unix.PollFd{
			{Fd: int32(k.events.fd), Events: unix.POLLIN},
			{Fd: int32(k.bell.fd), Events: unix.POLLIN},
			{Fd: int32(k.watcher.fd), Events: unix.POLLIN},
		}
		if err := pollUntil(min(deadline, k.due()), fds[:]); err != nil {
			return Wakes{}, fmt.Errorf("wait for events: %w", err)
		}
		if (fds[0].Revents|fds[1].Revents)&(unix.POLLERR|unix.POLLNVAL) != 0 {
			return Wakes{}, errors.New("wait for events: the plane is closed")
		}
		rang := fds[1].Revents != 0
		if rang {
			k.bell.clear()
		}
		changed := fds[2].Revents != 0
		if changed {
			k.watcher.clear()
			k.heal()
		}
		k.beatWhatIsDue(Now())
		// An event that is still being written is none yet.
		if wakes := k.wakes(); wakes.Any() || rang || Now() >= deadline {
			return wakes, nil
		}
	}
}

// wakes takes what there is to report.
func (k *Kernel) wakes() Wakes {
	wakes, lost := k.events.drain()
	if lost {
		overdue := k.overdue()
		wakes.Join(&overdue)
	}
	wakes.Join(&k.pending)
	k.pending = Wakes{}
	return wakes
}

// overdue finds the wakes to report when events were lost, or taken by an agent that is no
// more. The kernel tells of a silence only once.
func (k *Kernel) overdue() (wakes Wakes) {
	for p := range wakes {
		var r control.Register
		snapshot(&r, &k.pages.registers[p])
		if p > 0 && r.State == control.RegisterVacant {
			continue
		}
		wakes[p] = confirmable
		if r.Serves() && r.BeatAt != 0 && Now().Since(r.BeatAt) >= r.SilentAfter() {
			wakes[p] |= control.WakeSilent
		}
	}
	return wakes
}

// Interrupt implements Plane.
func (k *Kernel) Interrupt() { k.bell.ring() }
