package main

import (
	"context"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// notifier tells the service manager how the daemon fares, where there is one. Its methods
// return at once.
type notifier struct {
	watchdog bool
	alive    chan struct{}
	status   chan string
}

func newNotifier() *notifier {
	every, err := systemd.SdWatchdogEnabled(false)
	return &notifier{watchdog: err == nil && every > 0, alive: make(chan struct{}, 1), status: make(chan string, 1)}
}

// run talks to the service manager until ctx ends: READY first, so the daemon must be.
func (n *notifier) run(ctx context.Context) {
	_, _ = systemd.SdNotify(false, systemd.SdNotifyReady)
	for {
		select {
		case <-ctx.Done():
			_, _ = systemd.SdNotify(false, systemd.SdNotifyStopping)
			return
		case <-n.alive:
			_, _ = systemd.SdNotify(false, systemd.SdNotifyWatchdog)
		case s := <-n.status:
			_, _ = systemd.SdNotify(false, "STATUS="+s)
		}
	}
}

// tick says that the loop turns. The loop alone calls it, so that a loop that hangs is
// found out.
func (n *notifier) tick() {
	if !n.watchdog {
		return
	}
	select {
	case n.alive <- struct{}{}:
	default:
	}
}

// say replaces what `systemctl status` shows. The loop alone calls it.
func (n *notifier) say(status string) {
	select {
	case <-n.status:
	default:
	}
	n.status <- status
}

// notifyWaits says that the daemon is up, and what it waits for before it can do anything.
func notifyWaits(what string) {
	_, _ = systemd.SdNotify(false, systemd.SdNotifyReady+"\nSTATUS=waits: "+what)
}

// notifyAlive is for a daemon that has no loop yet.
func notifyAlive() { _, _ = systemd.SdNotify(false, systemd.SdNotifyWatchdog) }

// watchdogDue tells when notifyAlive is due, until stop; never where there is no watchdog.
func watchdogDue() (due <-chan time.Time, stop func()) {
	every, err := systemd.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return nil, func() {}
	}
	t := time.NewTicker(every / 2)
	return t.C, t.Stop
}
