package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

// check completes what was decoded and says what is impossible in it.
func (p *problems) check(c *Config) {
	c.transport = c.Transport
	p.identity(c)
	p.timing(c)
	p.plane(c)
	p.paths(c)
	inventory := p.inventory(c)
	p.founders(c, inventory)
	p.leaders(c, inventory)
	p.calls(c, inventory)
}

func (p *problems) identity(c *Config) {
	switch {
	case c.Cluster == "":
		p.at("cluster", `missing; name the cluster, for example cluster = "tofu"`)
	case len(c.Cluster) > 32 || strings.Trim(c.Cluster, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		p.at("cluster", "bad name %.80q; 1 to 32 of a-z, 0-9 and -", c.Cluster)
	}
	if c.Node == "" {
		name, err := os.Hostname()
		if err != nil {
			p.at("node", "no host name (%v); name the node", err)
			return
		}
		c.Node, _, _ = strings.Cut(name, ".")
	}
	if err := control.ValidName(c.Node); err != nil {
		p.at("node", "%v", err)
	}
}

func (p *problems) timing(c *Config) {
	i := slices.IndexFunc(profiles, func(p profile) bool { return p.name == c.Profile })
	if i < 0 {
		p.at("profile", "no profile %.80q; safe, fast or extreme", c.Profile)
		return
	}
	if c.Interval != 0 || c.Rounds != 0 {
		c.Profile = "custom"
	}
	if c.Interval == 0 {
		c.Interval = profiles[i].interval
	}
	if c.Rounds == 0 {
		c.Rounds = profiles[i].rounds
	}
	patience := 2 * time.Duration(c.Rounds+1) * c.Interval // outlasts the silence of any leader that is not dead
	p.atLeast("found_wait", c.FoundWait, patience)
	p.atLeast("agent_grace", c.AgentGrace, patience)
	p.oneOf("on_stale", c.OnStale, "report", "remove")
	p.oneOf("log_level", c.LogLevel, "debug", "info", "warn", "error")
}

func (p *problems) atLeast(key string, d, least time.Duration) {
	if d < least {
		p.at(key, "%v is too short for these rounds; at least %v", d, least)
	}
}

func (p *problems) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		p.at(key, "no such choice %.80q; one of %s", value, strings.Join(allowed, ", "))
	}
}

func (p *problems) plane(c *Config) {
	switch {
	case len(c.Interfaces) == 0:
		p.at("interfaces", `missing; name the network interface to serve, for example interfaces = ["eth0"]`)
	case len(c.Interfaces) > control.RailsMax:
		p.at("interfaces", "%d interfaces; at most %d", len(c.Interfaces), control.RailsMax)
	case len(c.Addresses) > 0 && len(c.Addresses) != len(c.Interfaces):
		p.at("address", "%d addresses for %d interfaces; give one for each, separated by commas, or none", len(c.Addresses), len(c.Interfaces))
	}
	for i, name := range c.Interfaces {
		if slices.Contains(c.Interfaces[:i], name) {
			p.at("interfaces", "%.80s is named twice; each rail is an interface of its own", name)
		}
		if name == "" || len(name) > 15 || strings.ContainsAny(name, "/: \t\n") || name == "." || name == ".." {
			p.at("interfaces", "%.80q is no name of an interface; see: ip link", name)
		}
	}
	p.oneOf("attach", c.Attach, dataplane.AttachAuto, dataplane.AttachNative, dataplane.AttachTC, dataplane.AttachGeneric, dataplane.AttachSocket)
	p.oneOf("pacer", c.Pacer, dataplane.PacerAuto, dataplane.PacerKernel, dataplane.PacerThread)
	if c.Pacer == dataplane.PacerKernel && c.Attach == dataplane.AttachSocket {
		p.at("pacer", "attach %q has no program that could keep the beat; choose pacer %q", c.Attach, dataplane.PacerAuto)
	}
	p.oneOf("transport", c.Transport, dataplane.TransportUDP, dataplane.TransportEther)
	switch c.EtherType {
	case 0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8:
		p.at("ethertype", "%#04x is taken by IP, ARP or VLANs; the default %#04x is free for local use", c.EtherType, dataplane.DefaultEtherType)
	}
}

