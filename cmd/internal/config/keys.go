package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Key describes one key of the file; rollcalld has a flag of the same name for each, with
// dashes for underscores. What a flag's value is called stands in back quotes in Usage.
type Key struct {
	Name  string
	Usage string
	kind  kind
	field[Config]
}

// Default is what the key is without being given, as a flag would say it; empty where that depends on other
// keys or on the host.
func (k *Key) Default() string { return k.show(defaults()) }

// field is where a value goes.
type field[T any] struct {
	set  func(*T, string) error
	show func(*T) string
}

// kind is the TOML type that a key wants.
type kind uint8

const (
	text   kind = iota
	number      // integer
	list        // array of strings; set takes them separated by commas
)

var kindNames = [...]string{"a string in quotes", "an integer", "an array of strings"}

var etherType = integer(func(c *Config) *uint16 { return &c.EtherType }, 0x600, 0xffff)

// Keys are the keys of the file beside [[group]], in the order in which they are told.
var Keys = []Key{
	{"cluster", "`name` of the cluster, 1 to 32 of a-z, 0-9 and -", text, word(func(c *Config) *string { return &c.Cluster })},
	{"node", "`name` of this node; default: the short host name", text, word(func(c *Config) *string { return &c.Node })},
	{"interfaces", "network `interfaces` to serve, one on each rail, separated by commas", list, words(func(c *Config) *[]string { return &c.Interfaces })},
	{"profile", "`profile`: safe (100ms x 5), fast (10ms x 5) or extreme (1ms x 5)", text, word(func(c *Config) *string { return &c.Profile })},
	{"interval", "`time` between rounds, 1ms to 10s; overrides the profile's", text, span(func(c *Config) *time.Duration { return &c.Interval }, time.Millisecond, 10*time.Second)},
	{"rounds", "unanswered `rounds` before a removal, 4 to 32; overrides the profile's", number, integer(func(c *Config) *int { return &c.Rounds }, 4, 32)},
	{"attach", "`how` to serve frames: auto, native, tc, generic or socket", text, word(func(c *Config) *string { return &c.Attach })},
	{"pacer", "`who` keeps a leader's beat: auto, kernel or thread", text, word(func(c *Config) *string { return &c.Pacer })},
	{"transport", "`how` frames travel: udp or ether", text, word(func(c *Config) *string { return &c.Transport })},
	{"key_file", "`file` of the cluster's key", text, word(func(c *Config) *string { return &c.KeyFile })},
	{"founders", "`hostlist` of the nodes that may found the cluster", text, word(func(c *Config) *string { return &c.founders })},
	{"prefer", "`hostlist` of the nodes that should lead", text, word(func(c *Config) *string { return &c.prefer })},
	{"avoid", "`hostlist` of the nodes that should not lead while others can", text, word(func(c *Config) *string { return &c.avoid })},
	{"contacts", "`HOST:PORT` of agents to ask first, separated by commas; default: the founders", list, words(func(c *Config) *[]string { return &c.contacts })},
	{"rpc", "`[ADDRESS]:PORT` for calls between agents; without an address, the interfaces' own", text, word(func(c *Config) *string { return &c.rpc })},
	{"socket", "`path` of the API's unix socket", text, word(func(c *Config) *string { return &c.Socket })},
	{"state_dir", "`directory` where a founder keeps the cluster's record", text, word(func(c *Config) *string { return &c.StateDir })},
	{"pin_dir", "`directory` of the pins, on a BPF file system", text, word(func(c *Config) *string { return &c.PinDir })},
	{"agent_grace", "`time` for which an agent may be silent before on_stale applies", text, span(func(c *Config) *time.Duration { return &c.AgentGrace }, time.Second, time.Hour)},
	{"on_stale", "`what` becomes of a node with a silent agent: report or remove", text, word(func(c *Config) *string { return &c.OnStale })},
	{"quarantine", "`removals` of a node within ten minutes after which it is kept out until readmitted, 0: never", number, integer(func(c *Config) *int { return &c.Quarantine }, 0, 100)},
	{"found_wait", "`time` of silence before founding", text, span(func(c *Config) *time.Duration { return &c.FoundWait }, 0, time.Hour)},
	{"join_window", "`time` within which joins share one view", text, span(func(c *Config) *time.Duration { return &c.JoinWindow }, 0, 10*time.Second)},
	{"log_level", "`level`: debug, info, warn or error", text, word(func(c *Config) *string { return &c.LogLevel })},
	{"ethertype", "`EtherType` of frames with transport ether", number, field[Config]{etherType.set, func(c *Config) string { return fmt.Sprintf("%#x", c.EtherType) }}},
	{"port", "UDP `port` of frames with transport udp", number, integer(func(c *Config) *uint16 { return &c.Port }, 1, 65535)},
	{"dscp", "`DSCP` of frames with transport udp", number, integer(func(c *Config) *uint8 { return &c.DSCP }, 0, 63)},
	{"address", "the interfaces' own `addresses` to use, one for each, separated by commas; default: the first global ones", text, field[Config]{setAddresses, func(*Config) string { return "" }}},
	{"priority", "SCHED_FIFO `priority` of the daemon, 0: do not set", number, integer(func(c *Config) *int { return &c.Priority }, 0, 99)},
}

