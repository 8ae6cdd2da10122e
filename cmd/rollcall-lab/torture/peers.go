package torture

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"rollcall/cmd/internal/schedule"
	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/control"
)

// peers are agents of another membership service, one on each node beside the daemon, which
// suffer what it suffers. A nil *peers is none, and does nothing.
type peers struct {
	cluster *cluster.Cluster
	program string   // see tests/memberlist, which says what it is told and what it prints
	args    []string // more than what it is told in any case

	mu      sync.Mutex
	agents  map[string]*agent // by node
	removed []peerRemoval
	changed chan struct{} // closed at the next change of a list
}

// agent is a process of the program.
type agent struct {
	command *exec.Cmd
	ended   chan struct{}
	errors  output
	list    map[string]bool // the nodes that it knows of
}

// peerRemoval is one agent's dropping of a node from its list.
type peerRemoval struct {
	by, node string
	at       control.Time
}

// startPeers starts a program, whose arguments may follow, on every node; without one there
// are none.
func startPeers(c *cluster.Cluster, program string) (*peers, error) {
	words, err := peerProgram(program)
	if len(words) == 0 {
		return nil, err
	}
	p := &peers{cluster: c, program: words[0], args: words[1:], agents: map[string]*agent{}, changed: make(chan struct{})}
	if err := p.start(c.Names()...); err != nil {
		p.end(syscall.SIGKILL, c.Names()...)
		return nil, err
	}
	return p, nil
}

// start starts the agents of the named nodes.
func (p *peers) start(names ...string) error {
	if p == nil {
		return nil
	}
	var contacts []string
	for _, n := range p.cluster.Nodes()[:victims] { // that crash seldom
		contacts = append(contacts, n.IPv4.String())
	}
	var errs []error
	for _, name := range names {
		n, err := p.cluster.Node(name)
		if err != nil {
			return err
		}
		args := append([]string{"--name", name, "--address", n.IPv4.String(), "--contacts", strings.Join(contacts, ",")}, p.args...)
		command := exec.Command(p.program, args...)
		command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		a := &agent{command: command, ended: make(chan struct{}), list: map[string]bool{}}
		command.Stderr = &a.errors
		out, err := command.StdoutPipe()
		if err == nil {
			err = p.cluster.Network().Start(name, command)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("start %s on %s: %w", p.program, name, err))
			continue
		}
		p.mu.Lock()
		p.agents[name] = a
		p.mu.Unlock()
		go func() {
			p.listen(name, a, out)
			_ = schedule.Reap(command) // how it ended was the lab's doing, or is seen in its errors
			close(a.ended)
		}()
	}
	return errors.Join(errs...)
}

func (p *peers) listen(name string, a *agent, out io.Reader) {
	for s := bufio.NewScanner(out); s.Scan(); {
		var change struct {
			Kind string       `json:"kind"`
			Node string       `json:"node"`
			AtNS control.Time `json:"at_ns"`
		}
		if json.Unmarshal(s.Bytes(), &change) != nil {
			continue
		}
		p.mu.Lock()
		if change.Kind == "removed" {
			delete(a.list, change.Node)
			p.removed = append(p.removed, peerRemoval{name, change.Node, change.AtNS})
		} else {
			a.list[change.Node] = true
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// until waits until ok holds, which is asked again whenever a list has changed, or ctx ends.
func (p *peers) until(ctx context.Context, ok func() bool) bool {
	for {
		p.mu.Lock()
		changed, done := p.changed, ok()
		p.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// settled waits until each agent has every node in its list, but not for ever: what is to be
// judged is not theirs.
func (p *peers) settled(ctx context.Context) {
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, peersPatience)
	defer cancel()
	p.until(ctx, func() bool {
		for _, a := range p.agents {
			if len(a.list) < len(p.cluster.Names()) {
				return false
			}
		}
		return true
	})
}

// peersPatience bounds the wait for the peers.
const peersPatience = 10 * time.Second

// signal sends a signal to the agents of the named nodes.
func (p *peers) signal(s syscall.Signal, names ...string) {
	if p == nil {
		return
	}
	for _, name := range names {
		p.mu.Lock()
		a := p.agents[name]
		p.mu.Unlock()
		if a != nil {
			_ = a.command.Process.Signal(s) // one that has ended is not there any more
		}
	}
}

// end ends the agents of the named nodes and waits for them.
func (p *peers) end(s syscall.Signal, names ...string) {
	if p == nil {
		return
	}
	p.signal(s, names...)
	for _, name := range names {
		p.mu.Lock()
		a := p.agents[name]
		delete(p.agents, name)
		p.mu.Unlock()
		if a != nil {
			<-a.ended
		}
	}
}

// missing says which of the agents have ended by themselves.
func (p *peers) missing() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, a := range p.agents {
		select {
		case <-a.ended:
			return fmt.Errorf("%s on %s has ended: %s", p.program, name, &a.errors)
		default:
		}
	}
	return nil
}

// removals are those after a moment.
func (p *peers) removals(after control.Time) []peerRemoval {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.removed), func(r peerRemoval) bool { return r.at.Before(after) })
}

// found waits until an agent has removed the node, for a while; 0 when none has.
func (p *peers) found(ctx context.Context, victim string, fault control.Time) (at control.Time) {
	if p == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, peersPatience)
	defer cancel()
	p.until(ctx, func() bool {
		for _, r := range p.removed {
			if r.node == victim && r.by != victim && fault.Before(r.at) {
				at = r.at
				return true
			}
		}
		return false
	})
	return at
}

// auditPeers lists the nodes that agents removed though they lived and could be reached, as
// audit does. What agents say that the fault concerns does not count.
func auditPeers(removals []peerRemoval, crashes []crash, touched, excused func(node string) bool) []string {
	var live []string
	for _, r := range removals {
		crashed := slices.ContainsFunc(crashes, func(c crash) bool {
			const rumour = 2 * time.Second // until everybody has heard of its return
			mine := c.victim == r.node || c.victim == r.by
			return mine && c.fault.Before(r.at) && (c.back == 0 || r.at.Before(c.back.Add(rumour)))
		})
		if !crashed && !excused(r.node) && !touched(r.by) && !slices.Contains(live, r.node) {
			live = append(live, r.node)
		}
	}
	slices.Sort(live)
	return live
}

// peerProgram is the program, by its absolute path, and its arguments, or says why it cannot be used. What the lab
// starts begins in another directory than the lab.
func peerProgram(program string) ([]string, error) {
	words := strings.Fields(program)
	if len(words) == 0 {
		return nil, nil
	}
	if _, err := os.Stat(words[0]); err != nil {
		return nil, fmt.Errorf("find the peer to compare with: %w; build it with: make ladder", err)
	}
	path, err := filepath.Abs(words[0])
	if err != nil {
		return nil, fmt.Errorf("find the peer to compare with: %w", err)
	}
	words[0] = path
	return words, nil
}
