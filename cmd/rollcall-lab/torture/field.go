package torture

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"rollcall/cmd/internal/schedule"
	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view"
	"rollcall/view/publish"
)

// NodesMin is the smallest cluster that has nodes enough for every scenario.
const NodesMin = 9

// victims is how many nodes, the last ones, are left alone by scenarios: crashes choose among them.
const victims = 3

// field is a target while a scenario lasts.
type field struct {
	*target
	plan Plan

	mu       sync.Mutex
	touched  []string // nodes to which the fault is done
	outages  outages  // of those that it makes unreachable
	crashes  []crash
	counters map[string]int
}

func (f *field) touch(names ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touched = append(f.touched, names...)
}

func (f *field) isTouched(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.touched, name)
}

// note counts something that is told with the result.
func (f *field) note(what string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counters[what] += n
}

// leading is the one of whom most nodes with a valid view say that it leads, or empty.
func (f *field) leading() string {
	votes, best := map[string]int{}, ""
	for _, name := range f.cluster.Names() {
		if d := f.watch.Sight(name).View; d != nil && d.Valid && d.Leader != "" {
			votes[d.Leader]++
			if best == "" || votes[d.Leader] > votes[best] {
				best = d.Leader
			}
		}
	}
	return best
}

// leader waits until there is one.
func (f *field) leader(ctx context.Context) (name string, err error) {
	err = f.watch.UntilAll(ctx, "somebody leads", nil, func(map[string]cluster.Sight) bool {
		name = f.leading()
		return name != ""
	})
	return name, err
}

// members gives nodes that do not lead and to which nothing was done yet, and touches them.
func (f *field) members(ctx context.Context, n int) ([]string, error) {
	leader, err := f.leader(ctx)
	if err != nil {
		return nil, err
	}
	names := f.cluster.Names()
	names = slices.DeleteFunc(slices.Clone(names[:len(names)-victims]), func(name string) bool { return name == leader || f.isTouched(name) })
	if len(names) < n {
		return nil, fmt.Errorf("%d nodes are too few for this", len(f.cluster.Names()))
	}
	names = names[len(names)-n:]
	f.touch(names...)
	return names, nil
}

func (f *field) member(ctx context.Context) (string, error) {
	names, err := f.members(ctx, 1)
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// stop stops the agents of nodes until the scenario ends.
func (f *field) stop(ctx context.Context, names ...string) error {
	f.touch(names...)
	if err := f.cluster.Signal(syscall.SIGSTOP, names...); err != nil {
		return err
	}
	f.peers.signal(syscall.SIGSTOP, names...)
	<-ctx.Done()
	f.peers.signal(syscall.SIGCONT, names...)
	return f.cluster.Signal(syscall.SIGCONT, names...)
}

// lab runs a command of this program in a process of its own, which ends with ctx at the latest, and
// gives what it printed.
func (f *field) lab(ctx context.Context, args ...string) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	c := exec.CommandContext(ctx, self, args...)
	node := f.cluster.Names()[0] // any will do: from there its priority is nobody's
	var out bytes.Buffer
	complaints := new(output)
	c.Stdout, c.Stderr = &out, complaints
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = f.cluster.Network().Start(node, c)
	if err == nil {
		err = schedule.Reap(c)
	}
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%s: %w: %s", args[0], err, complaints)
	}
	return out.Bytes(), nil
}

// crashOne crashes a node, waits until the others have decided so, and boots it.
func (f *field) crashOne(ctx context.Context, victim string) error {
	fault, err := f.cluster.Crash(victim)
	if err != nil {
		return err
	}
	f.peers.end(syscall.SIGKILL, victim)
	f.mu.Lock()
	f.crashes = append(f.crashes, crash{victim: victim, fault: fault})
	f.mu.Unlock()
	found, err := f.found(ctx, victim, fault)
	if err != nil {
		return err
	}
	foundByPeers := f.peers.found(ctx, victim, fault)
	if err := f.cluster.Clear(victim); err != nil {
		return err
	}
	f.mu.Lock()
	c := &f.crashes[len(f.crashes)-1]
	c.found, c.foundByPeers, c.back = found, foundByPeers, dataplane.Now()
	f.mu.Unlock()
	return f.boot(victim)
}

// boot brings a crashed node back.
func (f *field) boot(name string) error {
	if err := f.cluster.Boot(name); err != nil {
		return err
	}
	return f.peers.start(name)
}

