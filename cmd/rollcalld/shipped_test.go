package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/google/go-cmp/cmp"

	"rollcall/cmd/internal/config"
)

// TestExampleIsGood reads the example as it is shipped, and again with every key that it
// only comments on: those must be the defaults.
func TestExampleIsGood(t *testing.T) {
	text, err := os.ReadFile("rollcall.toml")
	if err != nil {
		t.Fatal(err)
	}
	as := map[string]string{"node": "cn001"}
	plain, err := config.Parse("rollcall.toml", text, as)
	if err != nil {
		t.Fatal(err)
	}
	commented := regexp.MustCompile(`(?m)^#(\w+ *= )`)
	for _, k := range config.Keys {
		if !regexp.MustCompile(`(?m)^#?` + k.Name + ` *= `).Match(text) {
			t.Errorf("the example does not show %s", k.Name)
		}
	}
	full, err := config.Parse("rollcall.toml", commented.ReplaceAll(text, []byte("$1")), as)
	if err != nil {
		t.Fatal(err)
	}
	// Their defaults are the host's, the profile's name, and all founders.
	full.Addresses, full.Profile, full.Contacts = plain.Addresses, plain.Profile, plain.Contacts
	if diff := cmp.Diff(show(plain), show(full)); diff != "" {
		t.Errorf("what the example calls a default is none (-default +shown):\n%s", diff)
	}
}

func show(c *config.Config) []string {
	return []string{
		c.String(), c.KeyFile, c.RPC.String(), strings.Join(c.Contacts, " "), c.Socket, c.StateDir, c.PinDir, c.AgentGrace.String(), c.OnStale,
		c.JoinWindow.String(), c.FoundWait.String(), c.LogLevel, string(rune(c.EtherType)), string(rune(c.Port)), string(rune(c.DSCP)), string(rune(c.Priority)),
	}
}

func TestServiceUnit(t *testing.T) {
	f, err := os.Open("rollcalld.service")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	options, err := unit.DeserializeOptions(f)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range options {
		got[o.Section+"."+o.Name] = o.Value
	}
	example, err := config.Load("rollcall.toml", map[string]string{"node": "cn001"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Unit.StartLimitIntervalSec":       "0",
		"Service.Type":                     "notify",
		"Service.ExecStartPre":             "", // a check fails where an interface is late; the daemon waits
		"Service.RestartPreventExitStatus": "2",
		"Service.RuntimeDirectoryPreserve": "yes", // the roster and the pins outlive a restart
		"Service.CPUSchedulingPolicy":      "rr",
		"Service.CPUSchedulingPriority":    strconv.Itoa(example.Priority - 1), // as preferThreads
		"Install.WantedBy":                 "multi-user.target",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	line := strings.Fields(got["Service.ExecStart"])
	if len(line) == 0 || !strings.HasSuffix(line[0], "/rollcalld") {
		t.Fatalf("ExecStart is %q", line)
	}
	if err := command().ParseFlags(line[1:]); err != nil {
		t.Errorf("ExecStart: %v", err)
	}
	for _, c := range []string{"CAP_BPF", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_NICE", "CAP_IPC_LOCK"} {
		if !strings.Contains(got["Service.CapabilityBoundingSet"], c) {
			t.Errorf("the daemon is not let have %s", c)
		}
	}
}
