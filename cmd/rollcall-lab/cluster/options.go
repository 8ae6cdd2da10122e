package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/control"
	"rollcall/view/hostlist"
)

// Options say what a cluster is made of. Zero values take the default given.
type Options struct {
	Lab        string            `json:"lab"`
	Nodes      int               `json:"nodes"`           // of one group
	Groups     int               `json:"groups"`          // 1; several have a bridge each, joined by a router
	PerGroup   int               `json:"per_group"`       // nodes of each of several groups, instead of Nodes
	Interval   time.Duration     `json:"interval_ns"`     // between rounds; 10 ms or more, see fitting
	Rounds     int               `json:"rounds"`          // unanswered before removal; 5
	Attach     string            `json:"attach"`          // native
	Pacer      string            `json:"pacer,omitempty"` // who keeps a leader's beat; the daemon's default
	Transport  string            `json:"transport"`       // udp
	FoundWait  time.Duration     `json:"found_wait_ns"`   // see quiet
	AgentGrace time.Duration     `json:"agent_grace_ns"`  // the daemon's default
	Quarantine int               `json:"quarantine"`      // removals that keep a node out; 0: never
	IPv6       bool              `json:"ipv6"`            // frames over IPv6
	Rails      int               `json:"rails"`           // interfaces of each node; 1
	AttachOf   map[string]string `json:"attach_of,omitempty"`
	EtherOf    []int             `json:"ether_of,omitempty"` // groups that use Ethernet where Transport is udp
	Extra      string            `json:"extra,omitempty"`    // lines at the top of every configuration
	Daemon     string            `json:"daemon"`             // path of rollcalld; see findDaemon
	Tied       bool              `json:"tied"`               // daemons die with the process that starts them
	Priority   int               `json:"priority,omitempty"` // real-time, with which daemons are started; 0: none
}

// foundersMax is how many nodes may found the cluster: one of three can crash without keeping
// the others from founding.
const foundersMax = 3

// load is how many beats a second to members, with their answers, one processor carries
// beside the daemons of all the nodes.
const load = 1600

// intervals are those to choose from.
var intervals = []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond}

// fitting is the shortest interval at which so many processors keep up with so many nodes, or the longest there is.
func fitting(nodes, processors int) time.Duration {
	for _, i := range intervals {
		if float64(nodes)/i.Seconds() <= float64(load*processors) {
			return i
		}
	}
	return intervals[len(intervals)-1]
}

// quiet is how long founders wait before they found: as long as so many daemons take to load their programs, with
// real-time priority. Until then letters are late, and more so what founders write down first, since the kernel's
// threads that write to the disk have no such priority: a record took up to 2.2 s. Two founders that hear nothing of
// each other for that long may both propose instance 1, and found the next.
func quiet(nodes, processors int) time.Duration {
	const loads = 250 * time.Millisecond // of a processor, for each daemon
	return min(max(500*time.Millisecond, time.Duration(nodes)*loads/time.Duration(processors)), 10*time.Second)
}

// settle fixes how many nodes there are, and says what is impossible in the numbers.
func (o *Options) settle() error {
	if o.Groups == 0 {
		o.Groups = 1
	}
	if o.Groups == 1 {
		if o.PerGroup != 0 {
			o.Nodes = o.PerGroup
		}
		if o.Nodes < 1 || o.Nodes > control.Slots {
			return fmt.Errorf("lab %s: %d nodes, must be 1 to %d, as many as a group has", o.Lab, o.Nodes, control.Slots)
		}
		return nil
	}
	if o.Groups < 0 || o.Groups > netlab.MaxSegments || o.PerGroup < 1 || o.PerGroup > netlab.MaxSegmentSize {
		return fmt.Errorf("lab %s: %d groups of %d nodes, must be 1 to %d of 1 to %d", o.Lab, o.Groups, o.PerGroup, netlab.MaxSegments, netlab.MaxSegmentSize)
	}
	o.Nodes = o.Groups * o.PerGroup
	return nil
}

