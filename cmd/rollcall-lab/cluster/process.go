package cluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/cmd/internal/schedule"
	"rollcall/cmd/rollcall-lab/netlab"
)

// process is a daemon's identity: a number alone may come to mean another process.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since the machine booted
}

// errEnded says that a process is no more.
var errEnded = errors.New("not running")

// identify reads when the process with the number started. One that was killed has ended when its last thread has:
// until then its sockets are open, and its first thread may be gone before.
func identify(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, fmt.Errorf("process %d: %w", pid, errEnded)
	}
	// The name in parentheses may hold anything; the first field behind it is the state, the 18th the number of
	// threads, the 20th the start time (proc_pid_stat(5)).
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return process{}, fmt.Errorf("process %d: read its state: %d fields", pid, len(fields))
	}
	threads, err := strconv.Atoi(string(fields[17]))
	if err != nil {
		return process{}, fmt.Errorf("process %d: read number of threads: %w", pid, err)
	}
	if gone := fields[0][0] == 'Z' || fields[0][0] == 'X'; gone && threads <= 1 {
		return process{}, fmt.Errorf("process %d: %w", pid, errEnded)
	}
	start, err := strconv.ParseUint(string(fields[19]), 10, 64)
	if err != nil {
		return process{}, fmt.Errorf("process %d: read start time: %w", pid, err)
	}
	return process{PID: pid, Start: start}, nil
}

// handle is a process that cannot be confused with another while the handle is open.
type handle int

// open takes hold of the process, or says that it has ended.
func (p process) open() (handle, error) {
	if p.PID <= 0 {
		return -1, errEnded
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return -1, fmt.Errorf("process %d: %w", p.PID, errEnded)
	}
	now, err := identify(p.PID)
	if err != nil || now != p {
		unix.Close(fd)
		return -1, fmt.Errorf("process %d: %w", p.PID, errEnded)
	}
	return handle(fd), nil
}

func (h handle) signal(s syscall.Signal) error {
	if err := unix.PidfdSendSignal(int(h), s, nil, 0); err != nil && err != unix.ESRCH {
		return fmt.Errorf("send signal %v: %w", s, err)
	}
	return nil
}

// wait returns when the process has ended.
func (h handle) wait(within time.Duration) error {
	end := time.Now().Add(within)
	for {
		left := time.Until(end)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(h), Events: unix.POLLIN}}, int(max(left.Milliseconds(), 0)))
		switch {
		case n > 0:
			return nil
		case err != nil && err != unix.EINTR:
			return fmt.Errorf("wait for process: %w", err)
		case left <= 0:
			return fmt.Errorf("process did not end within %v", within)
		}
	}
}

func (h handle) close() { unix.Close(int(h)) }

func (n *Node) pidFile() string { return filepath.Join(n.Dir, "pid") }

// process reads which process the node's daemon is, or was.
func (n *Node) process() (process, error) {
	var p process
	b, err := os.ReadFile(n.pidFile())
	if errors.Is(err, os.ErrNotExist) {
		return p, fmt.Errorf("daemon of %s: %w", n.Name, errEnded)
	}
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		return p, fmt.Errorf("read process of %s: %w", n.Name, err)
	}
	return p, nil
}

// hold takes hold of the node's running daemon.
func (n *Node) hold() (handle, error) {
	p, err := n.process()
	if err != nil {
		return -1, err
	}
	h, err := p.open()
	if err != nil {
		return -1, fmt.Errorf("daemon of %s: %w", n.Name, errEnded)
	}
	return h, nil
}

// PID is the process number of the node's running daemon, or 0.
func (n *Node) PID() int {
	h, err := n.hold()
	if err != nil {
		return 0
	}
	defer h.close()
	p, err := n.process()
	if err != nil {
		return 0
	}
	return p.PID
}

// bootID is the file that says in which boot the node is: its daemons see it as the kernel's boot_id.
func (n *Node) bootID() string { return filepath.Join(n.Dir, "boot_id") }

// newBoot begins another boot. Daemons of the last one keep theirs.
func (n *Node) newBoot() error {
	if err := os.Remove(n.bootID()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("end the node's boot: %w", err)
	}
	if err := os.WriteFile(n.bootID(), []byte(rand.Text()+"\n"), 0o444); err != nil {
		return fmt.Errorf("name the node's boot: %w", err)
	}
	return nil
}

// spawn starts the node's daemon in its namespace.
func (c *Cluster) spawn(n *Node) error {
	if pid := n.PID(); pid != 0 {
		return fmt.Errorf("its daemon runs already, as process %d", pid)
	}
	log, err := os.OpenFile(n.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer log.Close()
	d := exec.Command(n.build, "--config", n.Config())
	d.Dir = "/"
	d.Stdout, d.Stderr = log, log
	d.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if c.options.Tied {
		d.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	if _, err := os.Stat(n.bootID()); errors.Is(err, os.ErrNotExist) {
		if err := n.newBoot(); err != nil {
			return err
		}
	}
	if err := c.network.StartBooted(n.Name, netlab.Boot{ID: n.bootID(), Hosts: hostsFile(n.Lab)}, d); err != nil {
		return fmt.Errorf("start %s: %w", n.build, err)
	}
	p, err := identify(d.Process.Pid)
	if err == nil && c.options.Priority > 0 {
		err = schedule.RoundRobin(c.options.Priority).Of(p.PID)
	}
	if err == nil {
		err = writeJSON(n.pidFile(), p)
	}
	if err != nil {
		d.Process.Kill()
		schedule.Reap(d)
		return n.diedSaying()
	}
	go schedule.Reap(d) // so that no zombie stays
	return nil
}

// answers returns when the node's daemon does what it is asked by its socket, or has ended without.
func (n *Node) answers(ctx context.Context) error {
	h, err := n.hold()
	if err != nil {
		return n.diedSaying()
	}
	defer h.close()
	const apart = 20 * time.Millisecond // between attempts, which no event calls for
	for client := n.Client(); ; {
		_, err := client.Status(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("its daemon does not answer at %s: %w; it said last: %s", n.Socket(), context.Cause(ctx), n.LogTail(1))
		case h.wait(apart) == nil:
			return n.diedSaying()
		}
	}
}

// diedSaying is the error of a daemon that ended when it was to run.
func (n *Node) diedSaying() error {
	return fmt.Errorf("its daemon ended at once; it said last: %s", n.LogTail(1))
}

// LogTail returns the last lines that the node's daemon wrote.
func (n *Node) LogTail(lines int) string {
	b, err := os.ReadFile(n.Log())
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimRight(b, "\n"), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

// Daemon tells how the node's daemon fares: running, stopped, ended (its kernel may answer
// still) or off (nothing is left of the node but its files).
func (n *Node) Daemon() string {
	pid := n.PID()
	if pid == 0 {
		if _, err := os.Stat(n.PinDir()); err != nil {
			return "off"
		}
		return "ended"
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "ended"
	}
	if state := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])[0]; state[0] == 'T' {
		return "stopped"
	}
	return "running"
}
