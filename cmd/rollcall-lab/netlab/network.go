package netlab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
)

// Interface is the name of every node's first interface beside the loopback; see Node.Interface.
const Interface = "eth0"

// MaxNodes is how many ports a bridge may have, with room to spare.
const MaxNodes = 1000

// Config says what a network is made of.
type Config struct {
	Lab   string   `json:"lab"`   // 1..16 of a-z, 0-9; no other network of the machine has it
	Nodes []string `json:"nodes"` // names: a letter, then letters and digits, at most 32 characters
	IPv6  bool     `json:"ipv6"`  // give the nodes an IPv6 address as well

	// PerSegment is how many nodes share a bridge; bridges are joined by a router. 0: one
	// bridge has them all.
	PerSegment int `json:"per_segment,omitempty"`

	// Rails is how many interfaces every node has: the first at its segment's bridge, of each
	// further one all nodes' at one bridge. 0: one.
	Rails int `json:"rails,omitempty"`
}

var (
	labName  = regexp.MustCompile(`^[a-z0-9]{1,16}$`)
	nodeName = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}$`)
)

// Validate reports what is wrong with a network's description.
func (c *Config) Validate() error {
	if !labName.MatchString(c.Lab) {
		return fmt.Errorf("lab name %q: 1 to 16 lower-case letters and digits", c.Lab)
	}
	if len(c.Nodes) == 0 || len(c.Nodes) > MaxNodes {
		return fmt.Errorf("lab %s: %d nodes, must be 1 to %d", c.Lab, len(c.Nodes), MaxNodes)
	}
	if c.PerSegment < 0 || c.PerSegment > MaxSegmentSize || c.segments() > MaxSegments {
		return fmt.Errorf("lab %s: %d nodes, %d on a bridge: must be 1 to %d, on at most %d bridges", c.Lab, len(c.Nodes), c.PerSegment, MaxSegmentSize, MaxSegments)
	}
	if c.Rails < 0 || c.rails() > MaxRails {
		return fmt.Errorf("lab %s: %d rails, must be 1 to %d", c.Lab, c.Rails, MaxRails)
	}
	seen := map[string]bool{"gates": true, routerName: true} // taken in the pin directory, and among namespaces
	for _, n := range c.Nodes {
		if !nodeName.MatchString(n) || seen[n] {
			return fmt.Errorf("lab %s: node name %q: must be unique, a lower-case letter, then letters and digits", c.Lab, n)
		}
		seen[n] = true
	}
	return nil
}

// Node is one node of a network.
type Node struct {
	Name      string
	Number    int // 1, 2, … in the order of Config.Nodes
	Namespace string
	IPv4      netip.Addr
	IPv6      netip.Addr // zero without IPv6
	MAC       net.HardwareAddr
	Segment   int // number of its bridge, from 0

	segment segment
	rail    int
}

func (c *Config) node(i int) Node {
	n := i + 1
	hi, lo := byte(n>>8), byte(n)
	node := Node{
		Name: c.Nodes[i], Number: n, Namespace: Namespace(c.Lab, c.Nodes[i]),
		IPv4: netip.AddrFrom4([4]byte{10, 77, hi, lo}),
		IPv6: netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 14: hi, 15: lo}),
		MAC:  net.HardwareAddr{0x02, 0x77, 0, 0, hi, lo},
	}
	s, place := c.segmentOf(i)
	node.Segment, node.segment = s.number, s
	if s.of > 1 {
		four, six := s.address(place)
		node.IPv4, node.IPv6 = four.Addr(), six.Addr()
	}
	if !c.IPv6 {
		node.IPv6 = netip.Addr{}
	}
	return node
}

// Network is a network that stands. Its methods may be called from many goroutines, for
// different nodes.
type Network struct {
	config Config
	nodes  []Node
	gates  *gates
}

// Create builds a network, all nodes plugged in. On error nothing is left of it.
func Create(c Config) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if left, err := namespacesOf(c.Lab); err != nil || len(left) > 0 {
		if err == nil {
			err = fmt.Errorf("lab %s has %d namespaces already: take it down first, or choose another name", c.Lab, len(left))
		}
		return nil, err
	}
	if err := MountBPF(); err != nil {
		return nil, err
	}
	n, err := Find(c)
	if err != nil {
		return nil, errors.Join(err, Remove(c.Lab))
	}
	err = makeNamespace(switchNamespace(c.Lab), n.addBridges)
	if err == nil && c.segments() > 1 {
		err = n.addRouter()
	}
	if err == nil {
		err = n.Each(n.Names(), n.Plug)
	}
	if err != nil {
		n.Close()
		return nil, errors.Join(err, Remove(c.Lab))
	}
	return n, nil
}

// Find takes hold of a network that Create built.
func Find(c Config) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g, err := loadGates(c.Lab)
	if err != nil {
		return nil, err
	}
	n := &Network{config: c, gates: g}
	for i := range c.Nodes {
		n.nodes = append(n.nodes, c.node(i))
	}
	return n, nil
}

// Close lets go of the network, which stands on.
func (n *Network) Close() { n.gates.close() }

// Remove deletes all that a network of this name left on the machine: namespaces and pins.
// Processes in the namespaces must have ended before.
func Remove(lab string) error {
	names, err := namespacesOf(lab)
	errs := []error{err}
	for _, name := range names {
		errs = append(errs, removeNamespace(name))
	}
	if err := os.RemoveAll(pinRoot(lab)); err != nil {
		errs = append(errs, fmt.Errorf("remove pins: %w", err))
	}
	return errors.Join(errs...)
}

// Remains lists the networks of which this machine has pins: Create makes them first and
// Remove takes them away last.
func Remains() ([]string, error) {
	entries, err := os.ReadDir(bpffs)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	var labs []string
	for _, e := range entries {
		if lab, ok := strings.CutPrefix(e.Name(), pinPrefix); ok && labName.MatchString(lab) {
			labs = append(labs, lab)
		}
	}
	return labs, nil
}

// Lab is the network's name.
func (n *Network) Lab() string { return n.config.Lab }

// Nodes lists all nodes by number.
func (n *Network) Nodes() []Node { return n.nodes }

// Names lists all nodes' names by number.
func (n *Network) Names() []string { return n.config.Nodes }

// Node finds a node by name.
func (n *Network) Node(name string) (Node, error) {
	for _, node := range n.nodes {
		if node.Name == name {
			return node, nil
		}
	}
	return Node{}, fmt.Errorf("lab %s has no node %q", n.config.Lab, name)
}

// Each calls f for every named node, several at a time, and joins the errors.
func (n *Network) Each(names []string, f func(node string) error) error {
	errs := make([]error, len(names))
	room := make(chan struct{}, 16)
	var wg sync.WaitGroup
	for i, name := range names {
		room <- struct{}{}
		wg.Go(func() {
			if err := f(name); err != nil {
				errs[i] = fmt.Errorf("node %s: %w", name, err)
			}
			<-room
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Inside runs f on a thread that is in the node's namespace. Goroutines that f starts are not.
func (n *Network) Inside(name string, f func() error) error {
	return inside(Namespace(n.config.Lab, name), f)
}

// SetGate opens or closes the links of the named nodes, all in the same instant.
func (n *Network) SetGate(to Gate, names ...string) error {
	return n.Change(func(l *Link) { l.Gate = to }, names...)
}

// Split moves the named nodes to a side of the network, all in the same instant: they reach
// each other, but nobody on another side. At first all nodes are on side 0.
func (n *Network) Split(side uint8, names ...string) error {
	return n.Change(func(l *Link) { l.Side = uint32(side) }, names...)
}

// Mend takes every fault from the links of the named nodes, all in the same instant.
func (n *Network) Mend(names ...string) error {
	return n.Change(func(l *Link) { *l = Link{} }, names...)
}

// Change changes the links of the named nodes on all rails, all in the same instant: everything is
// looked up before the first is stored.
func (n *Network) Change(change func(*Link), names ...string) error {
	var rails []int
	for rail := range n.config.rails() {
		rails = append(rails, rail)
	}
	return n.change(rails, change, names)
}

func (n *Network) change(rails []int, change func(*Link), names []string) error {
	var ports []int
	for _, name := range names {
		node, err := n.Node(name)
		if err != nil {
			return err
		}
		for _, rail := range rails {
			on := node.OnRail(rail)
			ports = append(ports, on.port())
		}
	}
	links := make([]Link, len(ports))
	for i, port := range ports {
		var err error
		if links[i], err = n.gates.read(port); err != nil {
			return err
		}
		change(&links[i])
	}
	for i, port := range ports {
		if err := n.gates.write(port, links[i]); err != nil {
			return err
		}
	}
	return nil
}

// Link tells how a node's link on the first rail fares.
func (n *Network) Link(name string) (Link, error) {
	node, err := n.Node(name)
	if err != nil {
		return Link{}, err
	}
	return n.gates.read(node.port())
}
