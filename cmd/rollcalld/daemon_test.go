package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/vishvananda/netlink"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/internal/key"
	"rollcall/view/publish"
)

// alone tells a test that it runs in a network namespace of its own.
const alone = "ROLLCALLD_TEST_ALONE"

// inOwnNetwork runs the test again in a process with a network of its own, where lo is all
// there is, and reports whether this is that process.
func inOwnNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(alone) != "" {
		lo, err := netlink.LinkByName("lo")
		if err == nil {
			err = netlink.LinkSetUp(lo)
		}
		if err != nil {
			t.Fatal(err)
		}
		return true
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	c.Env = append(os.Environ(), alone+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		if os.Getenv("ROLLCALL_REQUIRE_BPF") == "1" {
			t.Fatalf("make a network namespace: %v", err)
		}
		t.Skipf("needs a network namespace: %v", err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	return false
}

// lonely is the configuration of a cluster of one, on lo.
func lonely(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := key.Create(filepath.Join(dir, "key")); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`cluster = "solo"
node = "n1"
interfaces = ["lo"]
address = "127.0.0.1"
interval = "10ms"
found_wait = "120ms"
attach = "socket"
founders = "n1"
contacts = ["127.0.0.1:7746"]
priority = 0
key_file = "%[1]s/key"
socket = "%[1]s/run/api.sock"
state_dir = "%[1]s/state"
pin_dir = "%[1]s/pins"
[[group]]
id = 0
nodes = "n[1-2]"
`, dir)
	path := filepath.Join(dir, "rollcall.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDaemonFromStartToEnd founds a cluster of one on the socket plane and asks it by every
// way there is.
func TestDaemonFromStartToEnd(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	path := lonely(t)
	manager := serviceManager(t)
	start := func() (*config.Config, context.CancelFunc, <-chan error) {
		cfg, err := config.Load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := prepare(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- run(ctx, p, zerolog.New(zerolog.NewTestWriter(t))) }()
		return cfg, cancel, done
	}
	valid := func(c *publish.Client, done <-chan error) *publish.Document {
		t.Helper()
		for {
			select {
			case err := <-done:
				t.Fatalf("the daemon ended: %v", err)
			default:
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			for d, err := range c.Watch(ctx) {
				if err != nil {
					break // not up yet
				}
				if d.Valid {
					cancel()
					return d
				}
			}
			cancel()
		}
	}

	cfg, stop, done := start()
	client := publish.NewClient(cfg.Socket)
	first := valid(client, done)
	if got := states(*first); got != "n1:alive n2:absent" || first.Instance != 1 {
		t.Errorf("instance %d: %s", first.Instance, got)
	}
	reader, err := publish.Open(cfg.Socket)
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(time.Minute); !reader.Valid(); { // a lease may run out on a busy machine, and is renewed
		if time.Now().After(until) {
			t.Fatal("the mapped view is not valid")
		}
		time.Sleep(time.Millisecond)
	}
	events, err := client.Events(t.Context(), 0)
	if err != nil || len(events) < 2 || events[0].Kind != "founded" || events[1].Hash != first.Hash {
		t.Errorf("events %+v, %v", events, err)
	}
	if group, err := client.Group(t.Context(), ""); err != nil || group.Role != "leader" || len(group.Members) != 1 {
		t.Errorf("group %+v, %v", group, err)
	}

	for _, want := range []string{"READY=1", "STATUS=epoch 1 of instance 1: 1 of 2 nodes, leader n1", "WATCHDOG=1"} {
		manager.expect(t, want)
	}

	// A second daemon on the interface says who is in its way, and harms nobody.
	p, err := prepare(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), p, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("another rollcalld (pid %d)", os.Getpid())) {
		t.Errorf("a second daemon: %v", err)
	}
	if !valid(client, done).Valid {
		t.Error("the first daemon's view is gone")
	}

	stop()
	if err := <-done; err != nil {
		t.Errorf("stopped with %v", err)
	}
	manager.expect(t, "STOPPING=1")
	if !reader.Retired() {
		t.Error("readers are not told to reopen")
	}
	// as long as the lease runs, which nobody extends on the socket plane
	for until := time.Now().Add(time.Minute); reader.Valid(); {
		if time.Now().After(until) {
			t.Fatal("the mapped view stays valid though nobody extends its lease")
		}
		time.Sleep(time.Millisecond)
	}

	// The founder's record tells the next one of instance 1.
	record, err := loadRecord(cfg.StateDir)
	if err != nil || record.Instance != 1 || len(record.Voters) != 1 || record.Voters[0].Name != "n1" {
		t.Errorf("record %+v, %v", record, err)
	}
}

// serviceManager plays systemd, watchdog and all.
func serviceManager(t *testing.T) notifications {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000000")
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	return notifications{c}
}

type notifications struct{ *net.UnixConn }

// expect waits until the daemon says so.
func (n notifications) expect(t *testing.T, want string) {
	t.Helper()
	b := make([]byte, 1024)
	for {
		size, err := n.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if string(b[:size]) == want {
			return
		}
	}
}

func TestStartErrorsNameTheRemedy(t *testing.T) {
	path := lonely(t)
	for name, test := range map[string]struct {
		flags []string
		want  string
	}{
		"no file":      {[]string{"--config", "/nonexistent.toml"}, "--config"},
		"no key":       {[]string{"--key-file", "/nonexistent.key"}, "rollcall keygen /nonexistent.key"},
		"no interface": {[]string{"--interfaces", "nonesuch0"}, "interface nonesuch0 does not exist: name one"},
		"no address":   {[]string{"--address", "192.0.2.1"}, "has no address 192.0.2.1"},
		"bad flag":     {[]string{"--rounds", "1"}, "--rounds: 1 is out of range"},
		"unknown flag": {[]string{"--wizard"}, "wizard"},
		"an argument":  {[]string{"start"}, "start"},
	} {
		t.Run(name, func(t *testing.T) {
			c := command()
			c.SetArgs(append([]string{"--check", "--config", path}, test.flags...))
			c.SetOut(&bytes.Buffer{})
			if err := c.Execute(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want in it %q", err, test.want)
			}
		})
	}
}

func TestCheckChangesNothing(t *testing.T) {
	path := lonely(t)
	var out bytes.Buffer
	c := command()
	c.SetArgs([]string{"--check", "--config", path})
	c.SetOut(&out)
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{path + ": good", "node n1 in group 0 of 2 nodes", "10ms x 5", "127.0.0.1:7746", "record of instance 0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 2 {
		t.Errorf("left behind %v", files)
	}
}

func TestDamagedRecordStopsTheStart(t *testing.T) {
	path := lonely(t)
	state := filepath.Join(filepath.Dir(path), "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(state, recordFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := command()
	c.SetArgs([]string{"--check", "--config", path})
	if err := c.Execute(); err == nil || !strings.Contains(err.Error(), "restore "+state) {
		t.Errorf("got %v, want an error that names the remedy", err)
	}
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	c := command()
	c.SetArgs([]string{"--version"})
	c.SetOut(&out)
	if err := c.Execute(); err != nil || !strings.HasPrefix(out.String(), "rollcalld ") {
		t.Errorf("got %q, %v", out.String(), err)
	}
}
