// Package config reads the configuration that serves a whole cluster: one strict TOML file,
// the same on every node, whose keys the flags of rollcalld override.
//
// Whatever is wrong is told at once, each problem with the file, the line and what to do
// about it; a file with a problem configures nothing. Unknown keys are problems, so that a
// misspelt one never falls back to its default in silence.
package config

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// DefaultPath is where the configuration is unless --config says otherwise.
const DefaultPath = "/etc/rollcall/rollcall.toml"

// Limits of what a configuration says.
const (
	fileMax       = 1 << 20 // bytes
	lineMax       = 8 << 10 // bytes; the decoder takes forever over a dotted key of 100,000 parts
	GroupsMax     = control.PerBranch
	GroupNodesMax = control.Slots
	membersQuick  = 64 // members of a group whose rounds follow each other faster than quick
	quick         = 5 * time.Millisecond
)

// Config is one node's configuration. All times are whole microseconds.
type Config struct {
	File       string // where it was read
	Cluster    string
	Node       string
	Interfaces []string // by rail: one to control.RailsMax
	Profile    string   // safe | fast | extreme, or custom where interval or rounds say otherwise
	Interval   time.Duration
	Rounds     int
	Attach     string
	Pacer      string // auto | kernel | thread
	Transport  string // of the node's own group; other levels use UDP
	KeyFile    string
	Founders   []string // names, in the order given; in different groups where there are several
	Prefer     []string // names of those who should lead
	Avoid      []string // names of those who should not lead while anybody else can
	Contacts   []string // host:port; never empty
	RPC        netip.AddrPort
	Socket     string
	StateDir   string
	PinDir     string
	AgentGrace time.Duration
	OnStale    string // report | remove
	Quarantine int    // removals within ten minutes after which a node is kept out, 0: never
	FoundWait  time.Duration
	JoinWindow time.Duration
	LogLevel   string // debug | info | warn | error
	EtherType  uint16
	Port       uint16 // UDP
	DSCP       uint8
	Addresses  []netip.Addr // the interfaces' own to use; none: their first global ones
	Priority   int          // SCHED_FIFO priority of the daemon; 0: leave the scheduler alone
	Groups     []Group

	transport               string // the cluster's
	founders, prefer, avoid string // hostlists as given
	contacts                []string
	rpc                     string
}

// Group is one [[group]] of the inventory.
type Group struct {
	ID        uint16
	Name      string
	Nodes     []string // in the order given
	Transport string   // empty: the cluster's

	nodes    string // as given
	numbered bool   // an id was given
}

// profile is a named pair of interval and rounds.
type profile struct {
	name     string
	interval time.Duration
	rounds   int
}

var profiles = []profile{
	{"safe", 100 * time.Millisecond, 5},
	{"fast", 10 * time.Millisecond, 5},
	{"extreme", time.Millisecond, 5},
}

// defaults returns the configuration that an empty file gives, which is not a valid one.
// A zero interval, zero rounds and empty lists stand for "not given".
func defaults() *Config {
	return &Config{
		Profile:    "safe",
		Attach:     dataplane.AttachAuto,
		Pacer:      dataplane.PacerAuto,
		Transport:  dataplane.TransportUDP,
		KeyFile:    "/etc/rollcall/cluster.key",
		rpc:        fmt.Sprintf(":%d", dataplane.DefaultPort),
		Socket:     publish.DefaultSocket,
		StateDir:   "/var/lib/rollcall",
		PinDir:     dataplane.DefaultPinDir,
		AgentGrace: 30 * time.Second,
		OnStale:    "report",
		Quarantine: 3,
		FoundWait:  10 * time.Second,
		JoinWindow: 250 * time.Millisecond,
		LogLevel:   "info",
		EtherType:  dataplane.DefaultEtherType,
		Port:       dataplane.DefaultPort,
		DSCP:       dataplane.DefaultDSCP,
		Priority:   50,
	}
}

// Load reads the file and applies what the flags set, by key. A list in a flag is
// separated by commas.
func Load(path string, flags map[string]string) (*Config, error) {
	text, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("%w; give another with --config", err)
	}
	return Parse(path, text, flags)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileMax+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return text, nil
}

// Parse is Load for text that was read already; path only names it in errors.
func Parse(path string, text []byte, flags map[string]string) (*Config, error) {
	return parse(path, text, flags, false)
}

// Inventory reads the file as Load does, for no node in particular: on a host that is none
// of the cluster's it gives the configuration of the first node of the first group.
func Inventory(path string) (*Config, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	return parse(path, text, nil, true)
}

// Check says what is wrong with a text that is to become a configuration, for no node in
// particular; path only names it in errors.
func Check(path string, text []byte) error {
	_, err := parse(path, text, nil, true)
	return err
}

// Head returns the text of a configuration up to its first [[group]].
func Head(path string) (string, error) {
	text, err := read(path)
	if err != nil {
		return "", err
	}
	var head strings.Builder
	for line := range strings.Lines(string(text)) {
		if groupHeader.MatchString(line) {
			return head.String(), nil
		}
		head.WriteString(line)
	}
	return "", fmt.Errorf("%s: no line [[group]]; write groups that way", path)
}

func parse(path string, text []byte, flags map[string]string, anyNode bool) (*Config, error) {
	if len(text) > fileMax {
		return nil, fmt.Errorf("%s: longer than %d bytes; fold node names into hostlists such as cn[001-064]", path, fileMax)
	}
	c := defaults()
	c.File = path
	p := &problems{path: path, lines: bytes.Split(text, []byte("\n")), flags: flags, anyNode: anyNode}
	for i, l := range p.lines {
		if len(l) > lineMax {
			return nil, fmt.Errorf("%s:%d: line of %d bytes, at most %d; fold node names into hostlists such as cn[001-064]", path, i+1, len(l), lineMax)
		}
	}
	p.decode(c, text)
	if p.none() { // what was not understood cannot be judged
		p.check(c)
	}
	return c, p.err()
}

// Own returns the group that the node belongs to.
func (c *Config) Own() *Group {
	for i := range c.Groups {
		if slices.Contains(c.Groups[i].Nodes, c.Node) {
			return &c.Groups[i]
		}
	}
	return nil
}

// Size is how many nodes the inventory has.
func (c *Config) Size() int {
	n := 0
	for i := range c.Groups {
		n += len(c.Groups[i].Nodes)
	}
	return n
}

// TransportOf is the transport of a group's frames.
func (c *Config) TransportOf(g *Group) string { return cmp.Or(g.Transport, c.transport) }

// Founder reports whether the node is one of the founders.
func (c *Config) Founder() bool { return slices.Contains(c.Founders, c.Node) }

// String says in one line what the node would run.
func (c *Config) String() string {
	g := c.Own()
	var b strings.Builder
	fmt.Fprintf(&b, "cluster %s, node %s in group %d", c.Cluster, c.Node, g.ID)
	if g.Name != "" {
		fmt.Fprintf(&b, " (%s)", g.Name)
	}
	fmt.Fprintf(&b, " of %d nodes, profile %s (%v x %d), interface %s, attach %s, transport %s",
		len(g.Nodes), c.Profile, c.Interval, c.Rounds, strings.Join(c.Interfaces, ","), c.Attach, c.Transport)
	return b.String()
}