func (o *Options) complete() error {
	if o.Interval == 0 {
		o.Interval = fitting(o.Nodes, runtime.NumCPU())
	}
	if o.Rounds == 0 {
		o.Rounds = 5
	}
	if o.Attach == "" {
		o.Attach = "native"
	}
	if o.Transport == "" {
		o.Transport = "udp"
	}
	if o.FoundWait == 0 { // longer than any leader's silence, in rounds as the daemon demands
		o.FoundWait = max(quiet(o.Nodes, runtime.NumCPU()), 2*time.Duration(o.Rounds+1)*o.Interval)
	}
	if o.Daemon == "" {
		path, err := findDaemon()
		if err != nil {
			return err
		}
		o.Daemon = path
	}
	path, err := filepath.Abs(o.Daemon)
	if err != nil {
		return fmt.Errorf("find rollcalld: %w", err)
	}
	o.Daemon = path
	return nil
}

// network describes the network of the cluster: n01, n02, …
func (o *Options) network() netlab.Config {
	c := netlab.Config{Lab: o.Lab, IPv6: o.IPv6, Rails: o.Rails}
	if o.Groups > 1 {
		c.PerSegment = o.PerGroup
	}
	width := max(2, len(fmt.Sprint(o.Nodes)))
	for i := range o.Nodes {
		c.Nodes = append(c.Nodes, fmt.Sprintf("n%0*d", width, i+1))
	}
	return c
}

// findDaemon finds rollcalld beside the running program, or in the PATH.
func findDaemon() (string, error) {
	if self, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(self), "rollcalld")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("rollcalld")
	if err != nil {
		return "", errors.New("find rollcalld: neither beside this program nor in the PATH; build it with: make build")
	}
	return path, nil
}

// config writes a node's configuration.
func (n *Node) config(o *Options, all []netlab.Node) string {
	var b strings.Builder
	line := func(key string, value any) {
		switch v := value.(type) {
		case string:
			fmt.Fprintf(&b, "%-11s = %q\n", key, v)
		case []string:
			for i := range v {
				v[i] = fmt.Sprintf("%q", v[i])
			}
			fmt.Fprintf(&b, "%-11s = [%s]\n", key, strings.Join(v, ", "))
		default:
			fmt.Fprintf(&b, "%-11s = %v\n", key, v)
		}
	}
	groups := make([][]string, o.Groups)
	var founders, contacts []string
	found := func(n *netlab.Node) {
		if len(founders) < foundersMax {
			founders = append(founders, n.Name)
			for rail := range max(o.Rails, 1) {
				on := n.OnRail(rail)
				contacts = append(contacts, agentAddress(o, &on))
			}
		}
	}
	for i := range all {
		n := &all[i]
		if len(groups) == 1 || len(groups[n.Segment]) == 0 { // of several groups the first node each
			found(n)
		}
		groups[n.Segment] = append(groups[n.Segment], n.Name)
	}
	attach := o.Attach
	if other := o.AttachOf[n.Name]; other != "" {
		attach = other
	}
	if o.Extra != "" {
		b.WriteString(o.Extra + "\n")
	}
	line("cluster", o.Lab)
	line("node", n.Name)
	var interfaces, addresses []string
	for rail := range max(o.Rails, 1) {
		on := n.OnRail(rail)
		interfaces, addresses = append(interfaces, on.Interface()), append(addresses, address(o, &on))
	}
	line("interfaces", interfaces)
	line("address", strings.Join(addresses, ","))
	line("interval", o.Interval.String())
	line("rounds", o.Rounds)
	line("attach", attach)
	if o.Pacer != "" {
		line("pacer", o.Pacer)
	}
	line("transport", o.Transport)
	line("key_file", keyFile(o.Lab))
	line("founders", strings.Join(founders, ","))
	line("contacts", contacts)
	line("socket", n.Socket())
	line("state_dir", filepath.Join(n.Dir, "state"))
	line("pin_dir", n.PinDir())
	line("found_wait", o.FoundWait.String())
	line("quarantine", o.Quarantine)
	if o.AgentGrace != 0 {
		line("agent_grace", o.AgentGrace.String())
	}
	for id, nodes := range groups {
		b.WriteString("\n[[group]]\n")
		line("id", id)
		line("nodes", hostlist.Fold(nodes))
		if slices.Contains(o.EtherOf, id) {
			line("transport", "ether")
		}
	}
	return b.String()
}
