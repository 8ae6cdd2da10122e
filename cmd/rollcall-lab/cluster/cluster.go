package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"rollcall/cmd/internal/disk"
	"rollcall/cmd/internal/key"
	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

const stateRoot = "/run/rollcall-lab"

func labDir(lab string) string  { return filepath.Join(stateRoot, lab) }
func keyFile(lab string) string { return filepath.Join(labDir(lab), "cluster.key") }

// hostsFile gives the nodes' names their addresses, as /etc/hosts does.
func hostsFile(lab string) string { return filepath.Join(labDir(lab), "hosts") }

// Node is one node of a cluster.
type Node struct {
	netlab.Node
	Lab string
	Dir string // holds what follows

	build string
}

// Build is the path of rollcalld as the node's daemon is started the next time.
func (n *Node) Build() string { return n.build }

// Install has the node's daemon be another build from its next start by this process on.
func (n *Node) Install(path string) { n.build = path }

// Socket is where the node's daemon serves its API.
func (n *Node) Socket() string { return filepath.Join(n.Dir, "rollcall.sock") }

// Config is the daemon's configuration file.
func (n *Node) Config() string { return filepath.Join(n.Dir, "rollcall.toml") }

// Log is where the daemon's output goes.
func (n *Node) Log() string { return filepath.Join(n.Dir, "log") }

// PinDir is where the daemon pins its maps.
func (n *Node) PinDir() string { return netlab.PinDir(n.Lab, n.Name) }

// Client returns a client of the node's daemon.
func (n *Node) Client() *publish.Client { return publish.NewClient(n.Socket()) }

// address is the address of the node's frames.
func address(o *Options, n *netlab.Node) string {
	if o.IPv6 {
		return n.IPv6.String()
	}
	return n.IPv4.String()
}

// agentAddress is where the node's agent is called.
func agentAddress(o *Options, n *netlab.Node) string {
	return net.JoinHostPort(address(o, n), strconv.Itoa(dataplane.DefaultPort))
}

// Cluster is a cluster that stands. Its methods may be called from many goroutines, for
// different nodes.
type Cluster struct {
	options Options
	network *netlab.Network
	nodes   []*Node
}

// Build makes the network and the files of a cluster and starts no daemon. On error nothing
// is left of it.
func Build(o Options) (*Cluster, error) {
	if err := o.settle(); err != nil {
		return nil, err
	}
	network := o.network()
	if err := network.Validate(); err != nil {
		return nil, err
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(stateRoot, 0o755); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	if err := os.Mkdir(labDir(o.Lab), 0o755); errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("lab %s stands already; take it down with: rollcall-lab down --name %s", o.Lab, o.Lab)
	} else if err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	c, err := build(o, network)
	if err != nil {
		return nil, errors.Join(err, netlab.Remove(o.Lab), os.RemoveAll(labDir(o.Lab)))
	}
	return c, nil
}

func build(o Options, network netlab.Config) (*Cluster, error) {
	// First, so that Down finds what the rest leaves when this process is killed.
	if err := writeJSON(filepath.Join(labDir(o.Lab), "state.json"), state{Options: o, Maker: maker()}); err != nil {
		return nil, err
	}
	if _, err := key.Create(keyFile(o.Lab)); err != nil {
		return nil, err
	}
	n, err := netlab.Create(network)
	if err != nil {
		return nil, err
	}
	c := newCluster(o, n)
	hosts := []byte("127.0.0.1 localhost\n")
	for _, node := range n.Nodes() {
		hosts = fmt.Appendf(hosts, "%s %s\n", address(&o, &node), node.Name)
	}
	if err := os.WriteFile(hostsFile(o.Lab), hosts, 0o644); err != nil {
		return nil, fmt.Errorf("write the names of the nodes: %w", err)
	}
	for _, node := range c.nodes {
		if err := os.MkdirAll(filepath.Join(node.Dir, "state"), 0o750); err != nil {
			return nil, fmt.Errorf("make directory of %s: %w", node.Name, err)
		}
		if err := os.WriteFile(node.Config(), []byte(node.config(&o, n.Nodes())), 0o644); err != nil {
			return nil, fmt.Errorf("write configuration: %w", err)
		}
	}
	return c, nil
}

func newCluster(o Options, n *netlab.Network) *Cluster {
	c := &Cluster{options: o, network: n}
	for _, node := range n.Nodes() {
		c.nodes = append(c.nodes, &Node{Node: node, Lab: o.Lab, Dir: filepath.Join(labDir(o.Lab), node.Name), build: o.Daemon})
	}
	return c
}

// Up builds a cluster and starts every daemon. On error nothing is left of it.
func Up(o Options) (*Cluster, error) {
	c, err := Build(o)
	if err != nil {
		return nil, err
	}
	if err := c.Start(c.Names()...); err != nil {
		return nil, errors.Join(err, c.Down())
	}
	return c, nil
}

// Find takes hold of a cluster that another process made.
func Find(lab string) (*Cluster, error) {
	s, err := readState(lab)
	if err != nil {
		return nil, err
	}
	n, err := netlab.Find(s.Options.network())
	if err != nil {
		return nil, err
	}
	return newCluster(s.Options, n), nil
}

// Close lets go of the cluster, which stands on.
func (c *Cluster) Close() { c.network.Close() }

// Options are those the cluster was made with.
func (c *Cluster) Options() Options { return c.options }

// Network is the cluster's network.
func (c *Cluster) Network() *netlab.Network { return c.network }

// Nodes lists all nodes by number.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Names lists all nodes' names by number.
func (c *Cluster) Names() []string { return c.network.Names() }

// Groups lists the nodes' names group by group.
func (c *Cluster) Groups() [][]string {
	groups := make([][]string, c.options.Groups)
	for _, n := range c.nodes {
		groups[n.Segment] = append(groups[n.Segment], n.Name)
	}
	return groups
}

// Node finds a node by name.
func (c *Cluster) Node(name string) (*Node, error) {
	for _, n := range c.nodes {
		if n.Name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("lab %s has no node %q", c.options.Lab, name)
}

// KeyFile is what all nodes read their keys from.
func (c *Cluster) KeyFile() string { return keyFile(c.options.Lab) }

// Keys are those that sign the cluster's frames.
func (c *Cluster) Keys() (*dataplane.Keys, error) {
	ring, err := key.Load(keyFile(c.options.Lab))
	if err != nil {
		return nil, err
	}
	return ring.Frames()
}

// state is what state.json says.
type state struct {
	Options Options `json:"options"`
	Maker   process `json:"maker"` // where Options.Tied: it takes the lab down itself
}

func maker() process {
	p, err := identify(os.Getpid())
	if err != nil {
		return process{}
	}
	return p
}

func readState(lab string) (*state, error) {
	b, err := os.ReadFile(filepath.Join(labDir(lab), "state.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no lab %s stands; make one with: rollcall-lab up --name %s: %w", lab, lab, os.ErrNotExist)
	}
	s := new(state)
	if err == nil {
		err = json.Unmarshal(b, s)
	}
	if err == nil && s.Options.Lab != lab {
		err = fmt.Errorf("it is the state of lab %q", s.Options.Lab)
	}
	if err != nil {
		return nil, fmt.Errorf("read state of lab %s: %w", lab, err)
	}
	return s, nil
}

// writeJSON replaces a file in one step.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := disk.Replace(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
