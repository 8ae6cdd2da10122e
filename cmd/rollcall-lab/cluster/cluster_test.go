package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rollcall/cmd/rollcall-lab/netlab"
)

// pretendDaemon in the environment makes the test binary stand for rollcalld.
const pretendDaemon = "ROLLCALL_TEST_PRETEND_DAEMON"

func TestMain(m *testing.M) {
	if os.Getenv(pretendDaemon) != "" {
		end := make(chan os.Signal, 1)
		signal.Notify(end, syscall.SIGTERM)
		fmt.Println("started with", os.Args[1:])
		<-end
		fmt.Println("ended")
		return
	}
	os.Exit(m.Run())
}

// up makes a cluster of daemons that only wait for their end.
func up(t *testing.T, nodes int) *Cluster { return upTied(t, nodes, false) }

func upTied(t *testing.T, nodes int, tied bool) *Cluster {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "needs root to make network namespaces")
	}
	t.Setenv(pretendDaemon, "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Up(Options{Lab: fmt.Sprintf("u%d", os.Getpid()), Nodes: nodes, Daemon: self, Tied: tied})
	if err != nil {
		missing(t, err.Error())
	}
	t.Cleanup(func() {
		if err := c.Down(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(labDir(c.options.Lab)); !os.IsNotExist(err) {
			t.Errorf("state left: %v", err)
		}
		labs, err := netlab.Remains()
		if err != nil || strings.Contains(strings.Join(labs, " "), c.options.Lab) {
			t.Errorf("pins left: %v, %v", labs, err)
		}
	})
	return c
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("ROLLCALL_REQUIRE_BPF") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// namespaceOf reads which network namespace a process is in.
func namespaceOf(t *testing.T, pid any) string {
	t.Helper()
	s, err := os.Readlink(fmt.Sprintf("/proc/%v/ns/net", pid))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDaemonsRunInNamespacesOfTheirOwn(t *testing.T) {
	c := up(t, 4)
	// Not "self": that is the process's first thread, which may be the one that starts daemons.
	seen := map[string]string{namespaceOf(t, "thread-self"): "this test"}
	for _, n := range c.Nodes() {
		if n.Daemon() != "running" {
			t.Errorf("%s is %s", n.Name, n.Daemon())
		}
		ns := namespaceOf(t, n.PID())
		if other := seen[ns]; other != "" {
			t.Errorf("%s shares its namespace with %s", n.Name, other)
		}
		seen[ns] = n.Name
	}
}

// A parent-death signal comes with the end of the thread that started the child; the Go
// runtime ends threads of its own accord.
func TestTiedDaemonsOutliveThreads(t *testing.T) {
	c := upTied(t, 8, true)
	for range 4 {
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				runtime.LockOSThread() // the thread ends with the goroutine
				time.Sleep(time.Millisecond)
			})
		}
		wg.Wait()
	}
	for _, n := range c.Nodes() {
		if n.Daemon() != "running" {
			t.Errorf("%s is %s", n.Name, n.Daemon())
		}
	}
}

func TestFaultsOfDaemons(t *testing.T) {
	c := up(t, 3)
	n := c.Nodes()[1]
	first := n.PID()
	steps := []struct {
		name string
		do   func(...string) error
		want string
	}{
		{"stop", func(names ...string) error { return c.Signal(syscall.SIGSTOP, names...) }, "stopped"},
		{"cont", func(names ...string) error { return c.Signal(syscall.SIGCONT, names...) }, "running"},
		{"restart", c.Restart, "running"},
		{"end", func(names ...string) error { return c.End(syscall.SIGKILL, names...) }, "ended"},
		{"restart", c.Restart, "running"},
		{"kill", c.Kill, "off"},
		{"boot", c.Boot, "running"},
	}
	for _, s := range steps {
		if s.name == "restart" { // whatever is pinned must survive it
			if err := os.MkdirAll(filepath.Join(n.PinDir(), "kept"), 0o750); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.do(n.Name); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		await(t, n, s.want)
		_, err := os.Stat(filepath.Join(n.PinDir(), "kept"))
		if s.name == "restart" && err != nil {
			t.Errorf("restart lost what was pinned: %v", err)
		}
		if s.name == "kill" && !os.IsNotExist(err) {
			t.Errorf("pins of a killed node: %v", err)
		}
	}
	if n.PID() == first {
		t.Error("the daemon was never replaced")
	}
	if err := c.Boot(n.Name); err == nil {
		t.Error("booted a node that is up")
	}
	for _, other := range []*Node{c.Nodes()[0], c.Nodes()[2]} {
		if other.Daemon() != "running" {
			t.Errorf("%s is %s", other.Name, other.Daemon())
		}
	}
	if err := c.Kill("nobody"); err == nil {
		t.Error("killed a node that does not exist")
	}
}

// await polls what no event tells: a stopped process says nothing.
func await(t *testing.T, n *Node, want string) {
	t.Helper()
	for end := time.Now().Add(patience); n.Daemon() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s is %s, want %s", n.Name, n.Daemon(), want)
		}
	}
}

