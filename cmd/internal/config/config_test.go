package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"rollcall/control"
)

// good is a whole valid file; tests change one line of it.
const good = `cluster    = "tofu"
node       = "cn001"
interfaces = ["hsn0"]
profile    = "fast"
founders   = "cn[001-003]"

[[group]]
id    = 0
name  = "rack0"
nodes = "cn[001-064]"
`

func TestDefaults(t *testing.T) {
	c, err := Parse("rollcall.toml", []byte(good), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Interval != 10*time.Millisecond || c.Rounds != 5 || c.Profile != "fast" {
		t.Errorf("profile %s is %v x %d", c.Profile, c.Interval, c.Rounds)
	}
	if c.RPC.Port() != 7746 || c.RPC.Addr().IsValid() {
		t.Errorf("rpc is %v", c.RPC)
	}
	if got := strings.Join(c.Contacts, " "); got != "cn001:7746 cn002:7746 cn003:7746" {
		t.Errorf("contacts are %s", got)
	}
	if !c.Founder() || c.Own().Name != "rack0" || len(c.Own().Nodes) != 64 {
		t.Errorf("founder %v, group %+v", c.Founder(), c.Own())
	}
	if c.FoundWait != 10*time.Second || c.JoinWindow != 250*time.Millisecond || c.Priority != 50 || c.EtherType != 0x88b5 {
		t.Errorf("defaults are off: %+v", c)
	}
}

func TestEveryKey(t *testing.T) {
	text := `cluster = "tofu"
node = "a"
interfaces = ["v0"]
profile = "safe"
interval = "20ms"
rounds = 7
attach = "tc"
pacer = "kernel"
transport = "udp"
key_file = "/k"
founders = "a"
prefer = "b"
avoid = "a"
contacts = ["b:1", "10.0.0.1:2", "[fd00::1]:3"]
rpc = "10.0.0.9:7000"
socket = "/s"
state_dir = "/st"
pin_dir = "/p"
agent_grace = "3s"
on_stale = "remove"
quarantine = 4
found_wait = "1s"
join_window = "0s"
log_level = "debug"
ethertype = 0x88b6
port = 7000
dscp = 10
address = "10.0.0.9"
priority = 0
group = [{id = 3, nodes = "a,b", transport = "ether"}]
`
	for _, k := range Keys {
		if !strings.Contains(text, "\n"+k.Name+" =") && !strings.HasPrefix(text, k.Name+" =") {
			t.Errorf("this test does not set %s", k.Name)
		}
	}
	c, err := Parse("f", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(c.Node, c.Interfaces, c.Profile, c.Interval, c.Rounds, c.Attach, c.Pacer, c.Transport, c.KeyFile, c.Founders, c.Prefer, c.Avoid, c.Contacts, c.RPC,
		c.Socket, c.StateDir, c.PinDir, c.AgentGrace, c.OnStale, c.Quarantine, c.FoundWait, c.JoinWindow, c.LogLevel, c.EtherType, c.Port, c.DSCP, c.Addresses, c.Priority, c.Own().ID)
	want := fmt.Sprint("a", []string{"v0"}, "custom", 20*time.Millisecond, 7, "tc", "kernel", "ether", "/k", []string{"a"}, []string{"b"}, []string{"a"},
		[]string{"b:1", "10.0.0.1:2", "[fd00::1]:3"}, netip.MustParseAddrPort("10.0.0.9:7000"),
		"/s", "/st", "/p", 3*time.Second, "remove", 4, time.Second, time.Duration(0), "debug", 0x88b6, 7000, 10, []netip.Addr{netip.MustParseAddr("10.0.0.9")}, 0, 3)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestProblemsNameFileLineAndRemedy(t *testing.T) {
	top := func(line string) string { return line + "\n" + good } // at line 1
	swap := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q to replace", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	more := func(table string) string { return good + "\n" + table } // from line 12
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":           {top(`intervall = "10ms"`), `f:1: intervall: unknown key; the keys are cluster, node,`},
		"key in capitals":       {swap("cluster ", "Cluster "), `f:1: Cluster: unknown key`},
		"unknown table":         {more("[wizard]\nx = 1"), `f:12: wizard: unknown key`},
		"unknown group key":     {swap("name  =", "label ="), `f:9: group 1: label: unknown key; the keys of a group are id,`},
		"syntax":                {swap(`"hsn0"]`, `"hsn0"`), `f:4: `},
		"key twice":             {top(`cluster = "miso"`), `f:2: `},
		"wrong type":            {swap(`"fast"`, `5`), `f:4: profile: must be a string in quotes`},
		"wrong type in list":    {swap(`["hsn0"]`, `[1]`), `f:3: interfaces: must be an array of strings`},
		"no list":               {swap(`["hsn0"]`, `"hsn0"`), `f:3: interfaces: must be an array of strings`},
		"empty":                 {swap(`"cn001"`, `""`), `f:2: node: empty; leave the key out`},
		"no cluster":            {strings.Replace(good, `cluster    = "tofu"`, "", 1), `f: cluster: missing`},
		"cluster name":          {swap(`"tofu"`, `"Tofu"`), `f:1: cluster: bad name "Tofu"; 1 to 32 of a-z`},
		"cluster name long":     {swap(`"tofu"`, `"`+strings.Repeat("t", 33)+`"`), `f:1: cluster: bad name`},
		"node name":             {swap(`"cn001"`, `"cn/1"`), `f:2: node: bad node name`},
		"node in no group":      {swap(`"cn001"`, `"cn999"`), `f:2: node: cn999 is in no group; add it`},
		"no interface":          {swap(`["hsn0"]`, `[]`), `f:3: interfaces: `},
		"five interfaces":       {swap(`["hsn0"]`, `["a", "b", "c", "d", "e"]`), `f:3: interfaces: 5 interfaces; at most 4`},
		"an interface twice":    {swap(`["hsn0"]`, `["a", "b", "a"]`), `f:3: interfaces: a is named twice`},
		"too few addresses":     {top(`address = "10.0.0.1,10.1.0.1"`), `f:1: address: 2 addresses for 1 interfaces; give one for each`},
		"interface name":        {swap(`["hsn0"]`, `["a-name-of-16-char"]`), `f:3: interfaces: "a-name-of-16-char" is no name of an interface`},
		"profile":               {swap(`"fast"`, `"quick"`), `f:4: profile: no profile "quick"; safe, fast or extreme`},
		"rounds low":            {top("rounds = 1"), `f:1: rounds: 1 is out of range; 4 to 32`},
		"rounds high":           {top("rounds = 33"), `f:1: rounds: 33 is out of range; 4 to 32`},
		"interval without unit": {top(`interval = "10"`), `f:1: interval: bad duration "10"; write for example 10ms`},
		"interval as integer":   {top("interval = 10"), `f:1: interval: must be a string in quotes`},
		"interval low":          {top(`interval = "999us"`), `f:1: interval: 999µs is out of range; 1ms to 10s`},
		"interval zero":         {top(`interval = "0s"`), `f:1: interval: 0s is out of range`},
		"interval negative":     {top(`interval = "-1s"`), `f:1: interval: -1s is out of range`},
		"interval fraction":     {top(`interval = "1500001ns"`), `f:1: interval: 1.500001ms is not a whole number of microseconds`},
		"found_wait short":      {top(`found_wait = "100ms"`), `f:1: found_wait: 100ms is too short for these rounds; at least 120ms`},
		"agent_grace short":     {top(`agent_grace = "0s"`), `f:1: agent_grace: 0s is out of range`},
		"join_window long":      {top(`join_window = "11s"`), `f:1: join_window: 11s is out of range`},
		"on_stale":              {top(`on_stale = "reboot"`), `f:1: on_stale: no such choice "reboot"; one of report, remove`},
		"attach":                {top(`attach = "ebpf"`), `f:1: attach: no such choice "ebpf"; one of auto, native`},
		"pacer":                 {top(`pacer = "cron"`), `f:1: pacer: no such choice "cron"; one of auto, kernel`},
		"pacer of a socket":     {top("attach = \"socket\"\npacer = \"kernel\""), `f:2: pacer: attach "socket" has no program that could keep the beat; choose pacer "auto"`},
		"transport":             {top(`transport = "tcp"`), `f:1: transport: no such choice "tcp"`},
		"log_level":             {top(`log_level = "loud"`), `f:1: log_level: no such choice`},
		"ethertype of IP":       {top("ethertype = 0x0800"), `f:1: ethertype: 0x0800 is taken by IP`},
		"ethertype length":      {top("ethertype = 1500"), `f:1: ethertype: 1500 is out of range`},
		"port":                  {top("port = 65536"), `f:1: port: 65536 is out of range; 1 to 65535`},
		"dscp":                  {top("dscp = 64"), `f:1: dscp: 64 is out of range`},
		"address":               {top(`address = "10.0.0.1/24"`), `f:1: address: bad address "10.0.0.1/24"; write one`},
		"priority":              {top("priority = 100"), `f:1: priority: 100 is out of range; 0 to 99`},
		"relative path":         {top(`state_dir = "state"`), `f:1: state_dir: "state" is not an absolute path`},
		"long socket":           {top(`socket = "/` + strings.Repeat("s", 107) + `"`), `f:1: socket: path of 108 bytes`},
		"rpc":                   {top(`rpc = "7746"`), `f:1: rpc: bad address "7746"; write HOST:PORT`},
		"rpc port zero":         {top(`rpc = ":0"`), `f:1: rpc: bad address ":0"`},
		"rpc name":              {top(`rpc = "cn001:7746"`), `f:1: rpc: bad address "cn001"`},
		"contact unknown":       {top(`contacts = ["cn065:7746"]`), `f:1: contacts: cn065:7746 is in no group and no address`},
		"contact without port":  {top(`contacts = ["cn001"]`), `f:1: contacts: bad address "cn001"`},
		"no founders":           {strings.Replace(good, `founders   = "cn[001-003]"`, "", 1), `f: founders: missing`},
		"founder unknown":       {swap("cn[001-003]", "cn[064-065]"), `f:5: founders: cn065 is in no group`},
		"founders blank":        {swap("cn[001-003]", " "), `f:5: founders: names no node`},
		"nodes blank":           {swap("cn[001-064]", " "), `f:10: group 1: nodes: names no node`},
		"founders bad":          {swap("cn[001-003]", "cn[001-"), `f:5: founders: `},
		"no groups":             {strings.Split(good, "\n[[group]]")[0], `f: group: none; add a [[group]] with id and nodes`},
		"group as table":        {strings.Replace(good, "[[group]]", "[group]", 1), `f:7: group: must be written as [[group]]`},
		"group without id":      {strings.Replace(good, "id    = 0\n", "", 1), `f:7: group 1: id: missing; number the group`},
		"group id":              {swap("id    = 0", "id = 248"), `f:8: group 1: id: 248 is out of range; 0 to 247`},
		"group without nodes":   {strings.Replace(good, `nodes = "cn[001-064]"`, "", 1), `f:7: group 1: nodes: missing`},
		"hostlist":              {swap("cn[001-064]", "cn[001-064"), `f:10: group 1: nodes: `},
		"hostlist name":         {swap("cn[001-064]", "cn001,c/2"), `f:10: group 1: nodes: `},
		"group too large":       {swap("cn[001-064]", "cn[001-257]"), `f:10: group 1: nodes: 257 nodes, at most 256; split the group`},
		"group id twice":        {more("[[group]]\nid = 0\nnodes = \"x1\""), `f:13: group 2: id: 0 is the id of an earlier group too`},
		"group name twice":      {more("[[group]]\nid = 1\nname = \"rack0\"\nnodes = \"x1\""), `f:14: group 2: name: "rack0" is the name of an earlier group too`},
		"node in two groups":    {more("[[group]]\nid = 1\nnodes = \"cn064\""), `f:14: group 2: nodes: cn064 is in group 0 already`},
		"node twice":            {swap(`"cn[001-064]"`, `"cn001,cn002,cn003,cn002"`), `f:10: group 1: nodes: cn002 is named twice`},
		"group transport":       {more("[[group]]\nid = 1\nnodes = \"x1\"\ntransport = \"x\""), `f:15: group 2: transport: no such choice "x"`},
		"extreme":               {strings.Replace(swap("[001-064]", "[001-065]"), "fast", "extreme", 1), `f:10: group 1: nodes: 65 nodes, with rounds every 1ms at most 64`},
		"founders in one group": {more("[[group]]\nid = 1\nnodes = \"x1\""), `f:5: founders: cn001 and cn002 are both in group 0; choose founders of different groups`},
		"more founders than seats": {strings.Replace(good, "cn[001-003]", "cn[001-008]", 1) + "[[group]]\nid = 1\nnodes = \"x1\"",
			`f:5: founders: 8 nodes, at most 7; each takes a seat above the groups`},
		"founder twice":    {swap("cn[001-003]", "cn001,cn001"), `f:5: founders: cn001 is named twice`},
		"prefer unknown":   {top(`prefer = "cn[064-065]"`), `f:1: prefer: cn065 is in no group`},
		"avoid bad":        {top(`avoid = "cn[1"`), `f:1: avoid: hostlist: `},
		"avoid and prefer": {top("avoid = \"cn001\"\nprefer = \"cn001\""), `f:1: avoid: cn001 is in prefer too; leave it out of one`},
		"long line":        {swap("cn[001-003]", strings.Repeat("c", lineMax)), `f:5: line of 8`},
		"not UTF-8":        {top("cluster = \"\xff\""), `f:1: `},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f", []byte(test.text), nil)
			if err == nil {
				t.Fatal("taken")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got:\n%v\nwant in it:\n%s", err, test.want)
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	text := strings.Replace(strings.Replace(good, "fast", "quick", 1), "tofu", "TOFU", 1)
	_, err := Parse("f", []byte(text), nil)
	if n := strings.Count(fmt.Sprint(err), "\n") + 1; err == nil || n != 2 {
		t.Errorf("got %d problems, want 2:\n%v", n, err)
	}
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, "x%d = 1\n", i)
	}
	_, err = Parse("f", []byte(many.String()+good), nil)
	if n := strings.Count(fmt.Sprint(err), "\n") + 1; err == nil || n != problemsMax+1 || !strings.Contains(err.Error(), "80 problems more") {
		t.Errorf("got %d lines:\n%v", n, err)
	}
}

func TestFlagsOverrideKeys(t *testing.T) {
	c, err := Parse("f", []byte(good), map[string]string{
		"node": "cn002", "interval": "1ms", "interfaces": "v0", "rounds": "9", "contacts": "cn003:1,10.0.0.1:2", "ethertype": "0x88b6",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Node != "cn002" || c.Interval != time.Millisecond || c.Rounds != 9 || c.Interfaces[0] != "v0" || len(c.Contacts) != 2 || c.EtherType != 0x88b6 {
		t.Errorf("got %+v", c)
	}
	for _, test := range []struct{ key, value, want string }{
		{"interval", "5", `--interval: bad duration "5"`},
		{"key_file", "k", `--key-file: "k" is not an absolute path`},
		{"rounds", "x", `--rounds: bad integer "x"`},
		{"wizard", "x", `no key "wizard" to set`},
	} {
		if _, err := Parse("f", []byte(good), map[string]string{test.key: test.value}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.key, err, test.want)
		}
	}
	bad := strings.Replace(good, `"fast"`, `"quick"`, 1)
	if _, err := Parse("f", []byte(bad), map[string]string{"profile": "safe"}); err != nil {
		t.Errorf("a flag does not override a bad value: %v", err)
	}
}

func TestSeveralGroups(t *testing.T) {
	text := strings.Replace(good, "cn[001-003]", "cn001,dn002", 1) + "[[group]]\nid = 7\nnodes = \"dn[001-064]\"\ntransport = \"ether\"\n"
	for node, want := range map[string]struct {
		group     uint16
		transport string
	}{"cn001": {0, "udp"}, "dn064": {7, "ether"}} {
		c, err := Parse("f", []byte(text), map[string]string{"node": node})
		if err != nil {
			t.Fatal(err)
		}
		if own := c.Own(); own.ID != want.group || c.Transport != want.transport || c.TransportOf(own) != want.transport {
			t.Errorf("%s: group %d with transport %s", node, own.ID, c.Transport)
		}
	}
}

// TestInventory reads a file on a host that is none of the cluster's.
func TestInventory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.toml")
	text := strings.Replace(good, `node       = "cn001"`, "", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Inventory(path); err != nil || c.Node != "cn001" {
		t.Errorf("got %+v, %v", c, err)
	}
	if head, err := Head(path); err != nil || head != text[:strings.Index(text, "[[group]]")] {
		t.Errorf("head %q, %v", head, err)
	}
	if err := Check("f", []byte("cluster = 1")); err == nil {
		t.Error("a bad text was taken")
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.toml")
	if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("missing file: got %v", err)
	}
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(path, nil); err != nil || c.File != path {
		t.Errorf("got %v, %v", c, err)
	}
	if err := os.WriteFile(path, []byte(good+strings.Repeat("#", fileMax)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("huge file: got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("group = [{id = 3, nodes = \"a\"}]\n[group.x]\n\"a b\" = '''\nnode = 1\n'''"))
	f.Add([]byte("interval = \"1h\"\nrounds = 99999999999999999999\n[[group]]\n[[group]]\nid = -1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f", text, nil)
		if err != nil {
			if strings.Contains(err.Error(), "<nil>") || strings.Contains(err.Error(), "%!") {
				t.Errorf("garbled: %v", err)
			}
			return
		}
		if g := c.Own(); g == nil || len(g.Nodes) > GroupNodesMax || c.Interval < time.Millisecond || c.Rounds < 2 || c.Rounds > 32 ||
			len(c.Founders) == 0 || len(c.Contacts) == 0 || c.RPC.Port() == 0 || len(c.Interfaces) == 0 || len(c.Interfaces) > control.RailsMax {
			t.Errorf("took an impossible configuration: %+v", c)
		}
	})
}

// TestDefaultsAreShown: what a key says is its default, given as a flag, changes nothing.
func TestDefaultsAreShown(t *testing.T) {
	c, shown := defaults(), 0
	for i := range Keys {
		if d := Keys[i].Default(); d != "" {
			shown++
			if err := Keys[i].set(c, d); err != nil {
				t.Errorf("%s: default %q: %v", Keys[i].Name, d, err)
			}
		}
	}
	if want := defaults(); shown == 0 || !reflect.DeepEqual(c, want) {
		t.Errorf("%d defaults give\n%+v, want\n%+v", shown, c, want)
	}
}