// groupKey is one key of a [[group]].
type groupKey struct {
	name string
	kind kind
	field[Group]
}

var groupKeys = []groupKey{
	{"id", number, integer(func(g *Group) *uint16 { return &g.ID }, 0, GroupsMax-1)},
	{"name", text, word(func(g *Group) *string { return &g.Name })},
	{"nodes", text, word(func(g *Group) *string { return &g.nodes })},
	{"transport", text, word(func(g *Group) *string { return &g.Transport })},
}

func word[T any](at func(*T) *string) field[T] {
	set := func(t *T, s string) error {
		if s == "" {
			return errors.New("empty; leave the key out or give it a value")
		}
		*at(t) = s
		return nil
	}
	return field[T]{set, func(t *T) string { return *at(t) }}
}

func words(at func(*Config) *[]string) field[Config] {
	set := func(c *Config, s string) error {
		if s == "" {
			return errors.New("empty; leave the key out or give it a value")
		}
		*at(c) = strings.Split(s, ",")
		return nil
	}
	return field[Config]{set, func(c *Config) string { return strings.Join(*at(c), ",") }}
}

func span(at func(*Config) *time.Duration, lo, hi time.Duration) field[Config] {
	set := func(c *Config, s string) error {
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("bad duration %.80q; write for example 10ms, 2.5s or 1m", s)
		}
		switch {
		case d < lo || d > hi:
			return fmt.Errorf("%v is out of range; %v to %v", d, lo, hi)
		case d%time.Microsecond != 0:
			return fmt.Errorf("%v is not a whole number of microseconds", d)
		}
		*at(c) = d
		return nil
	}
	return field[Config]{set, func(c *Config) string { return unlessZero(*at(c)) }}
}

func integer[T any, N int | uint8 | uint16](at func(*T) *N, lo, hi int64) field[T] {
	set := func(t *T, s string) error {
		n, err := strconv.ParseInt(s, 0, 64)
		if err != nil {
			return fmt.Errorf("bad integer %.80q", s)
		}
		if n < lo || n > hi {
			return fmt.Errorf("%s is out of range; %d to %d", s, lo, hi)
		}
		*at(t) = N(n)
		return nil
	}
	return field[T]{set, func(t *T) string { return unlessZero(*at(t)) }}
}

// unlessZero shows a number, or nothing where it was not given.
func unlessZero[N comparable](n N) string {
	if n == *new(N) {
		return ""
	}
	return fmt.Sprint(n)
}

func setAddresses(c *Config, s string) error {
	c.Addresses = nil
	for one := range strings.SplitSeq(s, ",") {
		a, err := netip.ParseAddr(strings.TrimSpace(one))
		if err != nil || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
			return fmt.Errorf("bad address %.80q; write one that the interface has, without its prefix length", one)
		}
		c.Addresses = append(c.Addresses, a.Unmap())
	}
	return nil
}