func (p *problems) paths(c *Config) {
	for _, at := range []struct{ key, path string }{
		{"key_file", c.KeyFile}, {"socket", c.Socket}, {"state_dir", c.StateDir}, {"pin_dir", c.PinDir},
	} {
		if !filepath.IsAbs(at.path) || strings.ContainsRune(at.path, 0) {
			p.at(at.key, "%.80q is not an absolute path", at.path)
		}
	}
	if len(c.Socket) > publish.SocketPathMax {
		p.at("socket", "path of %d bytes; a unix socket's has at most %d", len(c.Socket), publish.SocketPathMax)
	}
}

// inventory expands the groups and returns the group of each node, by name.
func (p *problems) inventory(c *Config) map[string]int {
	owner := map[string]int{}
	if len(c.Groups) == 0 {
		p.at("group", "none; add a [[group]] with id and nodes")
		return owner
	}
	for i := range c.Groups {
		g := &c.Groups[i]
		if !g.numbered {
			p.in(i, "id", "missing; number the group, 0 to %d", GroupsMax-1)
		}
		for j := range i {
			if g.numbered && c.Groups[j].numbered && c.Groups[j].ID == g.ID {
				p.in(i, "id", "%d is the id of an earlier group too", g.ID)
			}
			if g.Name != "" && c.Groups[j].Name == g.Name {
				p.in(i, "name", "%q is the name of an earlier group too", g.Name)
			}
		}
		if g.Name != "" {
			if err := control.ValidName(g.Name); err != nil {
				p.in(i, "name", "bad name %.80q; letters, digits, '-', '.', '_' only", g.Name)
			}
		}
		if g.Transport != "" && g.Transport != dataplane.TransportUDP && g.Transport != dataplane.TransportEther {
			p.in(i, "transport", "no such choice %.80q; one of udp, ether", g.Transport)
		}
		p.members(c, i, owner)
	}
	if _, ok := owner[c.Node]; !ok && p.anyNode && len(c.Groups[0].Nodes) > 0 {
		c.Node = c.Groups[0].Nodes[0]
	}
	if own, ok := owner[c.Node]; !ok {
		p.at("node", "%s is in no group; add it to the nodes of a [[group]], or name the node as the inventory does", c.Node)
	} else if _, set := p.flags["transport"]; !set {
		c.Transport = c.TransportOf(&c.Groups[own])
	}
	return owner
}

func (p *problems) members(c *Config, i int, owner map[string]int) {
	g := &c.Groups[i]
	if g.nodes == "" {
		p.in(i, "nodes", `missing; name the group's nodes, for example nodes = "cn[001-064]"`)
		return
	}
	var err error
	if g.Nodes, err = expand(g.nodes); err != nil {
		p.in(i, "nodes", "%v", err)
		return
	}
	switch n := len(g.Nodes); {
	case n > GroupNodesMax:
		p.in(i, "nodes", "%d nodes, at most %d; split the group", n, GroupNodesMax)
	case n > membersQuick && c.Interval < quick:
		p.in(i, "nodes", "%d nodes, with rounds every %v at most %d; split the group or choose profile fast", n, c.Interval, membersQuick)
	}
	for _, name := range g.Nodes {
		if j, taken := owner[name]; taken && j == i {
			p.in(i, "nodes", "%s is named twice", name)
		} else if taken {
			p.in(i, "nodes", "%s is in group %d already", name, c.Groups[j].ID)
		}
		owner[name] = i
	}
}

