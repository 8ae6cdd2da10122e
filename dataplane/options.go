package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"rollcall/control"
)

// The ways to attach, and what Options.Attach may say.
const (
	AttachAuto    = "auto"    // native, then tc, then socket
	AttachNative  = "native"  // XDP in the driver
	AttachTC      = "tc"      // traffic control, ingress
	AttachGeneric = "generic" // XDP behind the driver
	AttachSocket  = "socket"  // no program: frames are served in user space
)

// The pacers: who keeps a leader's beat, and what Options.Pacer may say.
const (
	PacerAuto   = "auto"   // the kernel, else the thread
	PacerKernel = "kernel" // a clock in the kernel, whatever the agent does
	PacerThread = "thread" // the thread that drives the node
)

// The transports, and what Options.Transport may say.
const (
	TransportUDP   = "udp"
	TransportEther = "ether"
)

// What Options say when they say nothing.
const (
	DefaultPort      = 7746
	DefaultEtherType = 0x88b5
	DefaultDSCP      = 48
	DefaultViewSize  = 64 << 10
	DefaultInterval  = 100 * time.Millisecond
	DefaultPinDir    = "/sys/fs/bpf/rollcall"
)

// Options say how a plane serves frames. Zero fields have the defaults above, but DSCP: its
// zero is meant.
type Options struct {
	Cluster   string // the directory of pins has its name
	ClusterID uint64 // as frames carry it; default: ClusterID(Cluster)
	Rails     []Rail // the networks that the node is on, one to control.RailsMax
	Port      uint16
	EtherType uint16
	DSCP      int    // 0..63
	Transport string // of the own group
	Routed    bool   // there are levels above the own group, which speak UDP
	Attach    string
	Keys      *Keys         // Plane.SetKeys replaces them
	PinDir    string        // on a mounted bpffs; the pins are in PinDir/Cluster
	Pacer     string        // who keeps the beat where this node leads; the socket plane has the thread alone
	Interval  time.Duration // between its rounds, for the clock to be ready; commands say what counts
	ViewSize  int           // bytes of the page that views are published in, a multiple of the page size
}

// Rail is an interface of this node, and so one of the networks that all nodes are on: that which
// the same Rail of the others is on. Package control says what for (rail.go).
type Rail struct {
	Interface string
	Address   netip.Addr // the interface's own; default: its first global one
}

// withDefaults fills the zero fields and says what is impossible in the others.
func (o Options) withDefaults() (Options, error) {
	setDefault(&o.Port, DefaultPort)
	setDefault(&o.EtherType, DefaultEtherType)
	setDefault(&o.ClusterID, ClusterID(o.Cluster))
	setDefault(&o.Transport, TransportUDP)
	setDefault(&o.Attach, AttachAuto)
	setDefault(&o.Pacer, PacerAuto)
	setDefault(&o.Interval, DefaultInterval)
	setDefault(&o.PinDir, DefaultPinDir)
	setDefault(&o.ViewSize, DefaultViewSize)
	o.Rails = slices.Clone(o.Rails) // whose addresses are filled in
	switch {
	case o.Cluster == "":
		return o, errors.New("open plane: no cluster name")
	case len(o.Rails) == 0 || len(o.Rails) > control.RailsMax:
		return o, fmt.Errorf("open plane: %d interfaces: must be 1 to %d", len(o.Rails), control.RailsMax)
	case slices.ContainsFunc(o.Rails, func(r Rail) bool { return r.Interface == "" }):
		return o, errors.New("open plane: an interface without a name")
	case !slices.Contains([]string{AttachAuto, AttachNative, AttachTC, AttachGeneric, AttachSocket}, o.Attach):
		return o, fmt.Errorf("open plane: attach %q: must be auto, native, tc, generic or socket", o.Attach)
	case !slices.Contains([]string{PacerAuto, PacerKernel, PacerThread}, o.Pacer):
		return o, fmt.Errorf("open plane: pacer %q: must be auto, kernel or thread", o.Pacer)
	case o.Pacer == PacerKernel && o.Attach == AttachSocket:
		return o, fmt.Errorf("open plane: pacer %q: attach %q has none, choose pacer %q", o.Pacer, o.Attach, PacerAuto)
	case o.Interval < 0:
		return o, fmt.Errorf("open plane: interval %v: must be positive", o.Interval)
	case o.Transport != TransportUDP && o.Transport != TransportEther:
		return o, fmt.Errorf("open plane: transport %q: must be udp or ether", o.Transport)
	case o.DSCP < 0 || o.DSCP > 63:
		return o, fmt.Errorf("open plane: dscp %d: must be 0 to 63", o.DSCP)
	case o.EtherType < 0x600:
		return o, fmt.Errorf("open plane: ethertype %#x: must be 0x600 or more", o.EtherType)
	case o.Keys == nil || !o.Keys.has(o.Keys.First):
		return o, errors.New("open plane: no key to sign with: make one with `rollcall keygen` and name it as key_file")
	case o.ViewSize < 0 || o.ViewSize%os.Getpagesize() != 0:
		return o, fmt.Errorf("open plane: view size %d: must be a multiple of %d", o.ViewSize, os.Getpagesize())
	}
	return o, nil
}

func (o *Options) usesUDP() bool { return o.Transport == TransportUDP || o.Routed }

func setDefault[T comparable](field *T, value T) {
	if zero := *new(T); *field == zero {
		*field = value
	}
}
