package main

import (
	"fmt"
	"net/netip"
	"os"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/internal/key"
	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/dataplane"
)

// plan is everything that is settled before anything starts.
type plan struct {
	cfg      *config.Config
	keys     key.Ring
	identity *calls.Identity
	options  dataplane.Options
	control  control.HostConfig
}

// prepare reads what the configuration names and settles the plan. It changes nothing. The error is a
// dataplane.MissingError where only an interface is missing, or its address.
func prepare(cfg *config.Config) (*plan, error) {
	ring, err := key.Load(cfg.KeyFile)
	if err != nil {
		return nil, err
	}
	frames, err := ring.Frames()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.KeyFile, err)
	}
	identity, err := calls.NewIdentity(ring, cfg.Cluster, cfg.Node)
	if err != nil {
		return nil, err
	}
	p := &plan{cfg: cfg, keys: ring, identity: identity, options: dataplane.Options{
		Cluster: cfg.Cluster, ClusterID: dataplane.ClusterID(cfg.Cluster), Rails: rails(cfg),
		Port: cfg.Port, EtherType: cfg.EtherType, DSCP: int(cfg.DSCP),
		Transport: cfg.Transport, Attach: cfg.Attach, Keys: frames, PinDir: cfg.PinDir,
		Pacer: cfg.Pacer, Interval: cfg.Interval, Routed: len(cfg.Groups) > 1,
	}}
	own, err := dataplane.LocalEndpoints(p.options)
	if err != nil {
		return nil, err
	}
	rpc := cfg.RPC
	if !rpc.Addr().IsValid() {
		rpc = netip.AddrPortFrom(own[0].UDP.Addr(), rpc.Port())
	}
	if !rpc.Addr().IsValid() {
		return nil, &dataplane.MissingError{
			What:   fmt.Sprintf("interface %s has no address for calls between agents", cfg.Interfaces[0]),
			Remedy: "give it one, or set rpc to one of this host",
		}
	}
	record, err := loadRecord(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	group := cfg.Own()
	p.options.ViewSize = viewSize(cfg)
	p.control = control.HostConfig{Held: loadRosters(cfg.StateDir)}
	if len(cfg.Groups) > 1 {
		p.control.Top = 1
	}
	p.control.Config = control.Config{
		Cluster: cfg.Cluster, ClusterID: p.options.ClusterID, Group: group.ID, Allowed: group.Nodes,
		Self:     control.Peer{Name: cfg.Node, RPC: rpc.String(), Rails: own},
		Interval: cfg.Interval, Rounds: cfg.Rounds, JoinWindow: cfg.JoinWindow, FoundWait: cfg.FoundWait,
		AgentGrace: cfg.AgentGrace, RemoveStale: cfg.OnStale == "remove", Quarantine: cfg.Quarantine,
		Prefer: cfg.Prefer, Avoid: cfg.Avoid, Founders: cfg.Founders, Contacts: cfg.Contacts, Record: record, WriteBehind: true,
	}
	return p, nil
}

// viewSize is how large the page must be in which views are published: it holds two of all that
// the inventory has, encoded.
func viewSize(cfg *config.Config) int {
	const each, around = 16, 4096 // bytes beside a name, and beside all members
	size := around
	for i := range cfg.Groups {
		for _, name := range cfg.Groups[i].Nodes {
			size += each + len(name)
		}
	}
	page := os.Getpagesize()
	return max(dataplane.DefaultViewSize, (2*size+page-1)/page*page)
}