// founders of a cluster of several groups are the first voters above the groups, which one
// group must not be able to take away.
func (p *problems) founders(c *Config, inventory map[string]int) {
	if c.founders == "" {
		p.at("founders", `missing; name the nodes that may found the cluster, for example founders = "cn[001-003]"`)
		return
	}
	c.Founders = p.nodes("founders", c.founders, inventory)
	most, why := control.FoundersMax, "three or five are enough"
	if len(c.Groups) > 1 {
		most, why = control.SeatsWanted, "each takes a seat above the groups"
	}
	if len(c.Founders) > most {
		p.at("founders", "%d nodes, at most %d; %s", len(c.Founders), most, why)
		return
	}
	if len(c.Groups) < 2 {
		return
	}
	first := map[int]string{}
	for _, name := range c.Founders {
		group, ok := inventory[name]
		if other, taken := first[group]; ok && taken {
			p.at("founders", "%s and %s are both in group %d; choose founders of different groups", other, name, c.Groups[group].ID)
		}
		first[group] = name
	}
}

// leaders settles who should lead and who should not.
func (p *problems) leaders(c *Config, inventory map[string]int) {
	c.Prefer = p.nodes("prefer", c.prefer, inventory)
	c.Avoid = p.nodes("avoid", c.avoid, inventory)
	preferred := map[string]bool{}
	for _, name := range c.Prefer {
		preferred[name] = true
	}
	for _, name := range c.Avoid {
		if preferred[name] {
			p.at("avoid", "%s is in prefer too; leave it out of one", name)
		}
	}
}

// nodes expands the hostlist of a key, whose names must be in the inventory.
func (p *problems) nodes(key, list string, inventory map[string]int) []string {
	if list == "" {
		return nil
	}
	names, err := expand(list)
	if err != nil {
		p.at(key, "%v", err)
		return nil
	}
	seen := map[string]bool{}
	for _, name := range names {
		if _, ok := inventory[name]; !ok {
			p.at(key, "%s is in no group", name)
		}
		if seen[name] {
			p.at(key, "%s is named twice", name)
		}
		seen[name] = true
	}
	return names
}

// calls settles where agents are called: this one, and those to ask first.
func (p *problems) calls(c *Config, inventory map[string]int) {
	host, port, err := splitHostPort(c.rpc)
	if err != nil {
		p.at("rpc", "%v", err)
		return
	}
	var addr netip.Addr
	if host != "" {
		if addr, err = netip.ParseAddr(host); err != nil || addr.Zone() != "" || addr.IsUnspecified() {
			p.at("rpc", `bad address %.80q; an address of this host, or none, as in ":7746", for the interface's`, host)
			return
		}
	}
	c.RPC = netip.AddrPortFrom(addr.Unmap(), port)
	c.Contacts = slices.Clone(c.contacts)
	for _, contact := range c.contacts {
		host, _, err := splitHostPort(contact)
		if err != nil {
			p.at("contacts", "%v", err)
			continue
		}
		if _, err := netip.ParseAddr(host); err == nil {
			continue
		}
		if _, ok := inventory[host]; !ok {
			p.at("contacts", "%.80s is in no group and no address", contact)
		}
	}
	if len(c.contacts) == 0 {
		for _, name := range c.Founders {
			c.Contacts = append(c.Contacts, net.JoinHostPort(name, strconv.Itoa(int(port))))
		}
	}
}

func splitHostPort(s string) (host string, port uint16, err error) {
	host, digits, err := net.SplitHostPort(s)
	if err == nil {
		var n uint64
		n, err = strconv.ParseUint(digits, 10, 16)
		port = uint16(n)
	}
	if err != nil || port == 0 || len(s) > control.RPCMax {
		return "", 0, fmt.Errorf("bad address %.80q; write HOST:PORT, for example cn001:%d", s, dataplane.DefaultPort)
	}
	return host, port, nil
}

// expand gives the valid names of a hostlist.
func expand(list string) ([]string, error) {
	names, err := hostlist.Expand(list)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("names no node")
	}
	for _, name := range names {
		if err := control.ValidName(name); err != nil {
			return nil, err
		}
	}
	return names, nil
}