func TestAnotherProcessWithTheNumberIsNotTheDaemon(t *testing.T) {
	p, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{Dir: t.TempDir()}
	n.Name = "n01"
	if n.PID() != 0 {
		t.Error("a daemon without a record")
	}
	if err := writeJSON(n.pidFile(), p); err != nil {
		t.Fatal(err)
	}
	if n.PID() != os.Getpid() {
		t.Error("the recorded process is not found")
	}
	p.Start--
	if err := writeJSON(n.pidFile(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := n.hold(); n.PID() != 0 || !errors.Is(err, errEnded) {
		t.Errorf("a process that started at another time is taken for the daemon: %v", err)
	}
}

func TestDownFindsWhatACrashLeft(t *testing.T) {
	c := up(t, 3)
	lab := c.options.Lab
	pid := c.Nodes()[0].PID()
	s, err := readState(lab)
	if err != nil {
		t.Fatal(err)
	}
	labs, err := Labs()
	if err != nil || !strings.Contains(strings.Join(labs, " "), lab) {
		t.Errorf("labs %v, %v; want %s among them", labs, err, lab)
	}

	parent, err := identify(os.Getppid())
	if err != nil {
		t.Fatal(err)
	}
	s.Options.Tied, s.Maker = true, parent // as if that process took care of it
	if err := writeJSON(filepath.Join(labDir(lab), "state.json"), s); err != nil {
		t.Fatal(err)
	}
	if err := Down(lab); !errors.Is(err, ErrHeld) {
		t.Errorf("down of a lab that another process holds: %v", err)
	}
	s.Maker.Start-- // it has ended
	if err := writeJSON(filepath.Join(labDir(lab), "state.json"), s); err != nil {
		t.Fatal(err)
	}
	if err := Down(lab); err != nil {
		t.Fatal(err)
	}
	if _, err := identify(pid); !errors.Is(err, errEnded) {
		t.Errorf("a daemon still runs: %v", err)
	}
	if _, err := Find(lab); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("find after down: %v", err)
	}
	if err := Down(lab); err != nil {
		t.Errorf("down again: %v", err)
	}
}

func TestFindSeesTheSameCluster(t *testing.T) {
	c := up(t, 2)
	found, err := Find(c.options.Lab)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	if err := found.Cut(netlab.ClosedOut, "n02"); err != nil {
		t.Fatal(err)
	}
	if l, err := c.Network().Link("n02"); err != nil || l.Gate != netlab.ClosedOut {
		t.Errorf("link reads %v, %v", l, err)
	}
	if a, b := c.Nodes()[1], found.Nodes()[1]; a.PID() == 0 || a.PID() != b.PID() || a.Socket() != b.Socket() {
		t.Errorf("%+v and %+v differ", a, b)
	}
	if _, err := Build(c.options); err == nil || !strings.Contains(err.Error(), "stands already") {
		t.Errorf("build over a standing lab: %v", err)
	}
}

func TestDaemonThatEndsAtOnceIsNamed(t *testing.T) {
	if os.Geteuid() != 0 {
		missing(t, "needs root to make network namespaces")
	}
	_, err := Up(Options{Lab: fmt.Sprintf("v%d", os.Getpid()), Nodes: 2, Daemon: "/nonexistent/rollcalld"})
	if err == nil || !strings.Contains(err.Error(), "/nonexistent/rollcalld") {
		t.Errorf("start of a missing daemon: %v", err)
	}
	if labs, err := Labs(); err != nil || strings.Contains(strings.Join(labs, " "), fmt.Sprintf("v%d", os.Getpid())) {
		t.Errorf("left after a failed start: %v, %v", labs, err)
	}
}