// crashAlong crashes nodes, one after the other, while the scenario lasts.
func (f *field) crashAlong(ctx context.Context, during time.Duration) error {
	pause := max(during/6, 2*time.Second)
	for sleep(ctx, min(pause, time.Second)); ctx.Err() == nil; { // the fault comes first
		victim := f.victim()
		if victim == "" {
			sleep(ctx, 100*time.Millisecond)
			continue
		}
		if err := f.crashOne(context.WithoutCancel(ctx), victim); err != nil {
			return err
		}
		sleep(ctx, pause)
	}
	return nil
}

// victim picks the node that is to crash, if one can: a daemon that starts among loads takes
// a while to be back.
func (f *field) victim() string {
	leader := f.leading()
	d := f.watch.Sight(leader).View
	if d == nil {
		return ""
	}
	names := f.cluster.Names()
	pool := slices.DeleteFunc(slices.Clone(names[len(names)-victims:]), func(name string) bool {
		return name == leader || f.isTouched(name) || !slices.ContainsFunc(d.Members, func(m publish.Member) bool {
			return m.Name == name && m.Incarnation != "" && m.State == view.Alive
		})
	})
	if len(pool) == 0 {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return pool[len(f.crashes)%len(pool)]
}

// found waits until a node has recorded when the removal was decided, and tells when that was. Where the
// lead moved in between, whoever finishes the view has no verdict of its own.
func (f *field) found(ctx context.Context, victim string, fault control.Time) (at control.Time, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %v", patience))
	defer cancel()
	err = f.watch.UntilAll(ctx, victim+"'s crash is noticed", nil, func(map[string]cluster.Sight) bool {
		for _, name := range f.cluster.Names() {
			for _, e := range f.watch.Sight(name).Events {
				if e.Kind == "installed" && fault.Before(control.Time(e.CommitNS)) && slices.Contains(e.Removed, victim) {
					at = control.Time(e.CommitNS)
					return true
				}
			}
		}
		return false
	})
	if err != nil {
		err = fmt.Errorf("%w; %s", err, f.told(victim))
	}
	return at, err
}

// told is what the leader says of a node that it should have removed.
func (f *field) told(victim string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	leader := f.leading()
	n, err := f.cluster.Node(leader)
	if err != nil {
		return "nobody leads"
	}
	g, err := n.Client().Group(ctx, "")
	if err != nil {
		return err.Error()
	}
	for _, m := range g.Members {
		if m.Name == victim {
			return fmt.Sprintf("%s, in round %d of ballot %s with view %d: %s missed %d rounds, its last answer is %d ms old; log:\n%s", leader, g.Round, g.Ballot, g.Committed, victim, m.Missed, m.EchoAgeMS, n.LogTail(4))
		}
	}
	return leader + " has no such member"
}

// events are what all nodes recorded, as far as they told.
func (f *field) events() map[string][]publish.EventDocument {
	all := map[string][]publish.EventDocument{}
	for _, name := range f.cluster.Names() {
		all[name] = f.watch.Sight(name).Events
	}
	return all
}

// recover undoes every fault and waits until all nodes agree again. A probation that failed lasts hardly longer
// than the fault did.
func (f *field) recover(ctx context.Context) error {
	patience := patience + f.plan.During
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %v", patience))
	defer cancel()
	c := f.cluster
	if err := c.Heal(c.Names()...); err != nil {
		return err
	}
	f.reachable(c.Names()...)
	for _, n := range c.Nodes() {
		var err error
		switch n.Daemon() {
		case "stopped":
			err = c.Signal(syscall.SIGCONT, n.Name)
		case "ended":
			if i := slices.IndexFunc(f.crashes, func(x crash) bool { return x.victim == n.Name && x.back == 0 }); i >= 0 {
				f.crashes[i].back = dataplane.Now()
				err = f.boot(n.Name)
			} else {
				err = c.Start(n.Name)
			}
		case "off":
			err = f.boot(n.Name)
		}
		if err != nil {
			return err
		}
	}
	stop := f.letBackIn(ctx, c.Names()...)
	_, err := f.watch.Settled(ctx, c.Names()...)
	stop()
	f.peers.settled(ctx)
	return err
}

// patience bounds the wait for what must happen.
const patience = 30 * time.Second

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// output keeps the end of what a process said.
type output struct {
	mu   sync.Mutex
	tail []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	const most = 1000
	o.tail = append(o.tail, b...)
	o.tail = o.tail[max(0, len(o.tail)-most):]
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.tail)
}
